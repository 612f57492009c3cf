/** Active Directory: what every source must stand, and its changes. Its double answers after Microsoft's documentation. */
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { sql } from 'kysely';
import { ldap } from '../../../src/directory/sources/ldap.ts';
import { type ActiveDirectory, DOMAIN, READER, STAFF, startActiveDirectory } from '../../doubles/active-directory.ts';
import { type Company, makeCompany } from '../../harness/company.ts';
import { openTestDatabase } from '../../harness/database.ts';
import { startTestServer } from '../../harness/server.ts';
import { checkSource, kitContext, readAll } from './kit.ts';
import { makeWorld, shouldShow, shown, type World } from './world.ts';

const PAGE_SIZE = 5;

const config = ({ url }: { url: string }) => ({
  url,
  startTls: false,
  preset: 'active-directory',
  bindDn: READER.dn,
  users: { baseDns: [STAFF] },
  groups: { baseDns: [STAFF] },
  pageSize: PAGE_SIZE,
  timeoutSeconds: 1,
});

const secrets = { password: READER.password };

function open(double: { url: string }, context: ReturnType<typeof kitContext>['context']) {
  return ldap.open(ldap.settings.parse(config(double)), { ...context, secrets });
}

checkSource('Active Directory', {
  start: async (world) => {
    const double = await startActiveDirectory(world);
    return { ...double, open: (context) => open(double, context as ReturnType<typeof kitContext>['context']) };
  },
  pageSize: PAGE_SIZE,
  groups: true,
  cannot: ['server-error', 'rate-limit'],
  soundIds: true,
});

const database = await openTestDatabase();
const server = await startTestServer(database);
const doubles: ActiveDirectory[] = [];
after(async () => {
  for (const double of doubles) await double.close();
});

async function given(count = 12) {
  const world = makeWorld(count);
  const double = await startActiveDirectory(world);
  doubles.push(double);
  const { context } = kitContext();
  return { world, double, context, source: open(double, context) };
}

describe('changes in Active Directory', () => {
  it('given nothing was changed, then the next reading is one of changes and says nothing', async () => {
    const { source } = await given();
    const first = await readAll(source);
    const next = await readAll(source, first.cursor);
    assert.deepEqual([first.extent, next.extent, next.records], ['full', 'changes', []]);
  });

  it('given somebody is moved out of the base, or no longer fits, or comes in, then they are gone, or there', async () => {
    const { world, double, source } = await given();
    double.places.set('p3', `OU=Contractors,${DOMAIN}`);
    const first = await readAll(source);
    double.places.set('p1', `OU=Former,${DOMAIN}`);
    double.more.set('p2', { objectCategory: 'contact' });
    double.places.delete('p3');
    const { extent, records } = await readAll(source, first.cursor);
    assert.equal(extent, 'changes');
    world.people = world.people.filter(({ id }) => !['p1', 'p2'].includes(id));
    assert.deepEqual(shown([...first.records, ...records]), shouldShow(world, true));
    assert.equal(records.filter(({ kind }) => kind === 'user' || kind === 'gone').length, 3, 'and nobody else is said');
  });

  it('given a group is deleted or moved away, then it is gone', async () => {
    const { world, double, source } = await given();
    const first = await readAll(source);
    world.groups = world.groups.filter(({ id }) => id !== 'g2');
    double.places.set('g1', DOMAIN);
    const { records } = await readAll(source, first.cursor);
    assert.deepEqual(
      records.map((record) => record.kind === 'gone' && record.what),
      ['group', 'group'],
    );
  });

  it('given another controller or a restored one answers, or it is behind, then everything is read anew', async () => {
    const { double, source } = await given();
    const { cursor } = await readAll(source);
    double.restore();
    const anew = await readAll(source, cursor);
    assert.equal(anew.extent, 'full');
    const behind = JSON.stringify({ ...JSON.parse(String(anew.cursor)), usn: '999999999' });
    assert.equal((await readAll(source, behind)).extent, 'full');
    assert.equal((await readAll(source, 'not even JSON')).extent, 'full');
    assert.equal((await readAll(source, anew.cursor)).extent, 'changes');
  });

  it('given the account does not see deleted objects, then everything is read each time', async () => {
    const { double, source } = await given();
    const { cursor } = await readAll(source);
    double.hideDeleted(true);
    const blind = await readAll(source, cursor);
    assert.deepEqual([blind.extent, blind.cursor], ['full', null]);
  });

  it('given a week of changes, then everything is read once', async () => {
    const { double, context } = await given();
    const at = (day: number) => open(double, { ...context, now: () => new Date(Date.UTC(2026, 5, day)) });
    const first = await readAll(at(1));
    const second = await readAll(at(7), first.cursor);
    const third = await readAll(at(8), second.cursor);
    assert.deepEqual(
      [first, second, third].map(({ extent }) => extent),
      ['full', 'changes', 'full'],
    );
  });

  it('given pages with nobody on them before others, then nobody is missed', async () => {
    const { world, double, source } = await given(23);
    double.emptyPages(true);
    assert.deepEqual(shown((await readAll(source)).records), shouldShow(world, true));
  });
});

describe('accounts that end', () => {
  /** In steps of 100 ns since 1601. */
  const fileTime = (time: string) => String((BigInt(Date.parse(time)) + 11_644_473_600_000n) * 10_000n);
  const ends: readonly (readonly [string, string, string | null])[] = [
    ['in Berlin', fileTime('2026-01-01T00:00:00+01:00'), '2025-12-31'],
    ['in New York', fileTime('2026-01-01T00:00:00-05:00'), '2025-12-31'],
    ['in Auckland', fileTime('2026-01-01T00:00:00+12:00'), '2025-12-31'],
    ['never', '0', null],
  ];
  for (const [where, accountExpires, endsOn] of ends) {
    it(`given an account that expires at midnight ${where}, then the day before is its last`, async () => {
      const { double, source } = await given(1);
      double.more.set('p1', { accountExpires });
      const [person] = (await readAll(source)).records;
      assert.ok(person?.kind === 'user');
      assert.equal(person.endsOn, endsOn);
    });
  }
});

describe('Active Directory by runs', () => {
  async function sync(company: Company, double: ActiveDirectory) {
    const guards = { maxGroupMemberRemovalShare: 1 };
    await company.api('put', '/directories/staff').send({ kind: 'ldap', config: config(double), secrets, guards });
    const { body } = await company.api('post', '/directories/staff/runs').send({});
    assert.equal(body.status, 'applied', JSON.stringify(body));
  }

  async function standing(company: Company): Promise<string[]> {
    return company.within(async ({ db }) => {
      const { rows } = await sql<{ line: string }>`
        SELECT g.display_name || ': ' || d.email AS line FROM directory_group_members m
        JOIN directory_users d ON d.id = m.member_id JOIN directory_groups g ON g.id = m.group_id
        WHERE d.active AND d.deleted_at IS NULL`.execute(db);
      return rows.map(({ line }) => line).sort();
    });
  }

  it('given groups within groups that change, when only changes are read, then everybody is where a whole reading puts them', async () => {
    const { world, double } = await given();
    const company = await makeCompany(server, database);
    world.groups.push({ id: 'g3', name: 'Everybody', members: ['g1', 'p4'] });
    await sync(company, double);
    await steps(world, async () => {
      await sync(company, double);
      const expected = new Set(shouldShow(flattened(world), true).memberships);
      assert.deepEqual(await standing(company), [...expected].sort());
    });
  });

  async function steps(world: World, check: () => Promise<void>): Promise<void> {
    const members = (id: string) => world.groups.find((group) => group.id === id)!.members;
    await check();
    members('g1').shift();
    await check();
    members('g1').push('p5', 'p6');
    await check();
    members('g3').splice(0, 1);
    await check();
    members('g3').push('g1');
    world.people.splice(1, 1);
    members('g1').splice(members('g1').indexOf('p2'), 1);
    await check();
  }

  function flattened(world: World): World {
    const inner = world.groups.find(({ id }) => id === 'g1')!.members;
    const groups = world.groups.map((group) => ({
      ...group,
      members: group.members.flatMap((id) => (id === 'g1' ? inner : [id])),
    }));
    return { ...world, groups };
  }
});
