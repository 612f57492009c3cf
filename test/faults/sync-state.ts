/** A company whose feed is disturbed, and all that its runs have left: for comparing with one that nobody disturbed. */
import assert from 'node:assert/strict';
import { sql } from 'kysely';
import { type Company, makeCompany } from '../harness/company.ts';
import type { TestDatabase } from '../harness/database.ts';
import { LOOSE_GUARDS } from '../harness/loose-guards.ts';
import type { TestServer } from '../harness/server.ts';

export const PEOPLE = 300;
const GROUPS = 20;
const HEADER = 'id,email,name,department,title,status,groups';

/** Two feeds that differ: of those in the second some are new, some have moved, some have left, some have left a group. */
export const FEEDS = [feed(0), feed(1)] as const;

function feed(day: 0 | 1): string[] {
  return Array.from({ length: PEOPLE }, (_, at) => {
    const status = day === 1 && at % 17 === 3 ? 'terminated' : 'active';
    const department = (at + (at % 5 === 0 ? day : 0)) % 2 === 0 ? 'Sales' : 'Support';
    const groups = [`Group ${at % GROUPS}`, ...(at % 7 === day ? ['Group 0'] : [])];
    return `P${at},p${at}@acme.example,Person ${at},${department},Agent,${status},${groups.join(';')}`;
  }).slice(day === 0 ? 0 : 10, day === 0 ? PEOPLE - 10 : PEOPLE);
}

/** A company with rules by department and by group, and the directory `hr`, whose feed says nothing yet. */
export async function companyOfGroups(server: TestServer, database: TestDatabase): Promise<Company> {
  const company = await makeCompany(server, database);
  const columns = { status: 'status', groups: 'groups' };
  await company
    .api('put', '/directories/hr')
    .send({ kind: 'csv', config: { file: company.feed, columns }, guards: LOOSE_GUARDS })
    .expect(200);
  company.header(HEADER);
  for (const [slug, rule] of Object.entries({
    sales: { condition: '$.department == "Sales"', scope: { workspace: 'main' }, role: 'member' },
    zero: { group: 'Group 0', scope: { workspace: 'main' }, role: 'admin' },
    insights: { group: 'Group 1*', groupBy: 'pattern', scope: { product: 'main/insights' }, role: 'viewer' },
  })) {
    await company.api('put', `/mapping-rules/${slug}`).send(rule).expect(200);
  }
  return company;
}

/** People, facts, memberships and the count of audit events, without the ids that differ from company to company. */
export async function stateOf(company: Company): Promise<Readonly<Record<string, unknown>>> {
  return company.within(async ({ db }) => {
    const rows = async (query: ReturnType<typeof sql>) => (await query.execute(db)).rows;
    return {
      users: await rows(sql`SELECT email, display_name, status, access_epoch FROM users ORDER BY email`),
      facts:
        await rows(sql`SELECT source_key, active, reconciled_present, deleted_at IS NULL AS stands, version, user_id IS NOT NULL AS linked
        FROM directory_users ORDER BY source_key`),
      members: await rows(sql`SELECT g.display_name, u.source_key FROM directory_group_members m
        JOIN directory_groups g ON g.id = m.group_id JOIN directory_users u ON u.id = m.member_id ORDER BY 1, 2`),
      memberships: await rows(sql`SELECT u.email, m.scope_kind, m.role, m.source, m.reason FROM memberships m
        JOIN users u ON u.id = m.user_id ORDER BY 1, 2, 3`),
      cases: await rows(sql`SELECT count(*) AS n FROM offboarding_cases`),
      events: await rows(sql`SELECT action, count(*) AS n FROM audit_events
        WHERE action LIKE 'user.%' OR action LIKE 'membership.%' GROUP BY 1 ORDER BY 1`),
    };
  });
}

/** What runs have staged and not taken away. */
export async function stagedRows(company: Company): Promise<number> {
  const { rows } = await company.within(({ db }) =>
    sql<{ n: number }>`SELECT (SELECT count(*) FROM staged_users) + (SELECT count(*) FROM staged_links)
      + (SELECT count(*) FROM staged_groups) + (SELECT count(*) FROM staged_members) AS n`.execute(db),
  );
  return rows[0]?.n ?? 0;
}

export interface Ended {
  readonly status: string;
  readonly error: string | null;
  /** What the audit says of its end. */
  readonly events: string;
}

/** Every run of the directory `hr`, oldest first, with the audit's events about it. */
export async function runsOf(company: Company): Promise<Ended[]> {
  const { rows } = await company.within(({ db }) =>
    sql<Ended>`SELECT r.status, r.error, coalesce((SELECT string_agg(e.action, ', ' ORDER BY e.at) FROM audit_events e
        WHERE e.resource_type = 'sync_run' AND e.resource_id = r.id::text), '') AS events
      FROM sync_runs r WHERE r.directory_id IS NOT NULL ORDER BY r.started_at`.execute(db),
  );
  return rows;
}

/** Each run has ended, and the audit has one word about how. */
export async function checkEnds(company: Company): Promise<void> {
  const says: Record<string, string[]> = {
    applied: ['sync.applied'],
    failed: ['sync.failed', 'sync.discarded'],
  };
  for (const run of await runsOf(company)) {
    assert.ok(says[run.status]?.includes(run.events), JSON.stringify(run));
  }
  assert.equal(await stagedRows(company), 0, 'nothing staged is left behind');
}
