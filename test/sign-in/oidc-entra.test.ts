/** Entra: whose tenant, whose address, and groups that no token has room for. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { afterEach, describe, it } from 'node:test';
import { Browser, type Page } from '../../src/demo/browser.ts';
import { type EntraPerson, startEntra } from '../doubles/entra.ts';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';
import { connection, holdings, lastEvent, membershipsOf, organization, person } from './arrange.ts';

const database = await openTestDatabase();
const server = await startTestServer(database);
const entra = await startEntra();
database.onEnd(() => entra.close());
afterEach(() => entra.behave({}));

const acme = await organization(server, 'acme');
const [ours, partner, stranger] = [randomUUID(), randomUUID(), randomUUID()];
const ADMINS = randomUUID();
const DEVELOPERS = randomUUID();
await server
  .api('put', '/organizations/acme/mapping-rules/admins')
  .send({ group: ADMINS, scope: 'organization', role: 'admin' })
  .expect(200);
await server
  .api('put', '/organizations/acme/mapping-rules/developers')
  .send({ condition: `$.groups[*] == "${DEVELOPERS}"`, scope: 'organization', role: 'developer' })
  .expect(200);

const common = {
  ...{ kind: 'oidc', preset: 'entra', clientId: entra.clientId, clientSecret: entra.secret },
  groupsEndpoint: `${entra.url}/v1.0/me/getMemberObjects`,
};
const one = await connection(server, acme, 'one', { ...common, issuer: `${entra.url}/${ours}/v2.0` });
const several = await connection(server, acme, 'several', {
  ...common,
  issuer: `${entra.url}/{tenantid}/v2.0`,
  tenants: [ours, partner],
});

function somebody(name: string, more: Partial<EntraPerson> = {}): EntraPerson {
  return { tenant: ours, oid: name, name, email: `${name}@acme.test`, ownsDomain: true, groups: [], ...more };
}

function signIn(who: EntraPerson, at = one): Promise<Page> {
  entra.signedIn(who);
  return new Browser('application/json').get(at.relyingParty.loginUrl, /\/me$/);
}

async function refuses(check: string, who: EntraPerson, at = one): Promise<void> {
  const before = await holdings(server, acme);
  const page = await signIn(who, at);
  assert.deepEqual([page.status, JSON.parse(page.text).check], [403, check], page.text);
  assert.deepEqual(await holdings(server, acme), before);
  const event = await lastEvent(server, acme, 'sign_in.refused');
  assert.deepEqual([event?.outcome, event?.reason], ['denied', check]);
}

const lastSteps = async () => {
  const { body } = await server.api('get', '/organizations/acme/sign-in-traces?limit=1').expect(200);
  return body.traces[0].steps as { check: string; got?: string }[];
};

describe("Entra's tenants", () => {
  it('given several tenants are named, then their people come in through one connection', async () => {
    assert.equal((await signIn(somebody('tess'), several)).status, 303);
    assert.equal((await signIn(somebody('pat', { tenant: partner }), several)).status, 303);
  });

  it('OIDC-23 given a person of a tenant that is not named, then they are refused, whatever their token says of them', () =>
    refuses('tenant', somebody('sly', { tenant: stranger }), several));

  it('OIDC-23 given an issuer of one tenant, when the token is of another, then it is refused', () =>
    refuses('issuer', somebody('sly', { tenant: partner })));

  it('given the same subject in two tenants, then these are two people', async () => {
    assert.equal((await signIn(somebody('sam', { email: 'sam1@acme.test' }), several)).status, 303);
    const other = somebody('sam', { tenant: partner, email: 'sam2@acme.test' });
    assert.equal((await signIn(other, several)).status, 303);
    assert.equal((await membershipsOf(server, acme, 'sam2@acme.test')).length, 1);
  });

  const impossible: readonly [what: string, input: Record<string, unknown>, says: RegExp][] = [
    ['every tenant by the template', { issuer: `${entra.url}/{tenantid}/v2.0` }, /many tenants/],
    ['everybody', { issuer: 'https://login.microsoftonline.com/common/v2.0' }, /every tenant/],
    ['organizations', { issuer: 'https://login.microsoftonline.com/organizations/v2.0' }, /every tenant/],
    ['tenants beside one', { issuer: `${entra.url}/${ours}/v2.0`, tenants: [partner] }, /one tenant already/],
    ['no issuer', {}, /names no issuer/],
    [
      'a claim that can hold anything',
      { issuer: `${entra.url}/x`, claims: { email: ['upn'] } },
      /vouches for no other/,
    ],
    [
      'a key of ours',
      { issuer: `${entra.url}/x`, clientAuthentication: 'private_key_jwt' },
      /takes no private_key_jwt/,
    ],
  ];
  for (const [what, input, says] of impossible) {
    it(`given a connection for ${what}, then it is refused with what to do`, async () => {
      const put = await server.api('put', '/organizations/acme/connections/wide').send({ ...common, ...input });
      assert.equal(put.status, 400, put.text);
      assert.match(put.body.detail, says);
    });
  }
});

describe("Entra's e-mail addresses", () => {
  it('OIDC-22 given an address that nobody vouches for, then neither is anybody linked nor made', async () => {
    await person(server, acme, 'olga@acme.test', 'owner');
    for (const ownsDomain of [undefined, false, '0', 'no']) {
      const { ownsDomain: _, ...unvouched } = somebody('mallory', { email: 'olga@acme.test' });
      await refuses('email', ownsDomain === undefined ? unvouched : { ...unvouched, ownsDomain });
    }
  });

  it('given the tenant owns the domain, or the address is verified in itself, then it counts', async () => {
    assert.equal((await signIn(somebody('edith', { ownsDomain: '1' }))).status, 303);
    const { ownsDomain: _, ...vera } = somebody('vera', {
      email: 'someone@else.test',
      verifiedPrimaryEmail: 'vera@acme.test',
    });
    assert.equal((await signIn(vera)).status, 303);
    assert.equal((await membershipsOf(server, acme, 'vera@acme.test')).length, 1);
  });
});

describe('OIDC-24 more groups than a token has room for', () => {
  const many = [...Array.from({ length: 448 }, () => randomUUID()), ADMINS];
  const gus = somebody('gus', { groups: many });
  const dia = somebody('dia', { groups: [...many.slice(0, 300), DEVELOPERS] });
  const rolesOf = async (email: string) =>
    (await membershipsOf(server, acme, email)).map(({ role, source }) => `${role} by ${source}`).sort();

  it('given they are read page by page, then the roles they map to are held before the session is', async () => {
    const before = entra.graphRequests();
    assert.equal((await signIn(gus)).status, 303);
    assert.equal(entra.graphRequests() - before, 5);
    assert.ok((await rolesOf('gus@acme.test')).includes('admin by mapping'));
    assert.equal((await lastSteps()).find(({ check }) => check === 'groups')?.got, '449, of the groups endpoint');
    assert.equal((await signIn(dia)).status, 303);
    assert.ok((await rolesOf('dia@acme.test')).includes('developer by mapping'), 'by a condition over attributes');
  });

  const unreadable: readonly [what: string, behaviour: Parameters<typeof entra.behave>[0]][] = [
    ['Graph forbids it', { graph: (response) => response.status(403).json({ error: {} }) }],
    ['Graph is down', { graph: (response) => response.destroy() }],
    ['Graph answers something else', { graph: (response) => response.send('<html>') }],
    ['Graph answers 2 MiB', { graph: (response) => response.json({ value: ['x'.repeat(2_097_152)] }) }],
    ['pages never end', { nextLink: () => `${entra.url}/v1.0/me/getMemberObjects?$skiptoken=100` }],
    ['the next page is at another host', { nextLink: () => 'https://graph.evil.test/v1.0/more' }],
    ['the next page is at another port', { nextLink: () => 'http://localhost:1/v1.0/more' }],
  ];
  for (const [what, behaviour] of unreadable) {
    it(`given ${what}, then the sign-in goes on, and what is held stays`, async () => {
      const both = async () => [await rolesOf('gus@acme.test'), await rolesOf('dia@acme.test')];
      const before = await both();
      entra.behave(behaviour);
      assert.equal((await signIn(gus)).status, 303);
      assert.equal((await signIn(dia)).status, 303);
      assert.deepEqual(await both(), before);
      assert.match((await lastSteps()).find(({ check }) => check === 'groups')?.got ?? '', /former ones stay/);
    });
  }

  it('given the app may not read them, then the sign-in goes on without', async () => {
    const blind = await connection(server, acme, 'blind', {
      ...common,
      issuer: `${entra.url}/${ours}/v2.0`,
      scopes: ['openid', 'email', 'profile'],
    });
    assert.equal((await signIn(somebody('bea', { groups: many }), blind)).status, 303);
    assert.deepEqual(await rolesOf('bea@acme.test'), ['viewer by jit']);
  });

  it('given they fit again and are fewer, then what came of the others ends', async () => {
    assert.equal((await signIn({ ...gus, groups: [] })).status, 303);
    assert.ok(!(await rolesOf('gus@acme.test')).includes('admin by mapping'));
  });
});
