/** SCIM servers that we ask: what every source must stand, the freedoms that servers take, and our own server at the other end. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { scimSource } from '../../../src/directory/sources/scim-source.ts';
import type { SourceContext, SourceRecord } from '../../../src/directory/sources/source.ts';
import { type ScimManners, type ScimServer, startScimServer, TOKEN } from '../../doubles/scim-server.ts';
import { makeCompany } from '../../harness/company.ts';
import { openTestDatabase } from '../../harness/database.ts';
import { startTestServer } from '../../harness/server.ts';
import { arrangeProvider, GROUP, PATCH, USER } from '../scim/arrange.ts';
import { checkEndToEnd } from './end-to-end.ts';
import { checkSource, kitContext, readAll } from './kit.ts';
import { makeWorld, shouldShow, shown, type World } from './world.ts';

const PAGE_SIZE = 5;

function open(
  double: ScimServer,
  more: object = {},
  secrets: object = { token: double.token },
  context: Omit<SourceContext<never>, 'secrets'> = kitContext().context,
) {
  const settings = scimSource.settings.parse({ url: `${double.url}/scim/v2/`, pageSize: PAGE_SIZE, ...more });
  return scimSource.open(settings, { ...context, secrets });
}

for (const cursors of [false, true]) {
  checkSource(cursors ? 'a SCIM server by cursor' : 'a SCIM server by index', {
    start: async (world) => {
      const double = await startScimServer(world, { cursors });
      return { ...double, open: (context) => open(double, {}, undefined, context) };
    },
    pageSize: PAGE_SIZE,
    onePerson: true,
    groups: true,
  });
}

await checkEndToEnd('a SCIM server', {
  start: startScimServer,
  directory: ({ url, token }) => ({
    kind: 'scim-source',
    config: { url: `${url}/scim/v2`, pageSize: PAGE_SIZE },
    secrets: { token },
  }),
  department: ({ more }, id, department) => more.set(id, { title: department }),
  inResearch: '$.title == "Research"',
});

async function within(
  count: number,
  manners: Partial<ScimManners>,
  work: (world: World, double: ScimServer) => Promise<void>,
): Promise<void> {
  const world = makeWorld(count);
  const double = await startScimServer(world, manners);
  try {
    await work(world, double);
  } finally {
    await double.close();
  }
}

const of = <K extends SourceRecord['kind']>(records: readonly SourceRecord[], kind: K) =>
  records.filter((each): each is Extract<SourceRecord, { kind: K }> => each.kind === kind);

describe('SCIM servers: lists', () => {
  for (const [what, manners] of [
    ['fewer on a page than it is asked for', { most: 3 }],
    ['as many on a page as it likes to say that there are', { total: (count: number) => Math.min(count, 5) }],
    ['no members in lists', { membersInLists: false }],
    ['no word on what a member is', { kinds: 'not at all' }],
    ['an address to say what a member is', { kinds: '$ref' }],
  ] as const) {
    for (const cursors of [false, true]) {
      it(`given ${what}, ${cursors ? 'by cursor' : 'by index'}, then everybody is read`, () =>
        within(23, { ...manners, cursors }, async (world, double) => {
          assert.deepEqual(shown((await readAll(open(double))).records), shouldShow(world, true));
        }));
    }
  }

  for (const [what, manners] of [
    ['fewer than it says, by index', { total: (count: number) => count + 1 }],
    ['fewer than it says, by cursor', { total: (count: number) => count + 1, cursors: true }],
    ['pages in another order each', { shuffled: true }],
    ['cursors in a circle', { cursors: true, circle: true }],
    ['one at a time', { most: 1 }],
  ] as const) {
    it(`FEED-18: given ${what}, then it is refused`, () =>
      within(12, manners, async (_, double) => {
        await assert.rejects(readAll(open(double)), { code: 'invalid-feed' });
      }));
  }

  it('FEED-16: given somebody leaves and somebody comes between two pages, so that there are as many, then it is refused', () =>
    within(12, {}, async (world, double) => {
      const reading = async () => {
        let read = 0;
        for await (const _ of (await open(double).read(null)).records) {
          read += 1;
          if (read !== 1) continue;
          world.people.splice(0, 1);
          world.people.push({ id: 'new', email: 'new@acme.example', given: 'New', family: 'Person', active: true });
        }
      };
      await assert.rejects(reading(), { code: 'invalid-feed', message: /changed while it was read/ });
    }));

  it('given an address that is no SCIM server’s, then that is told, and it is not nobody', () =>
    within(3, {}, async (_, double) => {
      await assert.rejects(
        readAll(open(double, { url: `${double.url}/scim/v2/ServiceProviderConfig` })),
        (error: Error) => {
          assert.match(error.message, /no SCIM list|answers 404/);
          return true;
        },
      );
    }));
});

describe('SCIM servers: who asks, and for whom', () => {
  for (const [what, auth, secrets] of [
    ['a user and password', { kind: 'basic' }, { username: 'reader', password: TOKEN }],
    ['OAuth, a form', { kind: 'oauth', scope: 'read' }, { clientId: 'drawbridge', clientSecret: TOKEN }],
    ['OAuth, a header', { kind: 'oauth', client: 'basic' }, { clientId: 'drawbridge', clientSecret: TOKEN }],
  ] as const) {
    it(`given ${what}, then it is read`, () =>
      within(7, {}, async (world, double) => {
        const said = auth.kind === 'oauth' ? { ...auth, tokenUrl: `${double.url}/token` } : auth;
        assert.deepEqual(
          shown((await readAll(open(double, { auth: said }, secrets))).records),
          shouldShow(world, true),
        );
      }));
  }

  it('given a secret that is missing, or wrong, then that is told', () =>
    within(3, {}, async (_, double) => {
      await assert.rejects(async () => readAll(open(double, {}, {})), {
        code: 'conflict',
        message: /lacks the secret token/,
      });
      await assert.rejects(readAll(open(double, {}, { token: 'wrong' })), { code: 'upstream-failed', message: /401/ });
    }));

  it('given a filter, then only those are read, and no groups where none are wanted', () =>
    within(7, {}, async (_, double) => {
      const { records } = await readAll(open(double, { userFilter: 'userName eq "p3@acme.example"', groups: false }));
      assert.deepEqual(
        records.map((record) => record.kind === 'user' && record.userName),
        ['p3@acme.example'],
      );
    }));
});

describe('SCIM servers: people and groups', () => {
  it('given groups within groups, then they are told as such, however the server says it', async () => {
    for (const kinds of ['type', '$ref', 'not at all'] as const) {
      await within(3, { kinds }, async (world, double) => {
        world.groups.push({ id: 'g9', name: 'All', members: ['g1', 'p1'] });
        const { records } = await readAll(open(double));
        const inAll = of(records, 'member').filter(({ groupKey }) => groupKey === 'g9');
        assert.deepEqual(
          inAll.map(({ memberKey, memberIs }) => `${memberIs} ${memberKey}`),
          ['group g1', 'user p1'],
          kinds,
        );
      });
    }
  });

  it('given names, addresses and states as servers write them, then they are understood, or told', () =>
    within(7, {}, async (_, double) => {
      double.more.set('p7', { emails: 'g@acme.example' });
      double.more.set('p1', { displayName: ' Ana A. ', emails: [{ value: 'ANA@Acme.example ' }], active: 'False' });
      double.more.set('p2', { name: { formatted: 'Dr. Ben' }, emails: [], active: undefined });
      double.more.set('p3', {
        emails: [
          { value: 'b@x.example', type: 'other' },
          { value: 'a@x.example', type: 'WORK' },
        ],
      });
      double.more.set('p4', { active: 'perhaps' });
      double.more.set('p5', { userName: '' });
      double.more.set('p6', { title: 'nul \u0000' });
      const { records } = await readAll(open(double));
      assert.deepEqual(
        of(records, 'user').map(({ displayName, email, active }) => [displayName, email, active]),
        [
          ['Ana A.', 'ana@acme.example', false],
          ['Dr. Ben', null, true],
          ['Robert"); DROP TABLE O\'Neil, Jr.', 'a@x.example', true],
        ],
      );
      assert.deepEqual(
        of(records, 'bad').map(({ sourceKey, reason }) => `${sourceKey}: ${reason}`),
        [
          'p4: it does not say whether the person is active',
          'p5: there is no user name',
          'p6: it holds characters that are no text',
          'p7: the e-mail addresses are no list of such',
        ],
      );
      const [ana] = of(records, 'user');
      assert.ok(
        !('meta' in (ana?.attributes ?? {})) && !('groups' in (ana?.attributes ?? {})),
        'nothing that changes by itself',
      );
    }));
});

const database = await openTestDatabase();
const server = await startTestServer(database);

describe('our own SCIM server at the other end', () => {
  for (const paging of ['auto', 'index'] as const) {
    it(`given people and a group pushed to one organization, pulled by another (${paging}), then access follows`, async () => {
      const provider = await arrangeProvider(server);
      const create = async (path: string, body: object): Promise<string> => {
        const { status, body: made } = await provider.scim('post', path, body);
        assert.equal(status, 201, JSON.stringify(made));
        return made.id;
      };
      const ids: string[] = [];
      for (let at = 0; at < 23; at += 1) {
        const emails = [{ value: `u${at}@acme.example`, primary: true }];
        const user = {
          schemas: [USER],
          userName: `u${at}@acme.example`,
          displayName: `User ${at}`,
          emails,
          active: at !== 7,
        };
        ids.push(await create('/Users', { ...user, title: 'Agent' }));
      }
      const members = ids.slice(0, 12).map((value) => ({ value }));
      const groupId = await create('/Groups', { schemas: [GROUP], displayName: 'Support', members });
      await create('/Groups', { schemas: [GROUP], displayName: 'Empty' });

      const company = await makeCompany(server, database);
      const config = { url: `${server.url}/scim/v2/${provider.directoryId}`, paging, pageSize: 5 };
      const put = await company
        .api('put', '/directories/peer')
        .send({ kind: 'scim-source', config, secrets: { token: provider.token } });
      assert.ok(put.ok, JSON.stringify(put.body));
      const rule = { group: 'Support', scope: { workspace: 'main' }, role: 'member' };
      await company.api('put', '/mapping-rules/support').send(rule).expect(200);
      const run = async () => (await company.api('post', '/directories/peer/runs').send({})).body;

      const first = await run();
      assert.equal(first.status, 'applied', JSON.stringify(first));
      assert.deepEqual(first.counts, { 'user.create': 22, 'membership.add': 11 });
      assert.deepEqual((await run()).counts, {});

      await provider.scim('delete', `/Users/${ids[3]}`).expect(204);
      const removal = { op: 'remove', path: `members[value eq "${ids[0]}"]` };
      await provider.scim('patch', `/Groups/${groupId}`, { schemas: [PATCH], Operations: [removal] });
      const second = await run();
      assert.deepEqual(second.counts, { 'user.deprovision': 1, 'membership.remove': 1 });
      assert.deepEqual(await company.memberships('u3@acme.example'), []);
      assert.deepEqual(await company.memberships('u1@acme.example'), ['main:member (mapping)']);
    });
  }
});
