/** An organization with people, arranged through the public API, as most tests need one. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type supertest from 'supertest';
import { inTenant, type TenantTransaction } from '../../src/store/tenant.ts';
import { asOwner } from './cluster.ts';
import { TEST_ORIGIN, type TestDatabase } from './database.ts';
import type { TestServer } from './server.ts';

type Method = 'get' | 'post' | 'put' | 'patch' | 'delete';

export interface Company {
  readonly id: string;
  readonly slug: string;
  /** The path of its CSV feed. */
  readonly feed: string;
  /** Calls the organization's API as the operator. */
  api(method: Method, path: string): supertest.Test;
  /** Writes the feed: a header `id,email,name,department,title,status`, or another, and these rows. */
  write(...rows: string[]): void;
  header(line: string): void;
  /** Runs the directory `hr` and gives the run's answer. */
  sync(
    mode?: 'plan' | 'run',
  ): Promise<{ id: string; status: string; counts: Record<string, number>; guards: { guard: string }[] }>;
  /** Looks behind the API, inside the organization's walls. */
  within<T>(work: (tx: TenantTransaction) => Promise<T>): Promise<T>;
  /** The id of the person who has this address now, or had it last. */
  person(email: string): Promise<string>;
  /** `scope:role (source)` of every membership of a person. */
  memberships(email: string): Promise<string[]>;
}

let count = 0;

/** Makes a company of the model atomyx with the workspace `main`, its product `insights`, and the CSV directory `hr`. */
export async function makeCompany(
  server: TestServer,
  database: TestDatabase,
  options: { readonly model?: string; readonly guards?: Record<string, number> } = {},
): Promise<Company> {
  count += 1;
  // Where a person has one account, nobody of a former company has it any more.
  if (options.model !== undefined)
    await asOwner(database.ownerUrl, `UPDATE users SET status = 'deprovisioned' WHERE account_scope <> ''`);
  const slug = `company-${count}`;
  const folder = mkdtempSync(join(tmpdir(), 'drawbridge-feed-'));
  database.onEnd(async () => rmSync(folder, { recursive: true, force: true }));
  const feed = join(folder, 'hr.csv');
  const made = await server
    .api('post', '/organizations')
    .send({ slug, model: options.model ?? 'atomyx' })
    .expect(201);
  const id: string = made.body.id;
  const api: Company['api'] = (method, path) => server.api(method, `/organizations/${slug}${path}`);
  await api('put', '/workspaces/main').send({}).expect(ok);
  await api('put', '/workspaces/main/products/insights').send({}).expect(ok);
  await api('put', '/directories/hr')
    .send({ kind: 'csv', config: { file: feed, columns: { status: 'status' } }, guards: options.guards ?? {} })
    .expect(ok);

  let header = 'id,email,name,department,title,status';
  const within: Company['within'] = (work) => inTenant(server.deps.store.db, id, TEST_ORIGIN, work);
  return {
    id,
    slug,
    feed,
    api,
    within,
    write: (...rows) => writeFileSync(feed, [header, ...rows, ''].join('\n')),
    header: (line) => {
      header = line;
    },
    sync: async (mode = 'run') => {
      const answer = await api('post', '/directories/hr/runs').send({ mode });
      assert.ok(answer.ok, JSON.stringify(answer.body));
      return answer.body;
    },
    person: (email) =>
      within(async (tx) => {
        const row = await tx.db
          .selectFrom('users')
          .select('id')
          .where('email', '=', email)
          .orderBy('created_at', 'desc')
          .executeTakeFirstOrThrow();
        return row.id;
      }),
    memberships: (email) =>
      within(async (tx) => {
        const rows = await tx.db
          .selectFrom('memberships as m')
          .innerJoin('users as u', 'u.id', 'm.user_id')
          .leftJoin('workspaces as w', 'w.id', 'm.workspace_id')
          .leftJoin('products as p', 'p.id', 'm.product_id')
          .select(['m.scope_kind', 'm.role', 'm.source', 'w.slug as workspace', 'p.slug as product'])
          .where('u.email', '=', email)
          .execute();
        return rows
          .map(
            (row) =>
              `${[row.workspace, row.product].filter(Boolean).join('/') || row.scope_kind}:${row.role} (${row.source})`,
          )
          .sort();
      }),
  };
}

function ok(response: { readonly ok: boolean; readonly body: unknown }): void {
  assert.ok(response.ok, JSON.stringify(response.body));
}
