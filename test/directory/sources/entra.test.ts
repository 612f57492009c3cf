/** Microsoft Entra ID as a source: what Graph's delta queries put in a reader's way (directory, Sources' own traps). */
import assert from 'node:assert/strict';
import { createHash, createPublicKey, X509Certificate } from 'node:crypto';
import { describe, it } from 'node:test';
import { generate } from 'selfsigned';
import { entra } from '../../../src/directory/sources/entra.ts';
import type { SourceContext, SourceRecord } from '../../../src/directory/sources/source.ts';
import { type EntraDirectory, startEntraDirectory } from '../../doubles/entra-directory.ts';
import { checkEndToEnd } from './end-to-end.ts';
import { checkSource, kitContext, readAll } from './kit.ts';
import { makeWorld, shouldShow, shown, type World } from './world.ts';

const settingsOf = ({ url, tenant, clientId }: EntraDirectory, properties: string[] = []) =>
  entra.settings.parse({ tenant, clientId, properties, graphUrl: url, loginUrl: url });

function open(double: EntraDirectory, context: Omit<SourceContext<never>, 'secrets'> = kitContext().context) {
  return entra.open(settingsOf(double), { ...context, secrets: { clientSecret: double.secret } });
}

checkSource('Entra', {
  start: async (world) => {
    const double = await startEntraDirectory(world);
    return { ...double, open: (context) => open(double, context) };
  },
  pageSize: 10,
  onePerson: true,
  groups: true,
  soundIds: true,
});

await checkEndToEnd('Entra', {
  start: startEntraDirectory,
  directory: (double) => ({ kind: 'entra', config: settingsOf(double), secrets: { clientSecret: double.secret } }),
  department: ({ properties }, id, department) => properties.set(id, { department }),
  inResearch: '$.department == "Research"',
});

async function within(count: number, work: (world: World, double: EntraDirectory) => Promise<void>): Promise<void> {
  const world = makeWorld(count);
  const double = await startEntraDirectory(world);
  try {
    await work(world, double);
  } finally {
    await double.close();
  }
}

const of = <K extends SourceRecord['kind']>(records: readonly SourceRecord[], kind: K) =>
  records.filter((each): each is Extract<SourceRecord, { kind: K }> => each.kind === kind);

describe('Entra: changes', () => {
  it('given somebody changed of whom only the new part is told, then the whole person is read, and nothing stored is lost', () =>
    within(20, async (world, double) => {
      double.properties.set('p3', { department: 'Engineering', employeeId: 'E3', jobTitle: null });
      const source = open(double);
      const { cursor } = await readAll(source);
      world.people[2]!.family = 'Changed';
      double.properties.set('p3', { department: 'Engineering', employeeId: 'E3', jobTitle: 'Lead' });
      const { extent, records } = await readAll(source, cursor);
      assert.equal(extent, 'changes');
      const [person, ...others] = of(records, 'user');
      assert.deepEqual(others, []);
      assert.equal(person?.email, 'p3@acme.example');
      assert.equal(person?.externalId, 'E3');
      const { department, jobTitle, surname } = person?.attributes ?? {};
      assert.deepEqual([department, jobTitle, surname], ['Engineering', 'Lead', 'Changed']);
    }));

  it('given something is set to nothing, then rules see that it is not there, however it is told', () =>
    within(3, async (_, double) => {
      double.properties.set('p1', { department: 'Engineering' });
      const source = open(double);
      const { cursor } = await readAll(source);
      double.properties.set('p1', {});
      const { records } = await readAll(source, cursor);
      assert.equal('department' in (of(records, 'user')[0]?.attributes ?? { department: 1 }), false);
    }));

  it('given people changed, more than Graph lets a filter name, then each is read', () =>
    within(50, async (world, double) => {
      const source = open(double);
      const { cursor } = await readAll(source);
      for (const person of world.people) person.family = 'Married';
      const { records } = await readAll(source, cursor);
      assert.equal(of(records, 'user').length, 50);
    }));

  it('given repetitions and the last first, then what is read in the end is what is there', () =>
    within(33, async (world, double) => {
      double.disorder();
      const source = open(double);
      const first = await readAll(source);
      assert.deepEqual(shown(first.records), shouldShow(world, true));
      world.people.splice(0, 2);
      world.groups[1]?.members.push('p30');
      const { records } = await readAll(source, first.cursor);
      assert.deepEqual(new Set(of(records, 'gone').map(({ key }) => key)), new Set(['p1', 'p2']));
      assert.ok(of(records, 'gone').length > 2, 'something is told twice');
    }));

  it('FEED-8 given when somebody was hired and leaves, then these are their first and last day; the years 1 and 9999 are none', () =>
    within(5, async (_, double) => {
      const leaves = (employeeLeaveDateTime: string | null) => ({ employeeLeaveDateTime });
      double.properties
        .set('p1', { employeeHireDate: '2026-01-05T00:00:00Z', ...leaves('2026-06-30T23:59:59Z') })
        .set('p2', leaves('2026-07-01T00:00:00Z'))
        .set('p3', { employeeHireDate: '0001-01-01T00:00:00Z', ...leaves('9999-12-31T00:00:00Z') })
        .set('p4', { employeeHireDate: 'soon', ...leaves(null) });
      const settings = { ...settingsOf(double), properties: ['employeeLeaveDateTime'] };
      const { context } = kitContext();
      const { records } = await readAll(entra.open(settings, { ...context, secrets: { clientSecret: double.secret } }));
      assert.deepEqual(
        of(records, 'user').map(({ sourceKey, startsOn, endsOn }) => [sourceKey, startsOn, endsOn]),
        [
          ['p1', '2026-01-05', '2026-06-30'],
          ['p2', null, '2026-06-30'],
          ['p3', null, null],
          ['p5', null, null],
        ],
      );
      assert.deepEqual(
        of(records, 'bad').map(({ sourceKey, reason }) => [sourceKey, reason]),
        [['p4', 'the first or last day is no time']],
      );
    }));

  it('given a group deleted and a group within a group, then both are told as such', () =>
    within(5, async (world, double) => {
      world.groups[1]?.members.push('g1');
      const source = open(double);
      const first = await readAll(source);
      assert.ok(
        of(first.records, 'member').some(({ memberKey, memberIs }) => memberKey === 'g1' && memberIs === 'group'),
      );
      world.groups.shift();
      const { records } = await readAll(source, first.cursor);
      assert.deepEqual(of(records, 'gone'), [{ kind: 'gone', what: 'group', key: 'g1' }]);
    }));

  for (const [name, answer] of [
    ['410 Gone', { status: 410, body: '' }],
    ['resyncRequired', { status: 400, body: { error: { code: 'resyncRequired' } } }],
    ['syncStateNotFound', { status: 404, body: { error: { code: 'syncStateNotFound' } } }],
  ] as const) {
    it(`given ${name}, for the point is no longer remembered, then everything is read anew`, () =>
      within(15, async (world, double) => {
        const source = open(double);
        const { cursor } = await readAll(source);
        double.forget(answer);
        const again = await readAll(source, cursor);
        assert.equal(again.extent, 'full');
        assert.deepEqual(shown(again.records), shouldShow(world, true));
      }));
  }
});

describe('Entra: groups of the same name', () => {
  it('given rules are to call groups by their ids, then a name that somebody else gave means nothing', () =>
    within(5, async (world, double) => {
      const settings = { ...settingsOf(double), groupNames: 'id' as const };
      const source = entra.open(settings, { ...kitContext().context, secrets: { clientSecret: double.secret } });
      const { cursor } = await readAll(source);
      world.groups.push({ id: 'g3', name: 'Engineering', members: ['p5'] });
      const { records } = await readAll(source, cursor);
      assert.deepEqual(of(records, 'group'), [{ kind: 'group', groupKey: 'g3', name: 'g3' }]);
    }));
});

describe('Entra: what is refused', () => {
  it('given the next page is said to be elsewhere, then the token is not sent there', () =>
    within(25, async (_, double) => {
      double.lead((good) => good.replace('127.0.0.1', 'localhost'));
      await assert.rejects(readAll(open(double)), { code: 'invalid-feed', message: /another server/ });
    }));

  it('FEED-18: given the next page is always the same, then it is refused', () =>
    within(25, async (_, double) => {
      let first: string | undefined;
      double.lead((good) => (first ??= good));
      await assert.rejects(readAll(open(double)), { code: 'invalid-feed', message: /a second time/ });
    }));

  it('given a wrong secret, then it says that no token is given, and not the secret', () =>
    within(1, async (_, double) => {
      const { context } = kitContext();
      const source = entra.open(settingsOf(double), { ...context, secrets: { clientSecret: 'wrong~secret' } });
      await assert.rejects(readAll(source), (error: { code: string; message: string }) => {
        assert.equal(error.code, 'upstream-failed');
        assert.match(error.message, /401, invalid_client/);
        assert.doesNotMatch(JSON.stringify(error), /wrong~secret/);
        return true;
      });
    }));

  it('given a guest without an address, then the made-up user name is not taken for one', () =>
    within(1, async (_, double) => {
      double.properties.set('p1', { mail: null, userPrincipalName: 'ana_else.example#EXT#@acme.example' });
      const { records } = await readAll(open(double));
      assert.equal(of(records, 'user')[0]?.email, null);
    }));

  it('given an app without what it takes to see who is active, then each record is bad and nobody is held to be active', () =>
    within(2, async (_, double) => {
      for (const id of ['p1', 'p2']) double.properties.set(id, { accountEnabled: null });
      const { records } = await readAll(open(double));
      assert.deepEqual(
        of(records, 'bad').map(({ sourceKey }) => sourceKey),
        ['p1', 'p2'],
      );
    }));
});

describe('Entra: who asks', () => {
  it('given a certificate instead of a secret, then the assertion is signed with it', async () => {
    const pair = await generate([{ name: 'commonName', value: 'drawbridge' }], { keySize: 2048 });
    const der = new X509Certificate(pair.cert).raw;
    const thumbprint = createHash('sha256').update(der).digest('base64url');
    const world = makeWorld(3);
    const double = await startEntraDirectory(world, { key: createPublicKey(pair.cert), thumbprint });
    const secrets = entra.secrets.parse({ certificate: pair.cert, privateKey: pair.private });
    const source = entra.open(settingsOf(double), { ...kitContext().context, secrets });
    assert.deepEqual(shown((await readAll(source)).records), shouldShow(world, true));
    await double.close();
  });

  it('given half a certificate, or none, then it is refused when it is said', () => {
    assert.equal(entra.secrets.safeParse({}).success, false);
    assert.equal(entra.secrets.safeParse({ certificate: 'x', privateKey: 'y' }).success, false);
  });
});
