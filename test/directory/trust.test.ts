/** What keeps a feed from doing harm, and what tells why: bad records borne, guards over a day, quarantine, previews, differences, explanations. */
import assert from 'node:assert/strict';
import { unlinkSync } from 'node:fs';
import { describe, it } from 'node:test';
import { sql } from 'kysely';
import { startSyncWorker } from '../../src/directory/schedule.ts';
import { type Company, makeCompany } from '../harness/company.ts';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';

const database = await openTestDatabase();
const server = await startTestServer(database);

const person = (at: number, department = 'Sales', email = `p${at}@acme.example`) =>
  `E${at},${email},Person ${at},${department},Agent,active`;
const people = (count: number) => Array.from({ length: count }, (_, at) => person(at));
const RULE = { condition: '$.department == "Sales"', scope: { workspace: 'main' }, role: 'member' };

async function company(guards: Record<string, number> = {}): Promise<Company> {
  const made = await makeCompany(server, database, { guards });
  await made.api('put', '/mapping-rules/sales').send(RULE).expect(200);
  return made;
}

const statusOf = (at: Company, email: string) =>
  at.within(async ({ db }) => {
    const row = await db.selectFrom('users').select('status').where('email', '=', email).executeTakeFirst();
    return row?.status;
  });

describe('records that can not be used', () => {
  it('given a directory bears none, when one is wrong, then nothing is changed', async () => {
    const acme = await company();
    acme.write(...people(4), 'E9,not an address,Nine,Sales,Agent,active');
    const { body } = await acme.api('post', '/directories/hr/runs').send({}).expect(400);
    assert.equal(body.errorCount, 1);
    assert.equal(await statusOf(acme, 'p0@acme.example'), undefined);
  });

  it('given it bears some, then the others are settled, and whom the bad ones are about stays as they are', async () => {
    const acme = await company({ maxBadShare: 0.5 });
    acme.write(...people(4));
    await acme.sync();
    acme.write(person(0), person(1, 'Support'), 'E2,broken at acme,Two,Support,Agent,active', person(4));
    const run = await acme.sync();
    assert.equal(run.status, 'applied', JSON.stringify(run));
    assert.equal(run.counts['record.bad'], 1);
    assert.deepEqual(await acme.memberships('p2@acme.example'), ['main:member (mapping)'], 'as before');
    assert.deepEqual(await acme.memberships('p1@acme.example'), [], 'moved');
    assert.equal(await statusOf(acme, 'p3@acme.example'), 'deprovisioned', 'left');
    assert.equal(await statusOf(acme, 'p4@acme.example'), 'active', 'joined');
  });

  it('FEED-4 given one id twice, then that person stays as they are, and nobody is made of it', async () => {
    const acme = await company({ maxBadShare: 0.5 });
    acme.write(...people(3));
    await acme.sync();
    const twice = [
      person(7),
      person(7, 'Sales', 'other@acme.example'),
      person(1, 'Support'),
      'e1,x@acme.example,X,Sales,Agent,active',
    ];
    acme.write(person(0), person(2), ...twice);
    const run = await acme.sync();
    assert.equal(run.counts['record.bad'], 2, JSON.stringify(run));
    assert.deepEqual(await acme.memberships('p1@acme.example'), ['main:member (mapping)']);
    assert.equal(await statusOf(acme, 'p7@acme.example'), undefined);
  });

  it('given a record of which nobody knows whom it is about, when somebody seems to have left, then the run is held', async () => {
    const acme = await company({ maxBadShare: 0.5 });
    acme.write(...people(4));
    await acme.sync();
    acme.write(person(0), person(1), person(2), ',p3@acme.example,Person 3,Sales,Agent,active');
    const run = await acme.sync();
    assert.deepEqual([run.status, run.guards.map(({ guard }) => guard)], ['held', ['unattributed-records']]);
    assert.equal(await statusOf(acme, 'p3@acme.example'), 'active');
  });
});

describe('guards over a day', () => {
  it('given a few leave in every run, then the run that makes it too many in a day is held, and a person may approve it', async () => {
    const acme = await company({ maxDeprovisionShare: 0.1 });
    acme.write(...people(50));
    await acme.sync();
    for (const left of [2, 4]) {
      acme.write(...people(50 - left));
      assert.equal((await acme.sync()).status, 'applied');
    }
    acme.write(...people(44));
    const run = await acme.sync();
    assert.deepEqual([run.status, run.guards.map(({ guard }) => guard)], ['held', ['deprovisions']]);
    const { body } = await acme.api('get', `/runs/${run.id}`).expect(200);
    assert.match(body.guards[0].reason, /2 of 46 people would be deprovisioned, after 4 in the last 24 hours/);
    await acme.api('post', `/runs/${run.id}/approve`).send({}).expect(200);
    acme.write(...people(43));
    assert.equal((await acme.sync()).status, 'applied', 'what a person approved does not count again');
  });
});

describe('a source that fails again and again', () => {
  it('given the third failure, then its schedule leaves it alone for an hour, then for longer, until it is read again', async () => {
    const acme = await company();
    acme.write(...people(2));
    await acme.sync();
    unlinkSync(acme.feed);
    const shown = async () => (await acme.api('get', '/directories/hr').expect(200)).body;
    const hours = async () => (Date.parse((await shown()).quarantinedUntil) - Date.now()) / 3_600_000;
    for (let failure = 1; failure <= 3; failure++) await acme.api('post', '/directories/hr/runs').send({}).expect(400);
    assert.equal((await shown()).failures, 3);
    assert.ok(Math.abs((await hours()) - 1) < 0.1);
    await acme.api('post', '/directories/hr/runs').send({}).expect(400);
    assert.ok(Math.abs((await hours()) - 2) < 0.1);
    const events = await acme.within(({ db }) =>
      db
        .selectFrom('audit_events')
        .select(['outcome', 'reason'])
        .where('action', '=', 'directory.quarantined')
        .execute(),
    );
    assert.equal(events.length, 2);
    assert.equal(events[0]?.outcome, 'failure');

    acme.write(...people(3));
    await startSyncWorker(server.deps);
    const { id: directory } = await shown();
    await server.deps.jobs.enqueue('sync.run', { organizationId: acme.id, id: directory });
    await new Promise((wake) => setTimeout(wake, 1500));
    assert.equal(await statusOf(acme, 'p2@acme.example'), undefined, 'the schedule leaves it alone');
    assert.equal((await acme.sync()).status, 'applied', 'a person does not');
    const { failures, quarantinedUntil } = await shown();
    assert.deepEqual([failures, quarantinedUntil], [0, null]);
  });
});

describe('a rule that is changed', () => {
  it('given a preview is asked for, then it tells who would gain and lose what, and nothing has changed', async () => {
    const acme = await company();
    acme.write(person(0), person(1, 'Support'), person(2));
    await acme.sync();
    const rule = { ...RULE, condition: '$.department == "Support"' };
    const { body } = await acme.api('put', '/mapping-rules/sales?preview=true').send(rule).expect(200);
    assert.deepEqual(body.counts, { 'membership.add': 1, 'membership.remove': 2 });
    assert.deepEqual(
      body.changes.map(({ kind, email, scope }: Record<string, string>) => `${kind} ${email} ${scope}`).sort(),
      [
        'membership.add p1@acme.example main',
        'membership.remove p0@acme.example main',
        'membership.remove p2@acme.example main',
      ],
    );
    assert.deepEqual(await acme.memberships('p0@acme.example'), ['main:member (mapping)']);
    const kept = (await acme.api('get', '/mapping-rules/sales').expect(200)).body;
    assert.match(kept.condition, /Sales/);
    const runs = (await acme.api('get', '/runs').expect(200)).body.runs;
    assert.equal(
      runs.filter(({ trigger }: { trigger: string }) => trigger === 'rules').length,
      1,
      'of the rule as it was made',
    );
    assert.equal(
      (await acme.api('delete', '/mapping-rules/sales?preview=true').expect(200)).body.counts['membership.remove'],
      2,
    );
    await acme.api('get', '/mapping-rules/sales').expect(200);
  });
});

describe('plans and people, explained', () => {
  it('given two plans, then their difference is told by whom and what, also for people yet to be made', async () => {
    const acme = await company();
    acme.write(person(0), person(1));
    const first = await acme.sync('plan');
    acme.write(person(0), person(2));
    const second = await acme.sync('plan');
    const { body } = await acme.api('get', `/runs/${second.id}/difference?from=${first.id}`).expect(200);
    assert.deepEqual(
      body.differences.map(({ only, kind, email }: Record<string, string>) => `${only} ${kind} ${email}`),
      [
        'other membership.add p1@acme.example',
        'this membership.add p2@acme.example',
        'other user.create p1@acme.example',
        'this user.create p2@acme.example',
      ],
    );
  });

  it('given somebody has a role, or has it not, then it is told why, rule by rule', async () => {
    const acme = await company();
    await acme
      .api('put', '/mapping-rules/engineers')
      .send({ ...RULE, condition: null, group: 'Engineers', role: 'admin' })
      .expect(200);
    acme.write(person(0));
    const run = await acme.sync();
    const { body } = await acme.api('get', '/people/p0@acme.example/explanation?scope=main').expect(200);
    assert.partialDeepStrictEqual(body.memberships, [
      { role: 'member', source: 'mapping', rule: 'sales', run: run.id },
    ]);
    assert.deepEqual(
      body.rules.map(({ rule, matches, because }: Record<string, unknown>) => [rule, matches, because]),
      [
        ['engineers', false, 'not in the group Engineers'],
        ['sales', true, 'the condition holds'],
      ],
    );
    await acme.api('get', '/people/p0@acme.example/explanation?scope=nowhere').expect(404);
  });

  it('given runs have changed somebody, then the log of that person tells each change with its run, rule and reason', async () => {
    const acme = await company();
    acme.write(person(0));
    await acme.sync();
    acme.write(person(0, 'Support'));
    await acme.sync();
    const { body } = await acme.api('get', '/people/p0@acme.example/provisioning-log').expect(200);
    assert.deepEqual(
      body.log.map(({ kind, scope, rule }: Record<string, unknown>) => [kind, scope, rule]),
      [
        ['membership.remove', 'main', 'sales'],
        ['membership.add', 'main', 'sales'],
        ['user.create', null, null],
      ],
    );
  });

  it('given a membership was taken behind the reconcile, when that one person is settled anew, then it is there again', async () => {
    const acme = await company();
    acme.write(person(0), person(1));
    await acme.sync();
    await acme.within(({ db }) => sql`DELETE FROM memberships`.execute(db));
    const { body } = await acme.api('post', '/people/p0@acme.example/reconcile').send({}).expect(200);
    assert.partialDeepStrictEqual(body.changes, [{ kind: 'membership.add', role: 'member' }]);
    assert.deepEqual(await acme.memberships('p0@acme.example'), ['main:member (mapping)']);
    assert.deepEqual(await acme.memberships('p1@acme.example'), []);
  });
});

describe('a group that a rule means', () => {
  it('given its name in any case, its id, or a pattern, then whoever is in such a group has the role', async () => {
    const acme = await company();
    acme.header('id,email,name,department,title,status,groups');
    const columns = { status: 'status', groups: 'groups' };
    await acme
      .api('put', '/directories/hr')
      .send({ kind: 'csv', config: { file: acme.feed, columns } })
      .expect(200);
    const inGroup = (at: number, group: string) => `E${at},p${at}@acme.example,P,None,Agent,active,${group}`;
    acme.write(inGroup(0, 'Eng-Core'), inGroup(1, 'eng-Web'), inGroup(2, 'ENG_100%'), inGroup(3, 'Sales'));
    await acme.sync();
    const gets = async (group: string, groupBy?: string) => {
      const rule = { ...RULE, condition: null, group, ...(groupBy === undefined ? {} : { groupBy }) };
      await acme.api('put', '/mapping-rules/sales').send(rule).expect(200);
      const all = await Promise.all([0, 1, 2, 3].map((at) => acme.memberships(`p${at}@acme.example`)));
      return all.flatMap((held, at) => (held.length > 0 ? [at] : []));
    };
    assert.deepEqual(await gets('ENG-core'), [0]);
    assert.deepEqual(await gets('eng-core', 'id'), [0]);
    assert.deepEqual(await gets('Eng-Core', 'id'), [], 'an id is compared as it is');
    assert.deepEqual(await gets('Eng-*', 'pattern'), [0, 1]);
    assert.deepEqual(await gets('*g_1*%', 'pattern'), [2], 'only the star is anything');
    assert.deepEqual(await gets('*', 'pattern'), [0, 1, 2, 3]);
    assert.deepEqual(await gets('Eng-*'), [], 'a name is no pattern');
    await gets('eng-*', 'pattern');
    const { body } = await acme.api('get', '/people/p1@acme.example/explanation?scope=main').expect(200);
    assert.equal(body.rules[0].because, 'in the group eng-Web');
  });
});

describe('a product of so many seats', () => {
  const INSIGHTS = { condition: '$.department == "Sales"', scope: { product: 'main/insights' }, role: 'viewer' };
  const seats = (acme: Company, number: number) =>
    acme.api('put', '/workspaces/main/products/insights').send({ seats: number }).expect(200);
  const holders = async (acme: Company, count: number) => {
    const all = await Promise.all(Array.from({ length: count }, (_, at) => acme.memberships(`p${at}@acme.example`)));
    return all.flatMap((held, at) => (held.some((each) => each.startsWith('main/insights')) ? [at] : []));
  };

  it('given more people than seats, then the rest wait, are told of, and come in when there is one more', async () => {
    const acme = await company();
    await seats(acme, 2);
    await acme.api('put', '/mapping-rules/insights').send(INSIGHTS).expect(200);
    acme.write(...people(4));
    const run = await acme.sync();
    assert.equal(run.counts['membership.withheld'], 2);
    assert.deepEqual(await holders(acme, 4), [0, 1]);
    const { body } = await acme.api('get', `/runs/${run.id}/changes?kind=membership.withheld`).expect(200);
    assert.match(body.changes[0].reason, /2 seats are taken/);
    acme.write(person(0, 'Support'), ...people(4).slice(1));
    await acme.sync();
    assert.deepEqual(await holders(acme, 4), [1, 2], 'whoever has one keeps it');
    await seats(acme, 3);
    await acme.sync();
    assert.deepEqual(await holders(acme, 4), [1, 2, 3]);
  });

  it('given one seat, when five people are settled at once, then one of them has it', async () => {
    const acme = await company();
    await seats(acme, 0);
    await acme.api('put', '/mapping-rules/insights').send(INSIGHTS).expect(200);
    acme.write(...people(5));
    await acme.sync();
    await seats(acme, 1);
    const settle = (at: number) => acme.api('post', `/people/p${at}@acme.example/reconcile`).send({}).expect(200);
    await Promise.all([0, 1, 2, 3, 4].map(settle));
    assert.equal((await holders(acme, 5)).length, 1);
  });
});
