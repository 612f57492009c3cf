/** Google Workspace as a source: members group by group, groups within groups, everybody as a member (directory, Sources' own traps). */
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { describe, it } from 'node:test';
import { google } from '../../../src/directory/sources/google.ts';
import type { SourceContext, SourceRecord } from '../../../src/directory/sources/source.ts';
import { EVERYBODY, type GoogleDirectory, startGoogleDirectory } from '../../doubles/google-directory.ts';
import { checkEndToEnd } from './end-to-end.ts';
import { checkSource, kitContext, readAll } from './kit.ts';
import { makeWorld, shouldShow, shown, type World } from './world.ts';

const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const start = (world: World) => startGoogleDirectory(world, publicKey);

const keyFile = ({ account }: GoogleDirectory, key = privateKey) =>
  JSON.stringify({
    ...{ type: 'service_account', client_email: account, private_key_id: 'key-1' },
    private_key: key.export({ type: 'pkcs8', format: 'pem' }),
    token_uri: 'https://elsewhere.test/token',
  });

const configOf = ({ url, subject }: GoogleDirectory, more: object = {}) => ({
  ...{ subject, apiUrl: url, tokenUrl: `${url}/token`, groupNames: 'name' },
  ...more,
});

function open(
  double: GoogleDirectory,
  more: object = {},
  context: Omit<SourceContext<never>, 'secrets'> = kitContext().context,
) {
  const secrets = google.secrets.parse({ serviceAccount: keyFile(double) });
  return google.open(google.settings.parse(configOf(double, more)), { ...context, secrets });
}

checkSource('Google', {
  start: async (world) => {
    const double = await start(world);
    return { ...double, open: (context) => open(double, {}, context) };
  },
  pageSize: 10,
  onePerson: true,
  groups: true,
  soundIds: true,
});

await checkEndToEnd('Google', {
  start,
  directory: (double) => ({ kind: 'google', config: configOf(double), secrets: { serviceAccount: keyFile(double) } }),
  department: ({ fields }, id, department) => fields.set(id, { orgUnitPath: `/${department}` }),
  inResearch: '$.orgUnitPath == "/Research"',
});

async function within(count: number, work: (world: World, double: GoogleDirectory) => Promise<void>): Promise<void> {
  const world = makeWorld(count);
  const double = await start(world);
  try {
    await work(world, double);
  } finally {
    await double.close();
  }
}

const of = <K extends SourceRecord['kind']>(records: readonly SourceRecord[], kind: K) =>
  records.filter((each): each is Extract<SourceRecord, { kind: K }> => each.kind === kind);

describe('Google: people', () => {
  it('given somebody suspended and somebody archived, then neither is active', () =>
    within(3, async (_, double) => {
      double.fields.set('p1', { suspended: true });
      double.fields.set('p2', { archived: true });
      const { records } = await readAll(open(double));
      assert.deepEqual(
        of(records, 'user').map(({ sourceKey, active }) => [sourceKey, active]),
        [
          ['p1', false],
          ['p2', false],
          ['p3', true],
        ],
      );
    }));

  it('given fields of the organization’s own, then rules can read them, and the employee id is the external id', () =>
    within(1, async (_, double) => {
      const externalIds = [
        { type: 'login_id', value: 'x' },
        { type: 'organization', value: 'E1' },
      ];
      double.fields.set('p1', { externalIds, orgUnitPath: '/Engineering/Core' });
      const [user] = of((await readAll(open(double))).records, 'user');
      assert.equal(user?.externalId, 'E1');
      assert.equal(user?.attributes['orgUnitPath'], '/Engineering/Core');
      assert.deepEqual(user?.attributes['customSchemas'], { Acme: { badge: 'B-p1' } });
    }));

  it('given it is not said whether people are suspended, then nobody is held to be active, nor to have left', () =>
    within(2, async (_, double) => {
      double.fields.set('p1', { suspended: undefined });
      const { records } = await readAll(open(double));
      assert.deepEqual(
        of(records, 'bad').map(({ sourceKey }) => sourceKey),
        ['p1'],
      );
    }));
});

describe('Google: groups', () => {
  it('given a group within a group, everybody as a member, and somebody from elsewhere, then each is told as what it is', () =>
    within(12, async (world, double) => {
      world.groups = [
        { id: 'g1', name: 'Engineering', members: ['p1', 'somebody-from-elsewhere'] },
        { id: 'g2', name: 'Product', members: ['g1', 'p2'] },
        { id: 'g3', name: 'All', members: [EVERYBODY] },
      ];
      const { records } = await readAll(open(double));
      const members = of(records, 'member').map(
        ({ groupKey, memberKey, memberIs }) => `${groupKey} ${memberKey} ${memberIs}`,
      );
      assert.ok(members.includes('g2 g1 group') && members.includes('g2 p2 user') && members.includes('g1 p1 user'));
      assert.deepEqual(
        members.filter((member) => member.startsWith('g3')).sort(),
        world.people.map(({ id }) => `g3 ${id} user`).sort(),
      );
      assert.deepEqual(of(records, 'bad'), []);
    }));

  it('given two groups of the same name, then by their addresses rules tell them apart', () =>
    within(1, async (_, double) => {
      const { records } = await readAll(open(double, { groupNames: 'email' }));
      assert.deepEqual(
        of(records, 'group').map(({ name }) => name),
        ['engineering@acme.example', 'empty@acme.example'],
      );
    }));

  it('given many groups with long lists of members, then only so many are read at once, and all of them', () =>
    within(30, async (world, double) => {
      const everyone = world.people.map(({ id }) => id);
      world.groups = Array.from({ length: 25 }, (_, at) => ({ id: `g${at}`, name: `Group ${at}`, members: everyone }));
      const { records } = await readAll(open(double, { atOnce: 3 }));
      assert.deepEqual(shown(records), shouldShow(world, true));
      assert.equal(double.mostAtOnce(), 3);
    }));
});

describe('Google: what is refused, and what may pass', () => {
  it('given it says by 403 that this was too fast, then it is asked again', () =>
    within(3, async (world, double) => {
      double.tooFast(2);
      const { context, waits } = kitContext();
      assert.deepEqual(shown((await readAll(open(double, {}, context))).records), shouldShow(world, true));
      assert.equal(waits.length, 2);
    }));

  it('given an answer without what was asked for, then that is not taken for nobody', () =>
    within(3, async (_, double) => {
      for (const instead of [{}, { kind: 'admin#directory#groups' }, { kind: 'admin#directory#users', users: {} }]) {
        double.answer('/users', instead);
        await assert.rejects(readAll(open(double)), { code: 'invalid-feed' });
      }
    }));

  it('FEED-18: given the same page token again and again, then it is refused', () =>
    within(3, async (_, double) => {
      double.answer('/users', { kind: 'admin#directory#users', users: [{ id: 'p1' }], nextPageToken: 'again' });
      await assert.rejects(readAll(open(double)), { code: 'invalid-feed', message: /a second time/ });
    }));

  it('given a key that Google does not know, or an account that may not act for anybody, then it says so', () =>
    within(1, async (_, double) => {
      const stranger = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
      const { context } = kitContext();
      const settings = google.settings.parse(configOf(double));
      const forged = google.open(settings, { ...context, secrets: { serviceAccount: keyFile(double, stranger) } });
      await assert.rejects(readAll(forged), { code: 'upstream-failed', message: /invalid_grant/ });
      const undelegated = open(double, { subject: 'other@acme.example' });
      await assert.rejects(readAll(undelegated), { code: 'upstream-failed', message: /unauthorized_client/ });
    }));

  it('given something else than the key of a service account, then it is refused when it is said', () => {
    for (const serviceAccount of ['', '{}', 'not json', JSON.stringify({ client_email: 'a', private_key: 'b' })]) {
      assert.equal(google.secrets.safeParse({ serviceAccount }).success, false);
    }
  });
});
