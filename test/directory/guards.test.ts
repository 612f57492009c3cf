/** What one run may take away or give, by number and share, and what all runs of a day may: the rest waits for a person. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sql } from 'kysely';
import { type Company, makeCompany } from '../harness/company.ts';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';

const database = await openTestDatabase();
const server = await startTestServer(database);

const person = (at: number, groups: string) => `E${at},p${at}@acme.example,Person ${at},Sales,Agent,active,${groups}`;
const staff = (count: number, groupsOf: (at: number) => string) =>
  Array.from({ length: count }, (_, at) => person(at, groupsOf(at)));

async function company(guards: Record<string, number>): Promise<Company> {
  const acme = await makeCompany(server, database);
  acme.header('id,email,name,department,title,status,groups');
  const columns = { status: 'status', groups: 'groups' };
  await acme
    .api('put', '/directories/hr')
    .send({ kind: 'csv', config: { file: acme.feed, columns }, guards: { maxMembershipRemovalShare: 1, ...guards } })
    .expect(200);
  for (const [group, role] of [
    ['Admins', 'admin'],
    ['Team', 'member'],
  ]) {
    const rule = { group, scope: { workspace: 'main' }, role };
    await acme.api('put', `/mapping-rules/${role}`).send(rule).expect(200);
  }
  return acme;
}

/** The run's status and, where it is held, by what. */
async function sync(acme: Company): Promise<string> {
  const run = await acme.sync();
  if (run.status === 'applied') return 'applied';
  const { body } = await acme.api('get', `/runs/${run.id}`).expect(200);
  return `${run.status} by ${body.guards.map(({ guard, reason }: Record<string, string>) => `${guard}: ${reason}`).join('; ')}`;
}

describe('one group that loses its members', () => {
  it('given more than its share goes, then the run is held and names the group, though it is little of all', async () => {
    const acme = await company({ maxGroupMemberRemovalShare: 0.5 });
    acme.write(...staff(40, (at) => (at < 10 ? 'Team;All' : 'All')));
    assert.equal(await sync(acme), 'applied');
    acme.write(...staff(40, (at) => (at < 5 ? 'Team;All' : 'All')));
    assert.equal(await sync(acme), 'applied', 'half');
    acme.write(...staff(40, (at) => (at < 1 ? 'Team;All' : 'All')));
    assert.match(await sync(acme), /^held by group-members: the group Team would lose 4 of 5 members/);
  });

  it('given a little in every run, then a day’s runs count together', async () => {
    const acme = await company({ maxGroupMemberRemovalShare: 0.5 });
    acme.write(...staff(40, (at) => (at < 20 ? 'Team;All' : 'All')));
    await sync(acme);
    for (const left of [14, 10]) {
      acme.write(...staff(40, (at) => (at < left ? 'Team;All' : 'All')));
      assert.equal(await sync(acme), 'applied');
    }
    acme.write(...staff(40, (at) => (at < 8 ? 'Team;All' : 'All')));
    assert.equal(
      await sync(acme),
      'held by group-members: the group Team would lose 2 of 10 members, after 10 in the last 24 hours',
    );
    await acme.within(({ db }) =>
      sql`UPDATE sync_runs SET finished_at = finished_at - interval '25 hours'`.execute(db),
    );
    assert.equal(await sync(acme), 'applied', 'on another day');
  });

  it('given they leave altogether, then they count as leavers and not as members', async () => {
    const acme = await company({ maxGroupMemberRemovalShare: 0.1, maxDeprovisionShare: 0.5 });
    acme.write(...staff(40, (at) => (at < 8 ? 'Team' : 'All')));
    await sync(acme);
    acme.write(...staff(40, (at) => (at < 8 ? 'Team' : 'All')).slice(6));
    assert.equal(await sync(acme), 'applied');
  });

  it('given a number, then it holds whatever the share', async () => {
    const acme = await company({ maxGroupMemberRemovals: 1 });
    acme.write(...staff(40, () => 'Team'));
    await sync(acme);
    acme.write(...staff(40, (at) => (at < 2 ? '' : 'Team')));
    assert.equal(await sync(acme), 'held by group-members: the group Team would lose 2 of 40 members');
  });
});

describe('groups that are there no more', () => {
  it('given more than their share, then the run is held, also where it comes in pieces', async () => {
    const acme = await company({ maxGroupRemovalShare: 0.3, maxGroupMemberRemovalShare: 1 });
    const groups = (count: number) => staff(40, (at) => `G${at % count};All`);
    acme.write(...groups(20));
    await sync(acme);
    acme.write(...groups(16));
    assert.equal(await sync(acme), 'applied');
    acme.write(...groups(13));
    assert.equal(
      await sync(acme),
      'held by group-removals: 3 of 17 groups are there no more, after 4 in the last 24 hours',
    );
  });
});

describe('roles with administrative rights', () => {
  const admins = (acme: Company, from: number, to: number) =>
    acme.write(...staff(40, (at) => (at >= from && at < to ? 'Admins;Team' : 'Team')));

  it('given more are made than a day may, by number or share, then the run is held', async () => {
    const acme = await company({ maxAdministrativeGrants: 5, maxGroupMemberRemovalShare: 1 });
    admins(acme, 0, 3);
    assert.equal(await sync(acme), 'applied');
    admins(acme, 0, 6);
    assert.equal(
      await sync(acme),
      'held by administrative-grants: 3 people would be given a role with administrative rights, after 3 in the last 24 hours',
    );
    const share = await company({ maxAdministrativeGrants: 100, maxAdministrativeGrantShare: 0.1 });
    admins(share, 0, 5);
    assert.match(await sync(share), /^held by administrative-grants: 5 people/);
  });

  it('given more lose them than a run may, then it is held, though each keeps a membership', async () => {
    const acme = await company({
      maxAdministrativeGrants: 100,
      maxAdministrativeGrantShare: 1,
      maxAdministrativeRemovalShare: 0.5,
      maxGroupMemberRemovalShare: 1,
    });
    admins(acme, 0, 6);
    assert.equal(await sync(acme), 'applied');
    admins(acme, 0, 2);
    assert.equal(
      await sync(acme),
      'held by administrative-removals: 4 of 6 memberships with administrative rights would be removed',
    );
  });
});
