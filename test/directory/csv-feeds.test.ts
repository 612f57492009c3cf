/** What feeds do to a company whose people are in: the run that reads one applies it whole, holds it, or changes nothing. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { sql } from 'kysely';
import { startSession } from '../../src/credentials/session.ts';
import { type Company, makeCompany } from '../harness/company.ts';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';
import { signedIn } from '../harness/signed-in.ts';

const database = await openTestDatabase();
const server = await startTestServer(database);
const root = mkdtempSync(join(tmpdir(), 'drawbridge-feeds-'));
after(() => rmSync(root, { recursive: true }));

const row = (at: number, status = 'active') => `M${at},person${at}@acme.example,Person ${at},Support,Agent,${status}`;
const rows = (count: number, status?: string) => Array.from({ length: count }, (_, at) => row(at, status));

/** Who is there, by address and status, and who is in which group. */
async function stateOf(company: Company) {
  return company.within(async ({ db }) => {
    const users = await sql<{ said: string }>`
      SELECT email || ' ' || status AS said FROM users ORDER BY 1`.execute(db);
    const members = await sql<{ said: string }>`
      SELECT g.display_name || ': ' || u.email AS said FROM directory_group_members m
      JOIN directory_groups g ON g.id = m.group_id JOIN directory_users u ON u.id = m.member_id ORDER BY 1`.execute(db);
    return { users: users.rows.map(({ said }) => said), members: members.rows.map(({ said }) => said) };
  });
}

async function companyOf(count: number, guards: Record<string, number> = {}): Promise<Company> {
  const company = await makeCompany(server, database, { guards });
  company.write(...rows(count));
  assert.equal((await company.sync()).status, 'applied');
  return company;
}

describe('a feed after which nobody would be left', () => {
  const cases: readonly [name: string, write: (company: Company) => void, guard: string | null][] = [
    ['FEED-1: given an empty file', ({ feed }) => writeFileSync(feed, ''), null],
    ['FEED-2: given a header only', (company) => company.write(), 'empty-feed'],
    ['FEED-6: given 90 % fewer people', (company) => company.write(...rows(2)), 'feed-shrink'],
    ['FEED-7: given everybody terminated', (company) => company.write(...rows(20, 'terminated')), 'deprovisions'],
  ];
  for (const [name, write, guard] of cases) {
    it(`${name}, then nobody is touched`, async () => {
      const company = await companyOf(20);
      const before = await stateOf(company);
      write(company);
      const answer = await company.api('post', '/directories/hr/runs').send({});
      if (guard === null) assert.match(answer.body.detail, /is empty/);
      else
        assert.deepEqual(
          [answer.body.status, answer.body.guards.some((each: { guard: string }) => each.guard === guard)],
          ['held', true],
        );
      assert.deepEqual(await stateOf(company), before);
    });
  }
});

describe('ids and people that are not as they seem', () => {
  for (const [name, twin] of [
    ['case', 'm1'],
    ['spaces', '"  M1 "'],
    ['nothing', 'M1'],
  ] as const) {
    it(`FEED-4, FEED-5: given ids that differ by ${name}, then that person stays as they are and both lines are told`, async () => {
      const company = await companyOf(5, { maxBadShare: 0.5 });
      const before = await stateOf(company);
      company.write(
        ...rows(5).map((each) => each.replace('Support', 'Sales')),
        row(1, 'terminated').replace('M1', twin),
      );
      const run = await company.sync();
      assert.equal(run.counts['record.bad'], 1, JSON.stringify(run));
      assert.deepEqual(await stateOf(company), before);
      const { rows: found } = await company.within(({ db }) =>
        sql<{
          department: string;
        }>`SELECT attributes ->> 'department' AS department FROM directory_users WHERE source_key = 'M1'`.execute(db),
      );
      assert.deepEqual(found, [{ department: 'Support' }]);
    });
  }

  it('FEED-8: given days from the first to the last that a calendar has, then they are kept', async () => {
    const company = await companyOf(1);
    const columns = { status: 'status', startsOn: 'from', endsOn: 'to' };
    await company
      .api('put', '/directories/hr')
      .send({ kind: 'csv', config: { file: company.feed, columns } })
      .expect(200);
    const header = 'id,email,name,department,title,status,from,to';
    writeFileSync(company.feed, `${header}\n${row(0)},1900-01-01,9999-12-31\n${row(1)},2024-02-29,9998-12-31\n`);
    const run = await company.sync();
    assert.deepEqual(run.counts, { 'user.create': 1 }, JSON.stringify(run));
  });

  it('FEED-8: given days where somebody is, then they begin and end at midnight there, also in nights that are longer or shorter', async () => {
    const company = await companyOf(1);
    const columns = { status: 'status', startsOn: 'from', endsOn: 'to', timeZone: 'zone' };
    const put = { kind: 'csv', config: { file: company.feed, columns }, timeZone: 'Europe/Berlin' };
    await company.api('put', '/directories/hr').send(put).expect(200);
    const days = ['2026-03-29,2026-03-29,', '2026-10-25,2026-10-25,', '2026-01-01,2026-12-31,Pacific/Auckland'];
    const header = 'id,email,name,department,title,status,from,to,zone';
    writeFileSync(
      company.feed,
      `${header}\n${row(0)},,,\n${days.map((each, at) => `${row(at + 1)},${each}\n`).join('')}`,
    );
    await company.sync();
    const kept = await company.within(({ db }) =>
      db.selectFrom('directory_users').select(['starts_at', 'ends_at']).orderBy('source_key').execute(),
    );
    assert.deepEqual(
      kept.slice(1).map(({ starts_at, ends_at }) => [starts_at?.toISOString(), ends_at?.toISOString()]),
      [
        ['2026-03-28T23:00:00.000Z', '2026-03-29T22:00:00.000Z'],
        ['2026-10-24T22:00:00.000Z', '2026-10-25T23:00:00.000Z'],
        ['2025-12-31T11:00:00.000Z', '2026-12-31T11:00:00.000Z'],
      ],
    );
    writeFileSync(company.feed, `${header}\n${row(0)},,,Middle/Earth\n`);
    const { body } = await company.api('post', '/directories/hr/runs').send({}).expect(400);
    assert.match(body.detail, /zone is not a time zone such as Europe\/Berlin/);
  });

  it('FEED-9: given formulas and HTML in names, then they are names', async () => {
    const company = await makeCompany(server, database);
    const names = ['=2+5', '<script>alert(1)</script>', "Robert'); DROP TABLE users;--"];
    company.write(...names.map((name, at) => row(at).replace(`Person ${at}`, name)));
    await company.sync();
    const found = await company.within(({ db }) => db.selectFrom('users').select('display_name').execute());
    assert.deepEqual(found.map((each) => each.display_name).sort(), [...names].sort());
  });

  it('FEED-13: given two who lead each other, and one with two leaders, then they are people like others', async () => {
    const company = await makeCompany(server, database);
    const header = 'id,email,name,status,manager,manager2';
    writeFileSync(
      company.feed,
      `${header}\nA,a@acme.example,A,active,B,C\nB,b@acme.example,B,active,A,\nC,c@acme.example,C,active,C,\n`,
    );
    assert.deepEqual((await company.sync()).counts, { 'user.create': 3 });
  });

  it('FEED-15: given the same address in two sources, then they are one user once its domain is proven, and nobody is guessed before', async () => {
    const company = await companyOf(5);
    const before = await stateOf(company);
    const second = join(root, `${company.slug}.csv`);
    await company
      .api('put', '/directories/second')
      .send({ kind: 'csv', config: { file: second } })
      .expect(200);
    writeFileSync(second, 'id,email,name\nX1,person1@acme.example,Person 1\n');
    const run = async () => (await company.api('post', '/directories/second/runs').send({})).body.counts;
    assert.deepEqual(await run(), { 'user.ambiguous': 1 });
    await company.within(({ db, organizationId }) =>
      sql`INSERT INTO domains (organization_id, name, verification_token, verified_at) VALUES (${organizationId}, 'acme.example', 'token', now())`.execute(
        db,
      ),
    );
    assert.deepEqual(await run(), { 'user.link': 1 });
    assert.deepEqual(await stateOf(company), before);
  });
});

describe('a feed of changes', () => {
  const header = 'id,email,name,department,title,status,groups,what';
  const config = (folder: string, extent: string) => ({
    kind: 'csv',
    config: {
      folder,
      extent,
      pick: 'newest',
      columns: { status: 'status', groups: 'groups', ...(extent === 'full' ? {} : { change: 'what' }) },
    },
  });

  it('given everybody was read before, then only those named change, in what they are and in which groups', async () => {
    const company = await makeCompany(server, database);
    const folder = mkdtempSync(join(root, 'changes-'));
    const write = (name: string, ...said: string[]) =>
      writeFileSync(join(folder, name), [header, ...said, ''].join('\n'));
    await company.api('put', '/directories/hr').send(config(folder, 'full')).expect(200);
    write('0.csv', `${row(0)},A;B,`, `${row(1)},A,`, `${row(2)},B,`, `${row(3)},B,`);
    await company.sync();
    rmSync(join(folder, '0.csv'));

    await company.api('put', '/directories/hr').send(config(folder, 'changes')).expect(200);
    write('1.csv', `${row(0)},B;C,`, `${row(2, 'terminated')},B,`);
    assert.deepEqual((await company.sync()).counts, { 'user.deprovision': 1 });
    write('2.csv', `${row(4)},,`, `${row(3)},,Deleted`);
    assert.deepEqual((await company.sync()).counts, { 'user.create': 1, 'user.deprovision': 1 });
    assert.deepEqual((await company.sync()).counts, {}, 'a file is read once');

    const { users, members } = await stateOf(company);
    assert.deepEqual(users, [
      'person0@acme.example active',
      'person1@acme.example active',
      'person2@acme.example deprovisioned',
      'person3@acme.example deprovisioned',
      'person4@acme.example active',
    ]);
    assert.deepEqual(members, [
      'A: person1@acme.example',
      'B: person0@acme.example',
      'B: person2@acme.example',
      'C: person0@acme.example',
    ]);
  });
});

describe('files of the server', () => {
  it('given an organization’s own administrator, then only the operator may have its files read', async () => {
    const company = await companyOf(2);
    const owner = 'person0@acme.example';
    const membership = { user: owner, role: 'owner', scope: { workspace: 'main' }, reason: 'founder' };
    await company.api('post', '/memberships').send(membership).expect(201);
    const userId = await company.person(owner);
    const { token } = await company.within((tx) =>
      startSession(tx, { userId, connectionId: null, authenticatedBy: 'saml' }),
    );
    const put = (slug: string, config: object, more: object = {}) =>
      signedIn(server, token)('put', `/organizations/${company.slug}/directories/${slug}`).send({
        kind: 'csv',
        config,
        ...more,
      });

    await put('theirs', { file: '/etc/passwd' }).expect(403);
    await put('theirs', { folder: '/etc' }).expect(403);
    await put('theirs', { url: 'https://hr.example/people.csv' }).expect(200);
    const known = { file: company.feed, columns: { status: 'status' } };
    await put('hr', known, { guards: { maxDeprovisions: 3 } }).expect(200);
    await put('hr', { ...known, file: '/etc/passwd' }).expect(403);
  });
});
