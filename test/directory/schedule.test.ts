import assert from 'node:assert/strict';
import { it } from 'node:test';
import { sql } from 'kysely';
import { enqueueDue, scheduledDirectories, startSyncWorker } from '../../src/directory/schedule.ts';
import { until } from '../harness/command.ts';
import { makeCompany } from '../harness/company.ts';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';

const database = await openTestDatabase();
const [one, two] = [await startTestServer(database), await startTestServer(database)];

it('given two instances whose clocks tick in the same minute, then a scheduled directory is pulled once', async () => {
  const company = await makeCompany(one, database);
  company.write('E1,ana@acme.example,Ana,Sales,Manager,active');
  const config = { file: company.feed, columns: { status: 'status' } };
  await company
    .api('put', '/directories/hr')
    .send({ kind: 'csv', config, schedule: '0 3 * * *', timeZone: 'Europe/Berlin' })
    .expect(200);
  await startSyncWorker(one.deps);
  await startSyncWorker(two.deps);

  const minute = new Date();
  for (const { deps } of [one, two]) {
    const works = await scheduledDirectories(deps);
    assert.deepEqual(
      works.map(({ schedule, timeZone }) => [schedule, timeZone]),
      [['0 3 * * *', 'Europe/Berlin']],
    );
    for (const work of works) await enqueueDue(deps.jobs, work, minute);
  }
  const runs = () =>
    company.within(
      async ({ db }) =>
        (await sql<{ trigger: string; status: string }>`SELECT trigger, status FROM sync_runs`.execute(db)).rows,
    );
  await until(async () => (await runs()).some(({ status }) => status === 'applied'), 20, 'the scheduled run');
  // Long enough for a second job to have been taken, were there one.
  await new Promise((wake) => setTimeout(wake, 2500));
  assert.deepEqual(await runs(), [{ trigger: 'schedule', status: 'applied' }]);
});
