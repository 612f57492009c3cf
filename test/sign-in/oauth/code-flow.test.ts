import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sql } from 'kysely';
import * as client from 'openid-client';
import { Browser } from '../../../src/demo/browser.ts';
import { openTestDatabase } from '../../harness/database.ts';
import { startTestServer } from '../../harness/server.ts';
import { lastEvent, within } from '../arrange.ts';
import {
  ALL_SCOPES,
  ask,
  callbackOf,
  company,
  discover,
  enter,
  REDIRECT_URI,
  redeem,
  register,
  tokensOf,
} from './arrange.ts';

const database = await openTestDatabase();
const server = await startTestServer(database);
const other = await startTestServer(database);
const acme = await company(server, database, 'acme', ['ana', 'bo', 'cy']);
const globex = await company(server, database, 'globex', ['gus']);
const secret = await register(server, 'insights');
const insights = await discover(server, 'insights', secret);

describe('an app that signs people in with an unmodified openid-client', () => {
  it('given nobody is signed in, when the app asks, then the person signs in by SAML and the app has tokens with claims', async () => {
    const asked = await ask(insights, { scope: ALL_SCOPES });
    const callback = await acme.throughSignIn(asked, 'ana', new Browser());
    const tokens = await redeem(insights, asked, callback);
    const claims = tokens.claims();
    assert.ok(claims !== undefined);
    assert.equal(claims['email'], 'ana@acme.test');
    assert.equal(claims['email_verified'], true);
    assert.deepEqual(claims['amr'], ['fed']);
    assert.equal(typeof claims['auth_time'], 'number');
    assert.equal((claims['org'] as { slug: string }).slug, 'acme');
    assert.deepEqual(claims['roles'], ['viewer']);
    assert.equal(tokens.expires_in, 300);
    assert.ok(tokens.refresh_token);
    const told = await client.fetchUserInfo(insights, tokens.access_token, claims.sub);
    assert.equal(told.email, 'ana@acme.test');
    assert.ok(Array.isArray((told['permissions'] as { organization: string[] }).organization));
    assert.equal((await lastEvent(server, acme.where, 'app.signed_in'))?.outcome, 'success');
  });

  it('given a signed-in person, when an app asks, even with prompt=none, then they are not asked anything', async () => {
    const browser = await acme.signIn('bo');
    assert.equal((await tokensOf(insights, browser)).claims()?.['email'], 'bo@acme.test');
    assert.equal((await tokensOf(insights, browser, { prompt: 'none' })).claims()?.['email'], 'bo@acme.test');
  });

  it('given nobody is signed in, when an app asks with prompt=none, then it is told login_required', async () => {
    const { callback } = await enter(insights, new Browser(), { prompt: 'none' });
    assert.equal(new URL(callback).searchParams.get('error'), 'login_required');
  });

  it('given a signed-in person, when an app asks with prompt=login, then only a new sign-in answers', async () => {
    const browser = await acme.signIn('bo');
    await tokensOf(insights, browser);
    const asked = await ask(insights, { prompt: 'login' });
    const page = await browser.get(asked.url.toString());
    assert.match(page.url, /\/sign-in\?returnTo=/);
    const callback = await acme.throughSignIn(asked, 'bo', browser);
    assert.equal((await redeem(insights, asked, callback)).claims()?.['email'], 'bo@acme.test');
  });

  it('given an old session, when an app asks with max_age, then a new sign-in is asked for', async () => {
    const browser = await acme.signIn('bo');
    await new Promise((wake) => setTimeout(wake, 2100));
    const page = await browser.get((await ask(insights, { max_age: '1' })).url.toString());
    assert.match(page.url, /\/sign-in\?returnTo=/);
  });

  it('given a session young enough, when an app asks with max_age, then the person is not asked', async () => {
    const claims = (await tokensOf(insights, await acme.signIn('bo'), { max_age: '600' })).claims();
    assert.equal(claims?.['email'], 'bo@acme.test');
    assert.ok(Math.abs(Number(claims?.['auth_time']) - Date.now() / 1000) < 60);
  });

  it('given max_age=0, when the person signs in anew, then that answers, once', async () => {
    const browser = await acme.signIn('bo');
    await tokensOf(insights, browser);
    const asked = await ask(insights, { max_age: '0' });
    const callback = await acme.throughSignIn(asked, 'bo', browser);
    assert.equal((await redeem(insights, asked, callback)).claims()?.['email'], 'bo@acme.test');
  });

  it('given a person who came by SAML, then the claims name the connection', async () => {
    const claims = (await tokensOf(insights, await acme.signIn('bo'))).claims();
    const connection = claims?.['connection'] as { slug: string; kind: string } | undefined;
    assert.deepEqual([connection?.slug, connection?.kind], ['saml', 'saml']);
  });

  it('given people of two organizations, then the claims of each tell of their own only', async () => {
    const tokens = await tokensOf(insights, await globex.signIn('gus'), { scope: ALL_SCOPES });
    assert.equal((tokens.claims()?.['org'] as { slug: string } | undefined)?.slug, 'globex');
    assert.doesNotMatch(JSON.stringify(tokens.claims()), /acme/);
  });

  it('given roles in a workspace and a product, then the claims name them with those roles', async () => {
    await server.api('put', '/organizations/acme/workspaces/main').send({});
    await server.api('put', '/organizations/acme/workspaces/main/products/reports').send({});
    await server.api('put', '/organizations/acme/workspaces/aside').send({});
    await within(
      server.deps,
      acme.where,
      sql`INSERT INTO memberships (organization_id, user_id, scope_kind, workspace_id, role, source, granted_by)
        SELECT ${acme.where.id}, u.id, 'workspace', w.id, 'developer', 'manual', 'test' FROM users u, workspaces w
        WHERE u.email = 'bo@acme.test' AND w.slug = 'main'`,
    );
    await within(
      server.deps,
      acme.where,
      sql`INSERT INTO memberships (organization_id, user_id, scope_kind, workspace_id, product_id, role, source, granted_by)
        SELECT ${acme.where.id}, u.id, 'product', p.workspace_id, p.id, 'analyst', 'manual', 'test' FROM users u, products p
        WHERE u.email = 'bo@acme.test' AND p.slug = 'reports'`,
    );
    const claims = (await tokensOf(insights, await acme.signIn('bo'))).claims();
    const workspaces = claims?.['workspaces'] as { slug: string; roles: string[] }[];
    assert.deepEqual(
      workspaces.map(({ slug, roles }) => [slug, roles]),
      [['main', ['developer']]],
    );
    const products = claims?.['products'] as { slug: string; workspace: string; roles: string[] }[];
    assert.deepEqual(
      products.map(({ slug, workspace, roles }) => [slug, workspace, roles]),
      [['reports', 'main', ['analyst']]],
    );
  });

  it('given a public app, when it signs somebody in with PKCE alone, then it has tokens', async () => {
    await register(server, 'spa', { type: 'public' });
    const spa = await discover(server, 'spa');
    assert.equal((await tokensOf(spa, await acme.signIn('bo'))).claims()?.aud, 'spa');
  });

  it('given the secret in the form instead of the header, then it is as good', async () => {
    const post = await client.discovery(new URL(`${server.url}/oauth`), 'insights', secret, undefined, {
      execute: [client.allowInsecureRequests],
    });
    assert.equal((await tokensOf(post, await acme.signIn('bo'))).claims()?.aud, 'insights');
  });

  it('given the documents of discovery, then both places tell the same issuer and endpoints', async () => {
    const below = await server.http.get('/oauth/.well-known/openid-configuration').set('Host', 'evil.test').expect(200);
    const root = await server.http.get('/.well-known/openid-configuration').expect(200);
    assert.deepEqual(root.body, below.body);
    assert.equal(below.body.issuer, `${server.url}/oauth`);
    assert.equal(below.body.token_endpoint, `${server.url}/oauth/token`);
    assert.equal(below.body.backchannel_logout_supported, true);
    assert.deepEqual(below.body.code_challenge_methods_supported, ['S256']);
  });
});

describe('codes and requests that are refused', () => {
  it('OIDC-16 given one code, when it is exchanged 50 times at once on two instances, then exactly one succeeds', async () => {
    const { asked, callback } = await enter(insights, await acme.signIn('cy'));
    const body = {
      grant_type: 'authorization_code',
      code: new URL(callback).searchParams.get('code'),
      redirect_uri: REDIRECT_URI,
      code_verifier: asked.verifier,
    };
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, at) =>
        (at % 2 ? server : other).http
          .post('/oauth/token')
          .type('form')
          .auth('insights', secret ?? '')
          .send(body),
      ),
    );
    assert.equal(answers.filter(({ status }) => status === 200).length, 1);
    for (const { status, body } of answers.filter((each) => each.status !== 200)) {
      assert.deepEqual([status, body.error], [400, 'invalid_grant']);
    }
  });

  it('OIDC-16 given a code that was exchanged, when it comes again, then what it gave has ended and the audit knows', async () => {
    const { asked, callback } = await enter(insights, await acme.signIn('cy'));
    const tokens = await redeem(insights, asked, callback);
    await assert.rejects(redeem(insights, asked, callback), { error: 'invalid_grant' });
    assert.equal((await client.tokenIntrospection(insights, tokens.access_token)).active, false);
    assert.equal((await lastEvent(server, acme.where, 'app.replay_refused'))?.outcome, 'denied');
  });

  for (const [what, uri] of [
    ['a longer path', `${REDIRECT_URI}/more`],
    ['a prefix', 'https://insights.test/'],
    ['another case', 'https://insights.test/Callback'],
    ['an encoding', 'https://insights.test/%63allback'],
    ['a query', `${REDIRECT_URI}?x=1`],
    ['a fragment', `${REDIRECT_URI}#x`],
    ['another host', 'https://insights.test.evil.test/callback'],
    ['a user', 'https://insights.test@evil.test/callback'],
  ] as const) {
    it(`OIDC-26 given a redirect_uri with ${what}, then the browser is sent nowhere`, async () => {
      const browser = await acme.signIn('cy');
      const asked = await ask(insights, { redirect_uri: uri });
      const page = await browser.get(asked.url.toString(), /^https:/);
      assert.equal(page.status, 400, page.url);
      assert.equal(page.headers.get('location'), null);
      assert.match(page.text, /redirect_uri/);
    });
  }

  it('OIDC-27 given no code_challenge, or a plain one, then the app is refused', async () => {
    const browser = await acme.signIn('cy');
    const without = (await ask(insights)).url;
    without.searchParams.delete('code_challenge');
    without.searchParams.delete('code_challenge_method');
    const plain = (await ask(insights, { code_challenge_method: 'plain' })).url;
    for (const url of [without, plain]) {
      const callback = callbackOf(await browser.get(url.toString(), /^https:/));
      assert.equal(new URL(callback).searchParams.get('error'), 'invalid_request');
      assert.equal(new URL(callback).searchParams.get('code'), null);
    }
  });

  it('OIDC-27 given a code, when it comes without its verifier or with another, then it is refused', async () => {
    const browser = await acme.signIn('cy');
    for (const verifier of [undefined, client.randomPKCECodeVerifier()]) {
      const { callback } = await enter(insights, browser);
      const answer = await server.http
        .post('/oauth/token')
        .type('form')
        .auth('insights', secret ?? '')
        .send({
          grant_type: 'authorization_code',
          code: new URL(callback).searchParams.get('code'),
          redirect_uri: REDIRECT_URI,
          ...(verifier === undefined ? {} : { code_verifier: verifier }),
        });
      assert.deepEqual([answer.status, answer.body.error], [400, 'invalid_grant']);
    }
  });

  it('OIDC-28 given a code of another app, then it is refused', async () => {
    const reports = await discover(server, 'reports', await register(server, 'reports'));
    const { asked, callback } = await enter(insights, await acme.signIn('cy'));
    await assert.rejects(redeem(reports, asked, callback), { error: 'invalid_grant' });
  });

  it('given a wrong secret, then the app is refused', async () => {
    const wrong = await discover(server, 'insights', 'dba_wrong-wrong-wrong-wrong-wrong-wrong');
    const { asked, callback } = await enter(insights, await acme.signIn('cy'));
    await assert.rejects(redeem(wrong, asked, callback), { status: 401 });
  });

  it('WEB-4 given an interaction of another browser, then it is refused with a page', async () => {
    const browser = await acme.signIn('cy');
    const page = await browser.get(`${server.url}/oauth/interaction/somebody-elses`);
    assert.equal(page.status, 403);
    assert.match(page.text, /begun in another browser/);
  });

  it('SEC-2 given a dump of the database, then no code, token, secret or provider session is in it', async () => {
    const browser = await acme.signIn('cy');
    const tokens = await tokensOf(insights, browser);
    const cookie = browser.cookies(server.url).get('drawbridge-oauth') ?? 'none';
    const rows = await within<{ row: string }>(
      server.deps,
      acme.where,
      sql`SELECT a::text AS row FROM oauth_artifacts a`,
    );
    const dump = rows.map(({ row }) => row).join('\n');
    for (const found of [tokens.access_token, tokens.refresh_token ?? '', cookie, secret ?? '']) {
      assert.ok(found.length > 10 && !dump.includes(found));
    }
  });
});
