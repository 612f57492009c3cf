/** How we prove to an OpenID provider who we are, and what we push to it. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sql } from 'kysely';
import { Browser, formOf, type Page } from '../../src/demo/browser.ts';
import { startOidcIdp } from '../../src/demo/idp/oidc-idp.ts';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';
import { connection, lastEvent, organization, within } from './arrange.ts';

const database = await openTestDatabase();
const server = await startTestServer(database);
const idp = await startOidcIdp({ people: [{ id: 'ana', email: 'ana@acme.test', name: 'Ana', groups: [] }] });
database.onEnd(() => idp.close());
const acme = await organization(server, 'acme');
const common = { kind: 'oidc', issuer: idp.url };

type Shown = Awaited<ReturnType<typeof connection>>;

async function keyed(name: string, more: Record<string, unknown> = {}): Promise<Shown> {
  const put = { ...common, clientId: name, clientAuthentication: 'private_key_jwt', ...more };
  const shown = await connection(server, acme, name, put);
  const { redirectUri, jwksUri } = shown.relyingParty;
  idp.addClient({ id: name, jwksUri, redirectUris: [redirectUri], pushesRequests: true });
  return shown;
}

async function signIn({ relyingParty }: { relyingParty: { loginUrl: string } }): Promise<Page> {
  const browser = new Browser('application/json');
  const choice = formOf(await browser.get(relyingParty.loginUrl));
  return browser.post(choice.action, { ...choice.fields, person: 'ana' }, /\/me$/);
}

const kidsOf = async ({ relyingParty }: Shown): Promise<string[]> =>
  (await (await fetch(relyingParty.jwksUri)).json()).keys.map(({ kid }: { kid: string }) => kid);

const rotate = (name: string, body: Record<string, unknown> = {}) =>
  server.api('post', `/organizations/acme/connections/${name}/client-keys/rotate`).send(body);

const passTime = (id: string, hours: number) =>
  within(
    server.deps,
    acme,
    sql`UPDATE oidc_client_keys SET signs_from = signs_from - ${hours} * interval '1 hour',
      retires_at = retires_at - ${hours} * interval '1 hour' WHERE connection_id = ${id}`,
  );

describe('proving who we are by a key of our own', () => {
  it('given private_key_jwt, when somebody signs in, then the provider takes our signature and the pushed request', async () => {
    const shown = await keyed('keyed');
    const page = await signIn(shown);
    assert.equal(page.status, 303, page.text);
    const sent = await new Browser().get(shown.relyingParty.loginUrl, /\/auth\?/);
    const { searchParams } = new URL(sent.headers.get('location')!);
    assert.deepEqual([...searchParams.keys()].sort(), ['client_id', 'request_uri']);
  });

  it('given the key set is read, then it holds no private half, and the database none in the clear', async () => {
    const shown = await keyed('sealed');
    const { keys } = await (await fetch(shown.relyingParty.jwksUri)).json();
    assert.deepEqual(Object.keys(keys[0]).sort(), ['alg', 'e', 'kid', 'kty', 'n', 'use']);
    const [row] = await within<{ all: string }>(
      server.deps,
      acme,
      sql`SELECT k::text AS all FROM oidc_client_keys k WHERE connection_id = ${shown.id}`,
    );
    assert.doesNotMatch(row!.all, /"d":|"p":/);
  });

  it('given the connection is put again, then its key stays', async () => {
    const shown = await keyed('same');
    const before = await kidsOf(shown);
    assert.deepEqual(await kidsOf(await keyed('same', { name: 'Renamed' })), before);
  });

  it('given the keys rotate, then two are published, the former signs on, later the next one, and sign-in works at each stage', async () => {
    const shown = await keyed('rotating');
    const [former] = await kidsOf(shown);
    const rotated = await rotate('rotating');
    assert.equal(rotated.status, 200, rotated.text);
    const [next, still] = await kidsOf(shown);
    assert.equal(still, former);
    const signs = () =>
      within<{ kid: string }>(
        server.deps,
        acme,
        sql`SELECT kid FROM oidc_client_keys WHERE connection_id = ${shown.id} AND signs_from <= now()
          AND coalesce(retires_at > now(), true) ORDER BY signs_from DESC LIMIT 1`,
      );
    assert.equal((await signs())[0]?.kid, former);
    assert.equal((await signIn(shown)).status, 303);
    assert.equal((await rotate('rotating')).status, 409, 'a rotation at a time');
    await passTime(shown.id, 1.5);
    assert.deepEqual((await kidsOf(shown)).sort(), [former, next].sort());
    assert.equal((await signs())[0]?.kid, next);
    await passTime(shown.id, 1);
    assert.deepEqual(await kidsOf(shown), [next]);
  });

  it('given a key in wrong hands, when keys rotate at once, then the former is neither published nor used', async () => {
    const shown = await keyed('leaked');
    const [former] = await kidsOf(shown);
    await rotate('leaked').expect(200);
    await rotate('leaked', { atOnce: true }).expect(200);
    const kids = await kidsOf(shown);
    assert.equal(kids.length, 1);
    assert.notEqual(kids[0], former);
    assert.equal((await signIn(shown)).status, 303);
    assert.equal((await lastEvent(server, acme, 'connection.client_key_made'))?.detail['signs'], 'at once');
  });

  it('given a connection by secret, when keys are asked to rotate, then it has none', async () => {
    await connection(server, acme, 'secret', { ...common, clientId: 'secret', clientSecret: 's' });
    assert.equal((await rotate('secret')).status, 409);
  });
});

describe('pushed authorization requests', () => {
  it('given a provider that offers them, when the client is not known there, then nobody is sent on and the check is named', async () => {
    const shown = await connection(server, acme, 'unknown', { ...common, clientId: 'unknown', clientSecret: 'x' });
    const answer = await server.http.get(`/oidc/${shown.id}/login`);
    assert.deepEqual([answer.status, answer.body.check], [403, 'client'], answer.text);
  });
});
