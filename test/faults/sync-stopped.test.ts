/** FAULT-8, FAULT-10, FAULT-12, as far as runs are concerned: a server told to stop, a clock that jumps, a queue that is full. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { sql } from 'kysely';
import { enqueueDueRuns, resumeInterrupted, startSyncWorker } from '../../src/directory/schedule.ts';
import { startGatedSource } from '../doubles/gated-source.ts';
import { start, until } from '../harness/command.ts';
import { makeCompany } from '../harness/company.ts';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';
import { checkEnds, runsOf } from './sync-state.ts';

const BACKLOG = Number(process.env['SYNC_BACKLOG'] ?? 5_000);
const database = await openTestDatabase();
const server = await startTestServer(database);
const HOUR = 3_600_000;

async function slowCompany(schedule: string | null = null) {
  const company = await makeCompany(server, database);
  const source = await startGatedSource();
  database.onEnd(() => source.close());
  source.people = ['ana', 'ben'].map((name) => ({ id: name, email: `${name}@acme.example`, name }));
  const id = await source.putInto(company);
  if (schedule !== null) {
    const { body } = await company.api('get', '/directories/slow').expect(200);
    const { kind, config, guards } = body;
    await company
      .api('put', '/directories/slow')
      .send({ kind, config, guards, schedule, spreadMinutes: 0 })
      .expect(200);
  }
  const people = () =>
    company.within(async ({ db }) => (await db.selectFrom('users').select('email').execute()).length);
  return { company, source, job: { organizationId: company.id, id }, people };
}

describe('FAULT-12: a server told to stop while a run goes on', () => {
  it('given its source says nothing, then the server waits a few seconds, leaves, and the next one begins the run anew', async () => {
    const { company, source, job, people } = await slowCompany();
    source.shut();
    const child = start(database, ['serve'], { PORT: '0' });
    await once(child.stdout ?? child, 'data');
    await server.deps.jobs.enqueue('sync.run', job);
    await until(async () => source.asked() === 1, 20, 'the source to be asked');
    const told = Date.now();
    const exit = once(child, 'exit');
    child.kill('SIGTERM');
    await exit;
    assert.ok(Date.now() - told < 25_000, 'sooner than it would be killed');
    assert.deepEqual([child.exitCode, await people()], [0, 0]);

    source.open();
    await startSyncWorker(server.deps);
    await resumeInterrupted(server.deps);
    await until(async () => (await people()) === 2, 30, 'the run to be begun anew');
    await until(async () => (await runsOf(company)).every(({ status }) => status !== 'staging'), 30, 'its end');
    await checkEnds(company);
  });
});

describe('FAULT-8: a clock that jumps', () => {
  it('given an hour forward and back again, then a directory is run once more at most, and not left out afterwards', async () => {
    const { company, source, job } = await slowCompany('*/15 * * * *');
    const now = Date.now();
    const tick = (at: number) => enqueueDueRuns(server.deps, new Date(at));
    const ended = (count: number) =>
      until(
        async () => (await runsOf(company)).filter(({ status }) => status === 'applied').length === count,
        20,
        `the end of run ${count}`,
      );
    const back = (at: number) =>
      company.within(({ db }) =>
        sql`UPDATE directories SET scheduled_from = ${new Date(at)} WHERE id = ${job.id}`.execute(db),
      );
    await back(now - HOUR / 2);
    await tick(now);
    await ended(1);
    await tick(now + HOUR);
    await ended(2);
    for (const minute of [0, 1, 2, 16, 31]) await tick(now + minute * 60_000);
    await new Promise((wake) => setTimeout(wake, 1500));
    assert.equal(source.asked(), 2, 'what lies in the past is not run again');
    await tick(now + HOUR + HOUR / 2);
    await ended(3);
  });
});

describe(`FAULT-10: ${BACKLOG} jobs are waiting`, () => {
  it('given they are of directories that are gone, then whoever runs one by hand is served at once', async () => {
    const { company, source, job, people } = await slowCompany();
    await sql`
      INSERT INTO pgboss.job (name, data, retry_limit, expire_seconds, keep_until, policy)
      SELECT 'sync.run', jsonb_build_object('organizationId', ${job.organizationId}::text, 'id', gen_random_uuid()), 0, 900,
        now() + interval '1 day', (SELECT policy FROM pgboss.queue WHERE name = 'sync.run')
      FROM generate_series(1, ${BACKLOG}::integer)`.execute(database.store.db);
    const { body } = await company.api('post', '/directories/slow/runs').send({});
    assert.equal(body.status, 'applied', 'by hand it is run at once, whatever waits');
    assert.deepEqual([source.asked(), await people()], [1, 2]);
    const waiting = async () => {
      const left = sql<{
        n: number;
      }>`SELECT count(*) AS n FROM pgboss.job WHERE name = 'sync.run' AND state = 'created'`;
      return (await left.execute(database.store.db)).rows[0]?.n ?? 0;
    };
    assert.ok((await waiting()) < BACKLOG + 1, 'and the queue moves');
  });
});
