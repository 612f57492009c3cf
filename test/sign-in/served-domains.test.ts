/** Several connections of one organization, each for the people of its own domains, as where contractors have an identity provider. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Browser } from '../../src/demo/browser.ts';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';
import { holdings, lastEvent, organization, person } from './arrange.ts';
import { hostileIdp } from './hostile-idp.ts';

const database = await openTestDatabase();
const server = await startTestServer(database);
const acme = await organization(server, 'acme', {}, ['acme.test', 'acme.example', 'contractors.test']);
const staff = await hostileIdp(server, acme, 'staff', { domains: ['acme.test', 'Acme.Example'] });
const contractors = await hostileIdp(server, acme, 'contractors', { domains: ['contractors.test'] });

interface Ways {
  readonly ways: readonly { readonly name: string; readonly url: string }[];
}

const waysFor = async (query: string) =>
  ((await server.http.get(`/sign-in?${query}`).expect(200)).body as Ways).ways.map(({ name }) => name);
const policy = async (email: string) =>
  (await server.http.get(`/api/v1/sign-in-policy?email=${email}`).expect(200)).body.sso;
const put = (domains: unknown, more: object = {}) =>
  server.api('put', '/organizations/acme/connections/contractors').send({
    kind: 'saml',
    entityId: contractors.issuer,
    ssoUrl: 'https://contractors.idp.test/sso',
    certificates: [contractors.key.certificate],
    domains,
    ...more,
  });

describe('a connection for the people of some domains', () => {
  it('given an address of one of them, then the person is let in', async () => {
    await staff.signIn('mia@acme.test');
    await staff.signIn('max@acme.example');
    await contractors.signIn('carl@contractors.test');
  });

  it('given an address of another one, though the organization’s own, then nobody is created, and the answer says which domain', async () => {
    await contractors.refuses('domain', (begun) => contractors.signed(contractors.good(begun, 'new@acme.test')));
    const event = await lastEvent(server, acme, 'sign_in.refused');
    assert.deepEqual(event?.detail['got'], 'acme.test');
    assert.match(String(event?.detail['sentence']), /does not vouch for people of the domain acme\.test/);
  });

  it('given the address of somebody known, then they are not linked: contractors’ provider can’t take over an account of staff', async () => {
    await person(server, acme, 'olga@acme.test');
    await contractors.refuses('domain', (begun) => contractors.signed(contractors.good(begun, 'olga@acme.test')));
    await staff.signIn('olga@acme.test');
  });

  it('given a trial of it, then the trace names the organization as the one to mend it', async () => {
    const step = (await contractors.lastSteps()).at(-1);
    assert.partialDeepStrictEqual(step, { check: 'domain', passed: false, got: 'acme.test', mender: 'organization' });
  });

  it('given somebody who has signed in through it, when their address changes, then they are known by their subject still', async () => {
    const before = await holdings(server, acme);
    await contractors.signIn('carl@contractors.test', { email: 'carl@acme.test' });
    const after = await holdings(server, acme);
    assert.deepEqual([after['users'], after['identities']], [before['users'], before['identities']]);
  });

  it('given a domain that is not verified, then naming it lets nobody in', async () => {
    await server.api('put', '/organizations/acme/domains/claimed.test').send({}).expect(200);
    await put(['contractors.test', 'claimed.test']).expect(200);
    await contractors.refuses('domain', (begun) => contractors.signed(contractors.good(begun, 'x@claimed.test')));
  });
});

describe('finding the connection of an address', () => {
  it('given its domain has one connection, then the browser is sent straight there', async () => {
    assert.deepEqual(await waysFor('email=x@contractors.test'), ['contractors']);
    const sent = await new Browser().get(`${server.url}/sign-in?email=x@contractors.test`, /idp\.test/);
    assert.match(sent.headers.get('location') ?? sent.url, /contractors\.idp\.test|\/saml\//);
  });

  it('given several serve it, then they are offered by priority; of an organization’s name, all are', async () => {
    assert.deepEqual(await waysFor('email=x@acme.test'), ['staff']);
    await hostileIdp(server, acme, 'backup', { priority: 200 });
    await hostileIdp(server, acme, 'first', { priority: 1 });
    await hostileIdp(server, acme, 'off', { priority: 0, enabled: false });
    assert.deepEqual(await waysFor('email=x@acme.test'), ['first', 'staff', 'backup']);
    assert.deepEqual(await waysFor('email=x@contractors.test'), ['first', 'contractors', 'backup']);
    assert.deepEqual(await waysFor('organization=acme'), ['first', 'contractors', 'staff', 'backup']);
    const page = await new Browser('text/html').get(`${server.url}/sign-in?email=x@acme.test`);
    assert.match(page.text, /first[\s\S]*staff[\s\S]*backup/);
    assert.doesNotMatch(page.text, /contractors/);
  });

  it('given a domain that no connection in use serves, then there is no way in by SSO', async () => {
    const globex = await organization(server, 'globex', {}, ['globex.test', 'globex-lab.test']);
    await hostileIdp(server, globex, 'main', { domains: ['globex.test'] });
    assert.deepEqual(await waysFor('email=x@globex-lab.test'), []);
    assert.deepEqual([await policy('x@globex.test'), await policy('x@globex-lab.test')], ['available', 'none']);
  });
});

describe('naming the domains of a connection', () => {
  it('given the same in another order and spelling, then nothing changes; given another priority, then that is told', async () => {
    await put(['contractors.test']).expect(200);
    await put(['acme.example', 'contractors.test']).expect(200);
    const same = await put(['Contractors.TEST', 'acme.example', 'contractors.test']).expect(200);
    assert.deepEqual([same.body.action, same.body.domains], ['keep', ['acme.example', 'contractors.test']]);
    assert.equal((await put(same.body.domains, { priority: 7 }).expect(200)).body.priority, 7);
    assert.deepEqual((await lastEvent(server, acme, 'connection.updated'))?.detail['fields'], ['priority']);
  });

  for (const [what, domains] of [
    ['a domain that the organization has not claimed', ['nowhere.test']],
    ['a domain of another organization', ['globex.test']],
    ['something that is no domain', ['*.acme.test']],
  ] as const) {
    it(`TEN: given ${what}, then that is refused, and what was said before stays`, async () => {
      const before = (await server.api('get', '/organizations/acme/connections/contractors')).body.domains;
      const answer = await put(domains);
      assert.equal(answer.status, 400, answer.text);
      assert.match(JSON.stringify(answer.body), /domains/);
      assert.deepEqual((await server.api('get', '/organizations/acme/connections/contractors')).body.domains, before);
    });
  }

  it('given its last domain is given up, then it serves nobody new, instead of everybody', async () => {
    await put(['claimed.test']).expect(200);
    await server.api('delete', '/organizations/acme/domains/claimed.test').expect(204);
    await contractors.refuses('domain', (begun) => contractors.signed(contractors.good(begun, 'new@acme.test')));
    assert.equal((await put(['claimed.test'], { priority: 9 })).status, 200, 'the name may stay');
  });

  it('given a manifest, then it says it likewise, and a second time changes nothing', async () => {
    const manifest = {
      organization: { slug: 'by-file', model: 'fastn' },
      domains: [{ name: 'by-file.test', verified: true }],
      connections: [
        {
          slug: 'idp',
          kind: 'saml',
          entityId: 'https://idp.test',
          ssoUrl: 'https://idp.test/sso',
          certificates: [contractors.key.certificate],
          domains: ['by-file.test'],
          priority: 3,
        },
      ],
    };
    const apply = () => server.api('post', '/manifests').send(manifest);
    const made = await apply();
    assert.ok(made.ok, made.text);
    const again = await apply();
    assert.ok(
      again.body.changes.every(({ action }: { action: string }) => action === 'keep'),
      again.text,
    );
    const { body } = await server.api('get', '/organizations/by-file/connections/idp').expect(200);
    assert.partialDeepStrictEqual(body, { domains: ['by-file.test'], priority: 3 });
  });
});
