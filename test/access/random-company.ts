/** A company of random people, places, roles and keys in one of the models, written behind the API so that every state can be asked. */
import { sql } from 'kysely';
import type { AccessModel } from '../../src/access/model.ts';
import { ACCOUNT_SCOPE } from '../../src/tenancy/account-scope.ts';
import { type Company, makeCompany } from '../harness/company.ts';
import type { TestDatabase } from '../harness/database.ts';
import type { TestServer } from '../harness/server.ts';
import { shipped } from './models-under-test.ts';

export interface Named {
  readonly type: string;
  readonly id: string;
}

export interface Peopled {
  readonly made: Company;
  readonly model: AccessModel;
  readonly subjects: readonly Named[];
  readonly places: readonly Named[];
}

/** The same numbers for the same seed. */
export function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Makes one, with `size` people and as many keys. */
export async function peopledCompany(
  server: TestServer,
  database: TestDatabase,
  { name, seed, size }: { readonly name: string; readonly seed: number; readonly size: number },
): Promise<Peopled> {
  const made = await makeCompany(server, database, { model: name });
  const model = shipped(name);
  const random = randomOf(seed);
  const one = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
  const maybe = <T>(share: number, value: T) => (random() < share ? value : null);
  const places = await placesOf(made);
  const [workspaces, products] = [ofType(places, 'workspace'), ofType(places, 'product')];
  const roles = [...model.roles.values()];
  const permissions = [...model.permissions.keys()];
  const numbered = Array.from({ length: size }, (_, at) => at);
  const people = numbered.map((at) => ({
    email: `p${at}@acme.example`,
    status: { 0: 'suspended', 5: 'deprovisioned' }[at] ?? 'active',
  }));
  const memberships = numbered.flatMap((at) =>
    Array.from({ length: 2 + Math.floor(random() * 4) }, () => {
      const { role, scopeKind } = one(roles);
      const product = one(products);
      const workspace = scopeKind === 'product' ? product.workspaceId : one(workspaces).id;
      return {
        email: `p${at}@acme.example`,
        role: random() < 0.05 ? 'forgotten' : role,
        scope: scopeKind,
        workspace: scopeKind === 'workspace' || scopeKind === 'product' ? workspace : null,
        product: scopeKind === 'product' ? product.id : null,
        over: random() < 0.1,
        source: one(['manual', 'mapping', 'jit']),
      };
    }),
  );
  const keys = numbered.map((at) => {
    const product = one(products);
    const workspace = maybe(0.6, product.workspaceId);
    return {
      display: `key ${at}`,
      kind: one(['personal', 'project', 'service', 'workspace']),
      creator: `p${at}@acme.example`,
      stale: random() < 0.1,
      workspace,
      product: workspace && maybe(0.4, product.id),
      environment: one(['production', 'production', 'development']),
      scopes: permissions.filter(() => random() < 0.6),
      revoked: random() < 0.1,
      over: random() < 0.1,
    };
  });
  await made.within(async ({ db, organizationId }) => {
    await sql`
      INSERT INTO users (organization_id, account_scope, email, status)
      SELECT ${organizationId}, ${ACCOUNT_SCOPE}, p.email, p.status FROM jsonb_to_recordset(${JSON.stringify(people)}::jsonb) AS p(email text, status text)`.execute(
      db,
    );
    await sql`
      INSERT INTO memberships (organization_id, user_id, scope_kind, workspace_id, product_id, role, source, granted_by, expires_at)
      SELECT ${organizationId}, u.id, m.scope, m.workspace, m.product, m.role, m.source, 'test', CASE WHEN m.over THEN now() - interval '1 s' END
      FROM jsonb_to_recordset(${JSON.stringify(memberships)}::jsonb)
        AS m(email text, role text, scope text, workspace uuid, product uuid, over boolean, source text)
      JOIN users u ON u.email = m.email ON CONFLICT DO NOTHING`.execute(db);
    await sql`
      INSERT INTO api_keys (organization_id, kind, name, key_hash, display, environment, creator_id, access_epoch, workspace_id, product_id,
        scopes, expires_at, revoked_at)
      SELECT ${organizationId}, k.kind, k.display, sha256((${made.slug} || k.display)::bytea), k.display, k.environment, u.id,
        u.access_epoch - k.stale::int, k.workspace, k.product, k.scopes, CASE WHEN k.over THEN now() END, CASE WHEN k.revoked THEN now() END
      FROM jsonb_to_recordset(${JSON.stringify(keys)}::jsonb) AS k(display text, kind text, creator text, stale boolean, workspace uuid,
        product uuid, environment text, scopes text[], revoked boolean, over boolean) JOIN users u ON u.email = k.creator`.execute(
      db,
    );
  });
  return { made, model, subjects: await subjectsOf(made), places };
}

interface Placed extends Named {
  readonly workspaceId: string;
}

/** The organization, three workspaces of two environments, and products with subscriptions in every state. */
async function placesOf(made: Company): Promise<Placed[]> {
  const states = [
    { subscriptionStatus: 'active' },
    { subscriptionStatus: 'expired' },
    { subscriptionStatus: 'active', subscriptionEndsAt: '2020-01-01T00:00:00Z' },
    { subscriptionStatus: 'active', subscriptionEndsAt: '2999-01-01T00:00:00Z' },
  ];
  await made.api('put', '/workspaces/lab').send({ environment: 'development' }).expect(200);
  await made.api('put', '/workspaces/side').send({}).expect(200);
  for (const [at, state] of states.entries()) {
    await made
      .api('put', `/workspaces/${at % 2 === 0 ? 'main' : 'lab'}/products/p${at}`)
      .send(state)
      .expect(200);
  }
  const found = await made.within(async ({ db }) => {
    const { rows } = await sql<Placed>`
      SELECT 'workspace' AS type, id, id AS "workspaceId" FROM workspaces
      UNION ALL SELECT 'product', id, workspace_id FROM products ORDER BY type, id`.execute(db);
    return rows;
  });
  return [{ type: 'organization', id: made.id, workspaceId: '' }, ...found];
}

function ofType(places: readonly Placed[], type: string): Placed[] {
  return places.filter((each) => each.type === type);
}

function subjectsOf(made: Company): Promise<Named[]> {
  return made.within(async ({ db }) => {
    const { rows } = await sql<Named>`
      SELECT 'user' AS type, id FROM users UNION ALL SELECT 'api_key', id FROM api_keys ORDER BY type, id`.execute(db);
    return rows;
  });
}
