/** When pulled directories run by themselves. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { unlinkSync } from 'node:fs';
import { describe, it } from 'node:test';
import { enqueueDueRuns, startSyncWorker } from '../../src/directory/schedule.ts';
import { isSchedule, nextDue } from '../../src/directory/timetable.ts';
import { until } from '../harness/command.ts';
import { type Company, makeCompany } from '../harness/company.ts';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';

const database = await openTestDatabase();
const [one, two] = [await startTestServer(database), await startTestServer(database)];
const HOUR = 3_600_000;
const inHours = (hours: number) => new Date(Date.now() + hours * HOUR);

async function scheduled(more: Record<string, unknown> = {}): Promise<Company> {
  const acme = await makeCompany(one, database);
  acme.write('E1,ana@acme.example,Ana,Sales,Manager,active');
  await put(acme, more);
  return acme;
}

const put = (acme: Company, more: Record<string, unknown>) =>
  acme
    .api('put', '/directories/hr')
    .send({
      kind: 'csv',
      config: { file: acme.feed, columns: { status: 'status' } },
      ...{ schedule: '0 3 * * *', timeZone: 'Europe/Berlin', spreadMinutes: 0, ...more },
    })
    .expect(200);

const shown = async (acme: Company) => (await acme.api('get', '/directories/hr').expect(200)).body;
const runsOf = async (acme: Company): Promise<{ trigger: string; status: string }[]> => {
  const { body } = await acme.api('get', '/directories/hr/runs').expect(200);
  return body.runs.map(({ trigger, status }: Record<string, string>) => ({ trigger, status }));
};

describe('a schedule', () => {
  it('given two instances whose clocks tick, and no server for two days, then the directory is pulled once', async () => {
    const acme = await scheduled();
    await startSyncWorker(one.deps);
    await startSyncWorker(two.deps);
    for (const { deps } of [one, two]) await enqueueDueRuns(deps, new Date());
    assert.deepEqual(await runsOf(acme), [], 'a new schedule has missed nothing');

    await Promise.all([one, two].map(({ deps }) => enqueueDueRuns(deps, inHours(49))));
    await until(async () => (await runsOf(acme)).some(({ status }) => status === 'applied'), 20, 'the scheduled run');
    await enqueueDueRuns(two.deps, inHours(49.1));
    // Long enough for a second job to have been taken, were there one.
    await new Promise((wake) => setTimeout(wake, 2500));
    assert.deepEqual(await runsOf(acme), [{ trigger: 'schedule', status: 'applied' }]);
    const { nextRunAt, lastRun } = await shown(acme);
    assert.ok(Date.parse(nextRunAt) > inHours(49).getTime());
    assert.equal(lastRun.status, 'applied');
  });

  it('given a time zone, then the directory tells when it runs next, and nothing where it has no schedule', async () => {
    const acme = await scheduled();
    const { nextRunAt } = await shown(acme);
    const local = new Intl.DateTimeFormat('en-GB', { timeZone: 'Europe/Berlin', timeStyle: 'medium' });
    assert.equal(local.format(new Date(nextRunAt)), '03:00:00');
    assert.ok(Date.parse(nextRunAt) > Date.now() && Date.parse(nextRunAt) < inHours(25).getTime());
    await put(acme, { schedule: null });
    assert.equal((await shown(acme)).nextRunAt, null);
  });

  it('given a source that is left alone, then it is asked again when that is over; or before, when a person says so', async () => {
    const acme = await scheduled({ schedule: '*/5 * * * *' });
    unlinkSync(acme.feed);
    for (let time = 0; time < 3; time++) await acme.api('post', '/directories/hr/runs').send({}).expect(400);
    const { quarantinedUntil, nextRunAt, lastRun } = await shown(acme);
    assert.equal(nextRunAt, quarantinedUntil);
    assert.match(lastRun.error, /no such file/i);

    await acme.api('delete', '/directories/hr/quarantine').expect(204);
    const lifted = await shown(acme);
    assert.deepEqual([lifted.quarantinedUntil, lifted.failures], [null, 0]);
    assert.ok(Date.parse(lifted.nextRunAt) < Date.now() + 6 * 60_000);
    const { body } = await acme.api('get', '/audit-events?action=directory.quarantine_ended').expect(200);
    assert.deepEqual(
      body.events.map(({ reason, actorKind }: Record<string, string>) => [reason, actorKind]),
      [['by a person', 'operator']],
    );
  });

  it('given a history, then it is paged, newest first, with what each run has done', async () => {
    const acme = await scheduled();
    for (let at = 0; at < 5; at++) await acme.sync();
    const first = (await acme.api('get', '/directories/hr/runs?limit=3').expect(200)).body;
    assert.equal(first.runs.length, 3);
    const rest = (await acme.api('get', `/directories/hr/runs?limit=3&after=${first.next}`).expect(200)).body;
    assert.deepEqual([rest.runs.length, rest.next, rest.runs.at(-1).counts], [2, null, { 'user.create': 1 }]);
    assert.equal(new Set([...first.runs, ...rest.runs].map(({ id }) => id)).size, 5);
    await acme.api('get', `/directories/hr/runs?after=${randomUUID()}`).expect(404);
  });
});

describe('when a timetable is due', () => {
  const due = (schedule: string, from: string, spreadMinutes = 0, directoryId = 'd') =>
    nextDue({ directoryId, schedule, timeZone: 'Europe/Berlin', spreadMinutes, from: new Date(from) }).toISOString();

  it('given the hour that a spring night leaves out, then it is due right after; the one that autumn has twice counts once', () => {
    assert.equal(due('30 2 * * *', '2026-03-28T12:00:00Z'), '2026-03-29T01:30:00.000Z');
    assert.equal(due('30 2 * * *', '2026-10-24T12:00:00Z'), '2026-10-25T00:30:00.000Z');
    assert.equal(due('30 2 * * *', '2026-10-25T00:30:00Z'), '2026-10-26T01:30:00.000Z');
  });

  it('given what was due has been seen to in its very minute, then it is due no more that day', () => {
    assert.equal(due('0 3 * * *', '2026-06-01T01:00:00Z'), '2026-06-02T01:00:00.000Z');
    assert.equal(due('0 3 * * *', '2026-06-01T00:59:59Z'), '2026-06-01T01:00:00.000Z');
  });

  it('given many directories of one schedule, then they are spread over the minutes, each always at its own', () => {
    const starts = Array.from({ length: 200 }, (_, at) =>
      due('0 3 * * *', '2026-06-01T02:00:00Z', 30, `directory ${at}`),
    );
    assert.deepEqual(new Set(starts).size, 30);
    assert.ok(starts.every((start) => start >= '2026-06-02T01:00' && start < '2026-06-02T01:30'));
    const [again] = starts;
    assert.equal(due('0 3 * * *', '2026-06-01T03:00:00Z', 30, 'directory 0'), again);
  });

  it('given a text, then it is a schedule if it has five fields and ever comes true', () => {
    for (const good of ['0 3 * * *', '*/15 8-18 * * MON-FRI', '0 3 * * 7', '0 0 29 2 *', '0 3 * * THU'])
      assert.ok(isSchedule(good), good);
    for (const bad of ['', '0 3 * *', '* * * * * *', '@daily', '0 0 31 2 *', 'H 3 * * *', '60 3 * * *', '0 3 * * XYZ'])
      assert.ok(!isSchedule(bad), bad);
  });
});
