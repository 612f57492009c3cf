/** A realm of Keycloak as a source: its pages by place, its groups within groups, newer and older. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { keycloak } from '../../../src/directory/sources/keycloak.ts';
import type { SourceContext } from '../../../src/directory/sources/source.ts';
import { type Keycloak, startKeycloak } from '../../doubles/keycloak.ts';
import { checkEndToEnd } from './end-to-end.ts';
import { checkSource, kitContext, readAll } from './kit.ts';
import { makeWorld, type World } from './world.ts';

const PAGE_SIZE = 5;

const config = ({ url, client }: Keycloak, more: object = {}) => ({
  url,
  realm: 'acme',
  clientId: client.id,
  groupNames: 'name',
  pageSize: PAGE_SIZE,
  ...more,
});

function open(
  double: Keycloak,
  more: object = {},
  context: Omit<SourceContext<never>, 'secrets'> = kitContext().context,
) {
  const settings = keycloak.settings.parse(config(double, more));
  return keycloak.open(settings, { ...context, secrets: { clientSecret: double.client.secret } });
}

for (const before23 of [false, true]) {
  checkSource(before23 ? 'Keycloak before version 23' : 'Keycloak', {
    start: async (world) => {
      const double = await startKeycloak(world, { before23 });
      return { ...double, open: (context) => open(double, {}, context) };
    },
    pageSize: PAGE_SIZE,
    onePerson: true,
    groups: true,
    soundIds: true,
  });
}

await checkEndToEnd('Keycloak', {
  start: startKeycloak,
  directory: (double) => ({
    kind: 'keycloak',
    config: config(double),
    secrets: { clientSecret: double.client.secret },
  }),
  department: ({ profiles }, id, department) => profiles.set(id, { department: [department] }),
  inResearch: '$.attributes.department == "Research"',
});

async function within(count: number, work: (world: World, double: Keycloak) => Promise<void>, how = {}): Promise<void> {
  const world = makeWorld(count);
  const double = await startKeycloak(world, how);
  try {
    await work(world, double);
  } finally {
    await double.close();
  }
}

describe('Keycloak: groups within groups', () => {
  for (const before23 of [false, true]) {
    it(`given ${before23 ? 'an older' : 'a newer'} server, then each is told with the group around it, called by its path`, () =>
      within(
        3,
        async (world, double) => {
          world.groups.push(
            { id: 'g3', name: 'Compilers', members: ['p1'] },
            { id: 'g4', name: 'Go', members: ['p2'] },
          );
          double.within.set('g3', 'g1').set('g4', 'g3');
          const { records } = await readAll(open(double, { groupNames: 'path' }));
          const told = records.flatMap((record) => {
            if (record.kind === 'group') return [`${record.groupKey} ${record.name}`];
            return record.kind === 'member' ? [`${record.groupKey} has ${record.memberIs} ${record.memberKey}`] : [];
          });
          assert.deepEqual(told.sort(), [
            'g1 /Engineering',
            'g1 has group g3',
            'g1 has user p1',
            'g1 has user p2',
            'g1 has user p3',
            'g2 /Empty',
            'g3 /Engineering/Compilers',
            'g3 has group g4',
            'g3 has user p1',
            'g4 /Engineering/Compilers/Go',
            'g4 has user p2',
          ]);
        },
        { before23 },
      ));
  }

  it('given a group with more members than a page holds, then all are read', () =>
    within(4, async (world, double) => {
      world.people = makeWorld(17).people;
      world.groups = [{ id: 'g1', name: 'All', members: world.people.map(({ id }) => id) }];
      const { records } = await readAll(open(double));
      assert.equal(records.filter(({ kind }) => kind === 'member').length, 17);
    }));
});

describe('Keycloak: what else', () => {
  it('given a wrong secret, then that is told as what it is', () =>
    within(3, async (_, double) => {
      const settings = keycloak.settings.parse(config(double));
      const source = keycloak.open(settings, { ...kitContext().context, secrets: { clientSecret: 'wrong' } });
      await assert.rejects(readAll(source), {
        code: 'upstream-failed',
        message: /no access token.*unauthorized_client/,
      });
    }));

  it('given what is said of somebody, then rules can read all of it but what the asking account may do with them', () =>
    within(1, async (_, double) => {
      double.profiles.set('p1', { department: ['Research'], cost: ['42'] });
      const [person] = (await readAll(open(double))).records;
      assert.ok(person?.kind === 'user');
      assert.deepEqual(person.attributes, {
        id: 'p1',
        username: 'p1@acme.example',
        firstName: 'Zoë',
        lastName: 'Ångström-李',
        email: 'p1@acme.example',
        emailVerified: true,
        enabled: true,
        createdTimestamp: 1_700_000_000_000,
        attributes: { department: ['Research'], cost: ['42'] },
      });
    }));
});
