/** An Okta org as a source: statuses, its own way of paging, its limits, and what its changes leave out (directory, Sources' own traps). */
import assert from 'node:assert/strict';
import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto';
import { describe, it } from 'node:test';
import { okta } from '../../../src/directory/sources/okta.ts';
import type { SourceContext, SourceRecord } from '../../../src/directory/sources/source.ts';
import { type Okta, startOkta } from '../../doubles/okta.ts';
import { checkEndToEnd } from './end-to-end.ts';
import { checkSource, kitContext, readAll } from './kit.ts';
import { makeWorld, shouldShow, shown, type World } from './world.ts';

function open(double: Okta, more: object = {}, context: Omit<SourceContext<never>, 'secrets'> = kitContext().context) {
  const settings = okta.settings.parse({ url: double.url, ...more });
  return okta.open(settings, { ...context, secrets: { token: double.token } });
}

for (const [name, changes] of [
  ['Okta', false],
  ['Okta by changes', true],
] as const) {
  checkSource(name, {
    start: async (world) => {
      const double = await startOkta(world);
      return { ...double, open: (context) => open(double, { changes }, context) };
    },
    pageSize: 10,
    onePerson: true,
    groups: true,
    soundIds: true,
    erasedUnseen: changes,
  });
}

await checkEndToEnd('Okta', {
  start: startOkta,
  directory: ({ url, token }) => ({ kind: 'okta', config: { url }, secrets: { token } }),
  department: ({ profiles }, id, department) => profiles.set(id, { department }),
  inResearch: '$.profile.department == "Research"',
});

async function within(count: number, work: (world: World, double: Okta) => Promise<void>): Promise<void> {
  const world = makeWorld(count);
  const double = await startOkta(world);
  try {
    await work(world, double);
  } finally {
    await double.close();
  }
}

const of = <K extends SourceRecord['kind']>(records: readonly SourceRecord[], kind: K) =>
  records.filter((each): each is Extract<SourceRecord, { kind: K }> => each.kind === kind);

describe('Okta: people', () => {
  it('given every status there is, then whoever works here is active, and the deprovisioned are known as such', () =>
    within(9, async (_, double) => {
      const statuses = 'ACTIVE PROVISIONED RECOVERY PASSWORD_EXPIRED LOCKED_OUT STAGED SUSPENDED DEPROVISIONED'.split(
        ' ',
      );
      for (const [at, status] of statuses.entries()) double.statuses.set(`p${at + 1}`, status);
      double.statuses.set('p9', 'TRANSFERRED');
      const { records } = await readAll(open(double));
      const active = Object.fromEntries(of(records, 'user').map((user) => [user.attributes['status'], user.active]));
      assert.deepEqual(active, {
        ...{ ACTIVE: true, PROVISIONED: true, RECOVERY: true, PASSWORD_EXPIRED: true, LOCKED_OUT: true },
        ...{ STAGED: false, SUSPENDED: false, DEPROVISIONED: false },
      });
      assert.deepEqual(
        of(records, 'bad').map(({ sourceKey }) => sourceKey),
        ['p9'],
        'a status that is not known is not guessed',
      );
    }));

  it('given a profile, then rules can read all of it, and the employee number is the external id', () =>
    within(1, async (_, double) => {
      double.profiles.set('p1', {
        employeeNumber: 'E1',
        costCenter: '42',
        displayName: 'Ana A.',
        email: ' Ana@Acme.Example ',
      });
      const [user] = of((await readAll(open(double))).records, 'user');
      assert.deepEqual([user?.externalId, user?.displayName, user?.email], ['E1', 'Ana A.', 'ana@acme.example']);
      assert.match(JSON.stringify(user?.attributes['profile']), /"costCenter":"42"/);
      assert.equal('credentials' in (user?.attributes ?? {}), false);
    }));
});

describe('Okta: changes', () => {
  it('given a change, then only that is asked for; given a whole reading is too old, then everything again', () =>
    within(25, async (world, double) => {
      const first = await readAll(open(double, { changes: true }));
      assert.equal(first.extent, 'full');
      world.people[0]!.family = 'Changed';
      world.groups[0]!.members = ['p1', 'p5'];
      const { extent, records, cursor } = await readAll(open(double, { changes: true }), first.cursor);
      assert.equal(extent, 'changes');
      assert.deepEqual(
        of(records, 'user').map(({ sourceKey }) => sourceKey),
        ['p1'],
      );
      assert.deepEqual(of(records, 'group'), [{ kind: 'group', groupKey: 'g1', name: 'Engineering', whole: true }]);
      assert.deepEqual(
        of(records, 'member').map(({ memberKey }) => memberKey),
        ['p1', 'p5'],
      );
      const later = { ...kitContext().context, now: () => new Date(Date.now() + 24 * 3_600_000) };
      assert.equal((await readAll(open(double, { changes: true }, later), cursor)).extent, 'full');
    }));

  it('given somebody is deprovisioned, then the changes say so', () =>
    within(5, async (world, double) => {
      const first = await readAll(open(double, { changes: true }));
      world.people[0]!.active = false;
      const { records } = await readAll(open(double, { changes: true }), first.cursor);
      assert.deepEqual(
        of(records, 'user').map(({ sourceKey, active }) => [sourceKey, active]),
        [['p1', false]],
      );
    }));
});

describe('Okta: limits', () => {
  it('given a limit, then it slows down before that is used up, and is never refused', () =>
    within(15, async (world, double) => {
      double.limit(4);
      const begun = Date.now();
      const { records } = await readAll(open(double, { spare: 0.25, atOnce: 1 }));
      assert.deepEqual(shown(records), shouldShow(world, true));
      assert.equal(double.refused(), 0);
      assert.ok(Date.now() - begun > 500, 'it has waited');
    }));
});

describe('Okta: what is refused', () => {
  it('given the next page is said to be elsewhere, then the token is not sent there', () =>
    within(25, async (_, double) => {
      double.lead((good) => good.replace('127.0.0.1', 'localhost'));
      await assert.rejects(readAll(open(double)), { code: 'invalid-feed', message: /another server/ });
    }));

  it('FEED-18: given the next page is always the same, then it is refused', () =>
    within(35, async (_, double) => {
      let first: string | undefined;
      double.lead((good) => (first ??= good));
      await assert.rejects(readAll(open(double)), { code: 'invalid-feed', message: /a second time/ });
    }));

  it('FEED-18: given pages that go on for ever with the same people, then it is refused', () =>
    within(35, async (_, double) => {
      let count = 0;
      double.lead((good) => good.replace(/after=[^&]*/, `after=&turn=${count++}`));
      await assert.rejects(readAll(open(double)), { code: 'invalid-feed', message: /repeats a page/ });
    }));

  it('given a group that is deleted while its members are read, then the run fails and its members are not held to have left', () =>
    within(5, async (world, double) => {
      const reading = async () => {
        for await (const record of (await open(double).read(null)).records) {
          if (record.kind === 'group') world.groups = [];
        }
      };
      await assert.rejects(reading(), { code: 'upstream-failed', message: /404/ });
    }));
});

describe('Okta: who asks', () => {
  for (const [name, pair] of [
    ['RSA', generateKeyPairSync('rsa', { modulusLength: 2048 })],
    ['elliptic', generateKeyPairSync('ec', { namedCurve: 'P-256' })],
  ] as const) {
    it(`given a service app with an ${name} key, then it asks with a token of its own`, async () => {
      const privateKey = String(pair.privateKey.export({ type: 'pkcs8', format: 'pem' }));
      const world = makeWorld(3);
      const double = await startOkta(world, createPublicKey(createPrivateKey(privateKey)));
      const settings = okta.settings.parse({ url: double.url, clientId: double.clientId, keyId: 'key-1' });
      const source = okta.open(settings, { ...kitContext().context, secrets: okta.secrets.parse({ privateKey }) });
      assert.deepEqual(shown((await readAll(source)).records), shouldShow(world, true));
      await double.close();
    });
  }

  it('given a key without an app, a token and a key, or nothing, then it is refused', async () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const pem = String(privateKey.export({ type: 'pkcs8', format: 'pem' }));
    assert.equal(okta.secrets.safeParse({ token: 't', privateKey: pem }).success, false);
    assert.equal(okta.secrets.safeParse({}).success, false);
    const source = okta.open(okta.settings.parse({ url: 'https://acme.okta.test' }), {
      ...kitContext().context,
      secrets: { privateKey: pem },
    });
    await assert.rejects(source.read(null), { code: 'conflict', where: 'config.clientId' });
  });
});
