import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { sql } from 'kysely';
import { startOauthServer } from '../doubles/oauth-server.ts';
import { start, until } from '../harness/command.ts';
import { type Company, makeCompany } from '../harness/company.ts';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';

const database = await openTestDatabase();
const server = await startTestServer(database);
const upstream = await startOauthServer();
database.onEnd(() => upstream.close());

const PEOPLE = 6000;

async function companyWithFeed(): Promise<Company> {
  const company = await makeCompany(server, database);
  await company
    .api('put', '/mapping-rules/everybody')
    .send({ condition: 'exists($.department)', scope: { workspace: 'main' }, role: 'member' })
    .expect(200);
  company.write(
    ...Array.from(
      { length: PEOPLE },
      (_, at) => `P${at},person${at}@acme.example,Person ${at},${at % 2 ? 'Sales' : 'Support'},Agent,active`,
    ),
  );
  return company;
}

/** All that a run leaves, without the ids that differ from company to company. */
async function stateOf(company: Company): Promise<unknown> {
  return company.within(async ({ db }) => ({
    users: (await sql`SELECT email, display_name, status, access_epoch FROM users ORDER BY email`.execute(db)).rows,
    facts: (
      await sql`SELECT source_key, active, reconciled_present, deleted_at, version, user_id IS NOT NULL AS linked FROM directory_users ORDER BY source_key`.execute(
        db,
      )
    ).rows,
    memberships: (
      await sql`SELECT u.email, m.role, m.source, m.reason FROM memberships m JOIN users u ON u.id = m.user_id ORDER BY 1`.execute(
        db,
      )
    ).rows,
    staged: (await sql`SELECT count(*)::int AS rows FROM staged_users`.execute(db)).rows,
    events: (
      await sql`SELECT action, count(*)::int AS count FROM audit_events WHERE action LIKE 'user.%' OR action LIKE 'membership.%' GROUP BY 1 ORDER BY 1`.execute(
        db,
      )
    ).rows,
  }));
}

const countIn = async (company: Company, table: 'users' | 'memberships' | 'staged_users') =>
  company.within(async ({ db }) =>
    Number((await sql<{ n: number }>`SELECT count(*)::int AS n FROM ${sql.table(table)}`.execute(db)).rows[0]?.n),
  );

const hasBegunToPlan = async (company: Company) =>
  company.within(async ({ db }) => {
    const { rows } = await sql`SELECT FROM sync_progress WHERE phase <> 'reading'`.execute(db);
    return rows.length > 0;
  });

async function killed(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL');
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
}

/** The state of a company that nobody disturbed. */
const undisturbed = await (async () => {
  const company = await companyWithFeed();
  await company.sync();
  return stateOf(company);
})();

describe('kill -9, then restart, ends like an undisturbed run', () => {
  const moments: readonly [name: string, wait: (company: Company) => Promise<unknown>][] = [
    [
      'while the feed is staged',
      (company) => until(async () => (await countIn(company, 'staged_users')) > 0, 30, 'staging'),
    ],
    [
      'once everything is staged and the plan is made or applied',
      (company) =>
        until(async () => hasBegunToPlan(company), 30, 'the turn to apply').then(
          () => new Promise((wake) => setTimeout(wake, 150)),
        ),
    ],
  ];
  for (const [name, wait] of moments) {
    it(`given sync run killed ${name}, then nothing half is there, and the next server finishes it`, {
      timeout: 180_000,
    }, async () => {
      const company = await companyWithFeed();
      const command = start(database, ['sync', 'run', 'hr', '-o', company.slug]);
      await wait(company);
      await killed(command);
      const people = await countIn(company, 'users');
      assert.ok(people === 0 || people === PEOPLE, `${people} people: all or nothing`);
      assert.equal(await countIn(company, 'memberships'), people);

      const next = start(database, ['serve'], { PORT: '0' });
      await until(
        async () => (await countIn(company, 'memberships')) === PEOPLE,
        150,
        'the interrupted run to be finished',
      );
      await killed(next);
      assert.deepEqual(await stateOf(company), undisturbed);
    });
  }

  it('given a server killed in the middle of a revocation elsewhere, then the next one does it, and the case closes', {
    timeout: 120_000,
  }, async () => {
    const company = await makeCompany(server, database);
    company.write('E1,lea@acme.example,Lea,Engineering,Developer,active');
    await company.sync();
    await company
      .api('put', '/oauth-providers/calendar')
      .send({
        revocationEndpoint: `${upstream.url}/token/revocation`,
        introspectionEndpoint: `${upstream.url}/token/introspection`,
        clientId: upstream.client.id,
        clientSecret: upstream.client.secret,
      })
      .expect(200);
    const token = await upstream.token();
    const user = await company.person('lea@acme.example');
    await company
      .api('post', '/oauth-tokens')
      .send({ provider: 'calendar', user, kind: 'access_token', token })
      .expect(201);
    upstream.meet('hang');
    const first = start(database, ['serve'], { PORT: '0' });
    await company.api('post', '/people/lea@acme.example/offboard').send({ reason: 'left' }).expect(201);
    await until(async () => upstream.revocations() === 1, 30, 'the first try');
    await killed(first);
    assert.equal(await upstream.isActive(token), true, 'nothing has reached the server yet');

    const second = start(database, ['serve'], { PORT: '0' });
    const done = await until(
      async () => {
        const { body } = await company.api('get', `/offboarding-cases?user=${user}`);
        return body.cases[0].closedAt === null ? undefined : body.cases[0];
      },
      90,
      'the case to close',
    );
    await killed(second);
    assert.deepEqual(
      done.steps.map(({ state, attempts }: { state: string; attempts: number }) => [state, attempts]),
      [['revoked', 2]],
    );
    assert.equal(await upstream.isActive(token), false);
  });
});
