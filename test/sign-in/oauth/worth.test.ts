/** What an app's token is worth, at each moment: by introspection, at userinfo, after revocation, and when the person is gone. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sql } from 'kysely';
import * as client from 'openid-client';
import { arrangeDirectory, patchOf, USER } from '../../directory/scim/arrange.ts';
import { openTestDatabase } from '../../harness/database.ts';
import { startTestServer } from '../../harness/server.ts';
import { lastEvent, within } from '../arrange.ts';
import { company, discover, INVALID_GRANT, isLive, register, signOut, tokensOf } from './arrange.ts';

const database = await openTestDatabase();
const server = await startTestServer(database);
const other = await startTestServer(database);
const acme = await company(server, database, 'acme', ['ana', 'bo', 'cy', 'di', 'ed']);
const globex = await company(server, database, 'globex', ['gus']);
const insights = await discover(server, 'insights', await register(server, 'insights'));
const reports = await discover(server, 'reports', await register(server, 'reports'));
const backend = await discover(server, 'backend', await register(server, 'backend', { introspects: 'all' }));

type Tokens = Awaited<ReturnType<typeof tokensOf>>;

/** Asks with a bearer token, on either instance. */
async function asked(token: string, authorization: string, at = server) {
  const form = at.http.post('/oauth/introspect').type('form').set('Authorization', authorization);
  return (await form.send({ token }).expect(200)).body;
}

async function keyOf(slug: string, scopes: string[]): Promise<string> {
  const made = await server
    .api('post', `/organizations/${slug}/api-keys`)
    .send({ name: 'backend', kind: 'service', scopes });
  assert.equal(made.status, 201, made.text);
  return `Bearer ${made.body.key}`;
}

/** Everything is dead, whoever asks and wherever. */
async function assertDead({ access_token, refresh_token }: Tokens): Promise<void> {
  for (const token of [access_token, refresh_token ?? '']) {
    assert.equal(await isLive(insights, token), false);
    assert.equal(await isLive(backend, token), false);
    assert.equal((await asked(token, server.operator, other)).active, false);
  }
  await assert.rejects(client.refreshTokenGrant(insights, refresh_token ?? ''), INVALID_GRANT);
  await other.http.get('/oauth/userinfo').set('Authorization', `Bearer ${access_token}`).expect(401);
}

describe('introspection', () => {
  it('given its own token, then an app is told whose it is and what for', async () => {
    const tokens = await tokensOf(insights, await acme.signIn('ana'));
    const told = await client.tokenIntrospection(insights, tokens.access_token);
    assert.deepEqual(
      [told.active, told.sub, told.client_id, told.scope, told.token_type],
      [true, tokens.claims()?.sub, 'insights', 'openid email profile roles', 'Bearer'],
    );
    assert.equal(await isLive(insights, tokens.refresh_token), true);
  });

  it("given another app's token, then an app is told nothing, but one that may ask about all is", async () => {
    const { access_token } = await tokensOf(insights, await acme.signIn('ana'));
    assert.deepEqual(await client.tokenIntrospection(reports, access_token), { active: false });
    const told = await client.tokenIntrospection(backend, access_token);
    assert.deepEqual([told.active, told.client_id, told['org']], [true, 'insights', acme.where.id]);
  });

  it('given an API key, then an app that may ask about all is told of it too, the others are not', async () => {
    const key = (await keyOf('acme', ['tokens:introspect'])).slice('Bearer '.length);
    assert.equal((await client.tokenIntrospection(backend, key))['token_type'], 'api_key');
    assert.equal(await isLive(insights, key), false);
  });

  it('given the operator or a key of the organization asks, then it is told; a key of another organization is not', async () => {
    const { access_token } = await tokensOf(insights, await acme.signIn('ana'));
    assert.equal((await asked(access_token, server.operator)).username, 'ana@acme.test');
    assert.equal((await asked(access_token, await keyOf('acme', ['tokens:introspect']), other)).active, true);
    assert.deepEqual(await asked(access_token, await keyOf('globex', ['tokens:introspect'])), { active: false });
  });

  it('given nobody who may ask, then 401 or 403, and a wrong secret is refused', async () => {
    const { access_token: token } = await tokensOf(insights, await acme.signIn('ana'));
    const form = () => server.http.post('/oauth/introspect').type('form');
    await form().send({ token }).expect(401);
    await form().auth('insights', 'dba_wrong-wrong-wrong-wrong-wrong').send({ token }).expect(401);
    await form().auth('backend', 'dba_wrong-wrong-wrong-wrong-wrong').send({ token }).expect(401);
    await form()
      .set('Authorization', await keyOf('acme', ['tokens:revoke']))
      .send({ token })
      .expect(403);
  });
});

describe('revocation', () => {
  it('given an access or a refresh token, then all of that sign-in to the app has ended, and of no other', async () => {
    const kept = await tokensOf(insights, await acme.signIn('ana'));
    for (const kind of ['access_token', 'refresh_token'] as const) {
      const tokens = await tokensOf(insights, await acme.signIn('ana'));
      await client.tokenRevocation(insights, tokens[kind] ?? '');
      await assertDead(tokens);
    }
    assert.equal(await isLive(insights, kept.access_token), true);
    assert.equal((await lastEvent(server, acme.where, 'app.access_ended'))?.outcome, 'success');
  });

  it("given another app's token or an unknown one, then 200 and nothing has ended (RFC 7009)", async () => {
    const tokens = await tokensOf(insights, await acme.signIn('ana'));
    await client.tokenRevocation(reports, tokens.refresh_token ?? '');
    await client.tokenRevocation(backend, tokens.access_token);
    await client.tokenRevocation(reports, 'made-up');
    assert.equal(await isLive(insights, tokens.refresh_token), true);
    assert.equal(await isLive(insights, tokens.access_token), true);
  });

  it('given the operator or a key of the organization, then it ends; a key of another organization ends nothing', async () => {
    const tokens = await tokensOf(insights, await acme.signIn('ana'));
    const revoke = (authorization: string) =>
      server.http
        .post('/oauth/revoke')
        .type('form')
        .set('Authorization', authorization)
        .send({ token: tokens.refresh_token });
    await revoke(await keyOf('globex', ['tokens:revoke'])).expect(200);
    assert.equal(await isLive(insights, tokens.refresh_token), true);
    await revoke(await keyOf('acme', ['tokens:revoke'])).expect(200);
    await assertDead(tokens);
  });
});

describe('when the person is gone', () => {
  it('given they are let go, then every token of theirs is dead at once, and the case lists the apps', async () => {
    const tokens = await tokensOf(insights, await acme.signIn('bo'), {
      scope: 'openid offline_access',
      prompt: 'consent',
    });
    await acme.letGo('bo@acme.test');
    await assertDead(tokens);
    const { body } = await server.api('get', '/organizations/acme/offboarding-cases?user=bo@acme.test');
    assert.deepEqual(body.cases[0].ended.apps, ['insights']);
    const event = await lastEvent(server, acme.where, 'app.access_ended');
    assert.equal(event?.reason, 'the person has left');
  });

  it('given the directory lets them go by SCIM, then every token of theirs is dead at once', async () => {
    const { where } = acme;
    const provider = await arrangeDirectory(
      server,
      { organization: where.slug, organizationId: where.id, workspaceId: '' },
      'okta',
    );
    const made = await provider.scim('post', '/Users', {
      schemas: [USER],
      userName: 'cy@acme.test',
      active: true,
      emails: [{ value: 'cy@acme.test', primary: true }],
    });
    assert.equal(made.status, 201, made.text);
    const tokens = await tokensOf(insights, await acme.signIn('cy'));
    const gone = await provider.scim(
      'patch',
      `/Users/${made.body.id}`,
      patchOf({ op: 'replace', path: 'active', value: false }),
    );
    assert.equal(gone.status, 200, gone.text);
    await assertDead(tokens);
  });

  it('given they are suspended, then every token of theirs is dead at once', async () => {
    const tokens = await tokensOf(insights, await acme.signIn('di'));
    await within(server.deps, acme.where, sql`UPDATE users SET status = 'suspended' WHERE email = 'di@acme.test'`);
    await assertDead(tokens);
  });

  it('given their session has ended, then its tokens are dead at once', async () => {
    const browser = await acme.signIn('ed');
    const tokens = await tokensOf(insights, browser);
    await signOut(server, browser);
    await assertDead(tokens);
  });

  it('given a sign-in half done when they are let go, then the code is worth nothing', async () => {
    const browser = await acme.signIn('ana');
    await tokensOf(insights, browser);
    await acme.letGo('ana@acme.test');
    await assert.rejects(tokensOf(insights, browser, { prompt: 'none' }));
  });
});

describe('when the app is gone', () => {
  it('given it is taken away, then its tokens are dead, even if another comes by the same name', async () => {
    const secret = 'a-secret-of-forty-characters-at-the-very-least';
    await register(server, 'brief', { secret });
    const brief = await discover(server, 'brief', secret);
    const tokens = await tokensOf(brief, await globex.signIn('gus'));
    const ways = () => Promise.all([isLive(backend, tokens.access_token), asked(tokens.access_token, server.operator)]);
    assert.equal((await ways())[0], true);
    assert.equal((await server.api('delete', '/apps/brief')).status, 204);
    assert.deepEqual(await ways(), [false, { active: false }]);
    await server.http.get('/oauth/userinfo').set('Authorization', `Bearer ${tokens.access_token}`).expect(401);
    await register(server, 'brief', { secret });
    assert.deepEqual(await ways(), [false, { active: false }]);
    assert.equal(await isLive(brief, tokens.refresh_token), false);
    await assert.rejects(client.refreshTokenGrant(brief, tokens.refresh_token ?? ''), INVALID_GRANT);
    await server.http.get('/oauth/userinfo').set('Authorization', `Bearer ${tokens.access_token}`).expect(401);
  });
});

describe('one organization and another', () => {
  it("given a session of one, then the other's doors stay shut, whoever the person is", async () => {
    const browser = await globex.signIn('gus');
    const own = await browser.json('GET', `${server.url}/api/v1/organizations/globex/people`);
    const foreign = await browser.json('GET', `${server.url}/api/v1/organizations/acme/people`);
    assert.ok([200, 403].includes(own.status));
    assert.ok([403, 404].includes(foreign.status), String(foreign.status));
    assert.doesNotMatch(JSON.stringify(foreign.body), /@acme/);
  });

  it("given an app's token of one, then it opens no door of the administration at all", async () => {
    const { access_token } = await tokensOf(insights, await globex.signIn('gus'));
    for (const slug of ['globex', 'acme']) {
      const answer = await server.http
        .get(`/api/v1/organizations/${slug}/people`)
        .set('Authorization', `Bearer ${access_token}`);
      assert.equal(answer.status, 401);
    }
  });
});
