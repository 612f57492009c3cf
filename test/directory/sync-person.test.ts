/** One person is asked for at their source, and settled at once, without a whole run. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { startOkta } from '../doubles/okta.ts';
import { type Company, makeCompany } from '../harness/company.ts';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';
import { makeWorld } from './sources/world.ts';

const database = await openTestDatabase();
const server = await startTestServer(database);

async function companyWithOkta(graceDays = 0) {
  const world = makeWorld(30);
  const okta = await startOkta(world);
  database.onEnd(okta.close);
  const acme = await makeCompany(server, database);
  const directory = { kind: 'okta', config: { url: okta.url }, secrets: { token: okta.token }, graceDays };
  await acme.api('put', '/directories/okta').send(directory).expect(200);
  const research = {
    condition: '$.profile.department == "Research"',
    scope: { product: 'main/insights' },
    role: 'viewer',
  };
  await acme.api('put', '/mapping-rules/research').send(research).expect(200);
  const engineers = { group: 'Engineering', scope: { workspace: 'main' }, role: 'member' };
  await acme.api('put', '/mapping-rules/engineers').send(engineers).expect(200);
  const { body } = await acme.api('post', '/directories/okta/runs').send({}).expect(200);
  assert.equal(body.status, 'applied');
  return { world, okta, acme };
}

const sync = (acme: Company, email: string) => acme.api('post', `/people/${email}/sync`).send({});
const statusOf = async (acme: Company, email: string) => (await acme.api('get', `/people/${email}`)).body.status;

describe('one person at the source', () => {
  it('given somebody is suspended there, when they are asked for, then they are out within two seconds, and nobody else is looked at', async () => {
    const { okta, acme } = await companyWithOkta();
    okta.statuses.set('p1', 'SUSPENDED').set('p2', 'SUSPENDED');
    const begun = Date.now();
    const { body } = await sync(acme, 'p1@acme.example').expect(200);
    assert.ok(Date.now() - begun < 2000, `${Date.now() - begun} ms`);
    assert.deepEqual(body.directories, [{ directory: 'okta', answer: 'found', reason: null }]);
    assert.partialDeepStrictEqual(body.changes, [{ kind: 'user.deprovision', reason: 'inactive in the directory' }]);
    assert.equal(await statusOf(acme, 'p1@acme.example'), 'deprovisioned');
    assert.equal(await statusOf(acme, 'p2@acme.example'), 'active');
    okta.statuses.delete('p1');
    await sync(acme, 'p1@acme.example').expect(200);
    assert.equal(await statusOf(acme, 'p1@acme.example'), 'active', 'and back');
  });

  it('given their department has changed, then what rules give follows, their groups stay, and a run finds nothing left to do', async () => {
    const { okta, acme } = await companyWithOkta();
    okta.profiles.set('p1', { department: 'Research' });
    assert.deepEqual(await acme.memberships('p1@acme.example'), ['main:member (mapping)']);
    await sync(acme, 'p1@acme.example').expect(200);
    assert.deepEqual(await acme.memberships('p1@acme.example'), [
      'main/insights:viewer (mapping)',
      'main:member (mapping)',
    ]);
    const run = await acme.api('post', '/directories/okta/runs').send({}).expect(200);
    assert.deepEqual(run.body.counts, {});
  });

  it('given they were asked for, said as before or otherwise, then the next run still takes their groups as they are now', async () => {
    const { world, okta, acme } = await companyWithOkta();
    const run = async () => (await acme.api('post', '/directories/okta/runs').send({}).expect(200)).body.counts;
    const first = world.groups.find(({ members }) => members.includes('p1') && members.includes('p2'));
    assert.ok(first);
    okta.profiles.set('p2', { department: 'Research' });
    for (const id of ['p1', 'p2']) await sync(acme, `${id}@acme.example`).expect(200);
    assert.deepEqual(await run(), {});
    assert.deepEqual(await acme.memberships('p1@acme.example'), ['main:member (mapping)']);

    const { members } = first;
    first.members = members.filter((id) => id !== 'p1' && id !== 'p2');
    for (const id of ['p1', 'p2']) await sync(acme, `${id}@acme.example`).expect(200);
    assert.deepEqual(
      await acme.memberships('p1@acme.example'),
      ['main:member (mapping)'],
      'groups are a run’s to read',
    );
    assert.equal((await run())['membership.remove'], 3);
    assert.deepEqual(await acme.memberships('p1@acme.example'), []);
    first.members = members;
    await run();
    assert.deepEqual(await acme.memberships('p1@acme.example'), ['main:member (mapping)']);
  });

  it('given they were asked for while they were gone, then the run that has them again gives them their groups again', async () => {
    const { world, acme } = await companyWithOkta();
    const [gone] = world.people.splice(0, 1);
    await sync(acme, 'p1@acme.example').expect(200);
    assert.equal(await statusOf(acme, 'p1@acme.example'), 'deprovisioned');
    assert.ok(gone);
    world.people.unshift(gone);
    const run = async () => (await acme.api('post', '/directories/okta/runs').send({}).expect(200)).body.counts;
    assert.deepEqual(await run(), { 'user.reactivate': 1, 'membership.add': 1 });
    assert.deepEqual(await acme.memberships('p1@acme.example'), ['main:member (mapping)']);
    assert.deepEqual(await run(), {});
  });

  it('given the source has them no more, then they leave, or wait for the days of grace', async () => {
    for (const [graceDays, status] of [
      [0, 'deprovisioned'],
      [5, 'active'],
    ] as const) {
      const { world, acme } = await companyWithOkta(graceDays);
      world.people.shift();
      const { body } = await sync(acme, 'p1@acme.example').expect(200);
      assert.equal(body.directories[0].answer, 'missing');
      assert.equal(await statusOf(acme, 'p1@acme.example'), status);
      if (graceDays > 0) assert.match(body.changes[0].reason, /leaves on 20.* unless back/);
    }
  });

  it('given the source does not answer well, then that is told and nobody is changed', async () => {
    const { okta, acme } = await companyWithOkta();
    okta.meet('denied', 0, 9);
    const { body } = await sync(acme, 'p1@acme.example').expect(502);
    assert.match(body.detail, /answers 401/);
    assert.equal(await statusOf(acme, 'p1@acme.example'), 'active');
  });

  it('given a source that can only be read as a whole, then they are looked for in it, and nobody else is changed', async () => {
    const { acme, write } = await companyWithFile(8);
    write(
      { 1: 'E1,ana@acme.example,Ana Moved,Support,Agent,active', 2: 'E2,ben@acme.example,Ben,Sales,Agent,inactive' },
      8,
    );
    const { body } = await sync(acme, 'p1@acme.example').expect(200);
    assert.deepEqual(body.directories, [{ directory: 'hr', answer: 'found', reason: null }]);
    assert.equal((await acme.api('get', '/people/ana@acme.example')).body.displayName, 'Ana Moved');
    assert.equal(await statusOf(acme, 'p2@acme.example'), 'active');
    await sync(acme, 'p2@acme.example').expect(200);
    assert.equal(await statusOf(acme, 'p2@acme.example'), 'deprovisioned');
    const run = await acme.api('post', '/directories/hr/runs').send({}).expect(200);
    assert.deepEqual(run.body.counts, {});
  });

  it('given they are not in it, then they leave; not so where it is far shorter, empty, or has a line that may be theirs', async () => {
    const { acme, write } = await companyWithFile(8);
    write({}, 2);
    const short = await sync(acme, 'p8@acme.example').expect(400);
    assert.match(short.body.detail, /names 2 people, the last run had 8/);
    write({}, 0);
    await sync(acme, 'p8@acme.example').expect(400);
    write({ 7: ',p7@acme.example,Person 7,Sales,Agent,active' }, 7);
    const nameless = await sync(acme, 'p8@acme.example').expect(400);
    assert.match(nameless.body.detail, /line 8.*nobody can say whether it is this person's/);
    write(
      { 7: 'E8,p8@acme.example,Person 8,Sales,Agent,active', 6: 'e8,p8@acme.example,Person 8,Sales,Agent,inactive' },
      7,
    );
    const twice = await sync(acme, 'p8@acme.example').expect(200);
    assert.partialDeepStrictEqual(twice.body.directories, [{ answer: 'unusable' }]);
    assert.equal(await statusOf(acme, 'p8@acme.example'), 'active');
    write({}, 7);
    const gone = await sync(acme, 'p8@acme.example').expect(200);
    assert.equal(gone.body.directories[0].answer, 'missing');
    assert.equal(await statusOf(acme, 'p8@acme.example'), 'deprovisioned');
  });

  it('given nobody of this address, or somebody whom no pulled directory knows, then that is said', async () => {
    const acme = await makeCompany(server, database);
    await sync(acme, 'nobody@acme.example').expect(404);
  });
});

/** A company whose people are the first so many of a file, each as usual but for the lines given. */
async function companyWithFile(people: number) {
  const acme = await makeCompany(server, database);
  const usual = (at: number) => `E${at},p${at}@acme.example,Person ${at},Sales,Agent,active`;
  const write = (otherwise: Readonly<Record<number, string>>, count: number) =>
    acme.write(...Array.from({ length: count }, (_, at) => otherwise[at + 1] ?? usual(at + 1)));
  write({}, people);
  await acme.sync();
  return { acme, write };
}
