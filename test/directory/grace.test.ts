/** Somebody whom the source no longer names may be missing by mistake: for some days they are kept as they are. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { sql } from 'kysely';
import { settleDates } from '../../src/directory/schedule.ts';
import { type Company, makeCompany } from '../harness/company.ts';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';

const database = await openTestDatabase();
const server = await startTestServer(database);
const folder = mkdtempSync(join(tmpdir(), 'drawbridge-grace-'));
after(() => rmSync(folder, { recursive: true }));

const HEADER = 'id,email,name,department,title,status,groups,ends';
const person = (at: number, more: { status?: string; groups?: string; ends?: string } = {}) =>
  `E${at},p${at}@acme.example,Person ${at},Sales,Agent,${more.status ?? 'active'},${more.groups ?? 'Team'},${more.ends ?? ''}`;
const people = (count: number) => Array.from({ length: count }, (_, at) => person(at));
const COLUMNS = { status: 'status', groups: 'groups', endsOn: 'ends' };

async function company(graceDays: number, guards: Record<string, number> = {}): Promise<Company> {
  const made = await makeCompany(server, database);
  made.header(HEADER);
  await given(made, { graceDays, guards });
  const rule = { group: 'Team', scope: { workspace: 'main' }, role: 'member' };
  await made.api('put', '/mapping-rules/team').send(rule).expect(200);
  return made;
}

const given = (at: Company, more: Record<string, unknown>) =>
  at
    .api('put', '/directories/hr')
    .send({ kind: 'csv', config: { file: at.feed, columns: COLUMNS }, timeZone: 'Europe/Berlin', ...more })
    .expect(200);

async function statusOf(at: Company, email: string): Promise<string> {
  const { body } = await at.api('get', `/people/${email}`).expect(200);
  return body.status;
}

/** As if so many days had gone by. */
const daysPass = (at: Company, days: number) =>
  at.within(({ db }) =>
    sql`UPDATE directory_users SET leaves_at = leaves_at - ${days} * interval '1 day' WHERE leaves_at IS NOT NULL`.execute(
      db,
    ),
  );

const reasons = async (at: Company, run: string, kind: string): Promise<string[]> => {
  const { body } = await at.api('get', `/runs/${run}/changes?kind=${kind}`).expect(200);
  return body.changes.map(({ email, reason }: Record<string, string>) => `${email} ${reason}`);
};

describe('days of grace', () => {
  it('given somebody is missing from a complete feed, then they keep what they have, and the plan says until when', async () => {
    const acme = await company(7);
    acme.write(...people(3));
    await acme.sync();
    acme.write(...people(2));
    const run = await acme.sync();
    assert.deepEqual([run.status, run.counts], ['applied', { 'user.missing': 1 }]);
    const [told] = await reasons(acme, run.id, 'user.missing');
    assert.match(told ?? '', /^p2@acme.example missing: leaves on 20\d\d-\d\d-\d\d \d\d:\d\d unless back$/);
    assert.equal(await statusOf(acme, 'p2@acme.example'), 'active');
    assert.deepEqual(await acme.memberships('p2@acme.example'), ['main:member (mapping)']);
    assert.deepEqual((await acme.sync()).counts, { 'user.waiting': 1 }, 'no longer than was said');
  });

  it('given whoever is missing, or has a line that can not be used, was the last one in a group, then they are still in it', async () => {
    const acme = await company(7, { maxBadShare: 1 });
    const others = people(3).map((line) => line.replace('Team', 'Others'));
    acme.write(...others, person(3));
    await acme.sync();
    acme.write(...others);
    assert.deepEqual((await acme.sync()).counts, { 'user.missing': 1 });
    assert.deepEqual((await acme.sync()).counts, { 'user.waiting': 1 });
    assert.deepEqual(await acme.memberships('p3@acme.example'), ['main:member (mapping)']);
    acme.write(...others, person(3, { ends: 'nonsense' }));
    await acme.sync();
    assert.deepEqual(await acme.memberships('p3@acme.example'), ['main:member (mapping)']);
    acme.write(...others, person(3, { groups: 'Others' }));
    await acme.sync();
    assert.deepEqual(await acme.memberships('p3@acme.example'), [], 'until they are said not to be');
    const { body } = await acme.api('get', '/directory-groups').expect(200);
    assert.deepEqual(
      body.groups.map(({ name }: { name: string }) => name),
      ['Others'],
      'and the group goes with them',
    );
  });

  it('given they are back within the grace, then nothing has happened to them', async () => {
    const acme = await company(7);
    acme.write(...people(3));
    await acme.sync();
    const before = await acme.within(({ db }) => db.selectFrom('memberships').select(['id', 'role']).execute());
    acme.write(...people(2));
    await acme.sync();
    acme.write(...people(3));
    assert.deepEqual((await acme.sync()).counts, { 'user.found': 1 });
    assert.deepEqual((await acme.sync()).counts, {});
    const { body } = await acme.api('get', '/people/p2@acme.example').expect(200);
    assert.equal(body.status, 'active');
    assert.deepEqual(
      await acme.within(({ db }) => db.selectFrom('memberships').select(['id', 'role']).execute()),
      before,
    );
  });

  it('given the grace is over, then the next run lets them go; and back after it they are the same person again', async () => {
    const acme = await company(7);
    acme.write(...people(3));
    await acme.sync();
    acme.write(...people(2));
    await acme.sync();
    await daysPass(acme, 7.1);
    const run = await acme.sync();
    assert.deepEqual(run.counts, { 'user.deprovision': 1 });
    assert.deepEqual(await reasons(acme, run.id, 'user.deprovision'), [
      'p2@acme.example missing, and the days of grace are over',
    ]);
    assert.equal(await statusOf(acme, 'p2@acme.example'), 'deprovisioned');
    acme.write(...people(3));
    assert.deepEqual((await acme.sync()).counts, { 'membership.add': 1, 'user.reactivate': 1 });
  });

  it('given no further run, then the clock lets them go when their grace ends, and not before', async () => {
    const acme = await company(2);
    acme.write(...people(3));
    await acme.sync();
    acme.write(...people(2));
    await acme.sync();
    await daysPass(acme, 1.9);
    await settleDates(server.deps);
    assert.equal(await statusOf(acme, 'p2@acme.example'), 'active');
    await daysPass(acme, 0.2);
    await settleDates(server.deps);
    assert.equal(await statusOf(acme, 'p2@acme.example'), 'deprovisioned');
    assert.deepEqual(await acme.memberships('p2@acme.example'), []);
    const { body } = await acme.api('get', '/offboarding-cases?user=p2@acme.example').expect(200);
    assert.equal(body.cases.length, 1);
    assert.deepEqual((await acme.sync()).counts, {});
  });

  it('given the source itself says that somebody has left, then there is no grace', async () => {
    const acme = await company(7);
    acme.write(...people(4));
    await acme.sync();
    acme.write(person(0), person(1), person(2, { status: 'terminated' }), person(3, { ends: '2020-01-31' }));
    const run = await acme.sync();
    assert.deepEqual(run.counts, { 'user.deprovision': 2 });
    assert.deepEqual(await reasons(acme, run.id, 'user.deprovision'), [
      'p2@acme.example inactive in the feed',
      'p3@acme.example end date 2020-01-31',
    ]);
  });

  it('given somebody waits, when the source says that they have left, then they leave at once', async () => {
    const acme = await company(7);
    acme.write(...people(3));
    await acme.sync();
    acme.write(...people(2));
    await acme.sync();
    acme.write(...people(2), person(2, { status: 'terminated' }));
    assert.deepEqual((await acme.sync()).counts, { 'user.deprovision': 1 });
  });

  it('given fewer days are set, then whoever waits has fewer; given none, they leave with the next minute', async () => {
    const acme = await company(30);
    acme.write(...people(3));
    await acme.sync();
    acme.write(...people(2));
    await acme.sync();
    await given(acme, { graceDays: 10 });
    await daysPass(acme, 9);
    await settleDates(server.deps);
    assert.equal(await statusOf(acme, 'p2@acme.example'), 'active');
    await given(acme, { graceDays: 0 });
    await settleDates(server.deps);
    assert.equal(await statusOf(acme, 'p2@acme.example'), 'deprovisioned');
  });

  it('given many are missing at once, then the guards look at the day on which they are missed, and not again when they leave', async () => {
    const acme = await company(7, { maxFeedShrink: 1, maxDeprovisionShare: 0.2 });
    acme.write(...people(20));
    await acme.sync();
    acme.write(...people(14));
    const run = await acme.sync();
    assert.deepEqual([run.status, run.guards.map(({ guard }) => guard)], ['held', ['deprovisions']]);
    assert.deepEqual((await acme.sync()).counts, { 'user.missing': 6 }, 'their days begin when somebody has agreed');
    const again = (await acme.api('get', '/runs?limit=1').expect(200)).body.runs[0];
    await acme.api('post', `/runs/${again.id}/approve`).send({}).expect(200);
    await daysPass(acme, 8);
    const last = await acme.sync();
    assert.deepEqual([last.status, last.counts], ['applied', { 'user.deprovision': 6 }]);
  });

  it('given a directory that is pushed, then there is nothing to be missing from', async () => {
    const acme = await company(0);
    await acme.api('put', '/directories/idp').send({ kind: 'scim', graceDays: 3 }).expect(400);
  });
});

describe('days of grace where a source tells changes', () => {
  it('given a person is taken out, then they wait in their groups; and told again they are as they were', async () => {
    const acme = await company(0);
    const config = { folder, extent: 'changes', pick: 'newest', columns: { ...COLUMNS, change: 'what' } };
    const write = (name: string, ...rows: string[]) =>
      writeFileSync(join(folder, name), [`${HEADER},what`, ...rows, ''].join('\n'));
    write('0.csv', ...people(3).map((row) => `${row},`));
    await acme.api('put', '/directories/hr').send({ kind: 'csv', config, graceDays: 5 }).expect(200);
    await acme.sync();
    write('1.csv', `${person(2)},Deleted`);
    assert.deepEqual((await acme.sync()).counts, { 'user.missing': 1 });
    assert.deepEqual(await acme.memberships('p2@acme.example'), ['main:member (mapping)']);
    write('2.csv', `${person(0, { groups: '' })},`);
    assert.deepEqual((await acme.sync()).counts, { 'membership.remove': 1, 'user.waiting': 1 });
    write('3.csv', `${person(2)},`);
    assert.deepEqual((await acme.sync()).counts, { 'user.found': 1 });
    write('4.csv', `${person(2)},Deleted`);
    await acme.sync();
    await daysPass(acme, 6);
    write('5.csv', `${person(1)},`);
    assert.deepEqual((await acme.sync()).counts, { 'user.deprovision': 1 });
    assert.deepEqual((await acme.sync()).counts, {});
  });
});
