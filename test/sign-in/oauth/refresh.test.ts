/** Refresh tokens: one after the other, never the same twice, and none after its end. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sql } from 'kysely';
import * as client from 'openid-client';
import { openTestDatabase } from '../../harness/database.ts';
import { startTestServer } from '../../harness/server.ts';
import { lastEvent, within } from '../arrange.ts';
import { company, discover, INVALID_GRANT, isLive, register, signOut, tokensOf } from './arrange.ts';

const database = await openTestDatabase();
const server = await startTestServer(database);
const other = await startTestServer(database);
const acme = await company(server, database, 'acme', ['ana', 'bo']);
const secret = (await register(server, 'insights')) ?? '';
const insights = await discover(server, 'insights', secret);

const refresh = (token: string | undefined, more: Record<string, string> = {}) =>
  client.refreshTokenGrant(insights, token ?? '', more);

/** All sessions reach their absolute end. */
const runOut = () => within(server.deps, acme.where, sql`UPDATE sessions SET expires_at = now() - interval '1 second'`);

describe('refresh tokens', () => {
  it('given one, when it is used, then it gives new tokens of the same person, and the next one too', async () => {
    const first = await tokensOf(insights, await acme.signIn('ana'));
    const second = await refresh(first.refresh_token);
    const third = await refresh(second.refresh_token);
    assert.equal(new Set([first, second, third].map((each) => each.refresh_token)).size, 3);
    assert.equal(third.claims()?.sub, first.claims()?.sub);
    assert.deepEqual(third.claims()?.['connection'], first.claims()?.['connection']);
    assert.equal(await isLive(insights, third.access_token), true);
  });

  it('OIDC-29 given one that was used, when it comes again, then its whole family has ended and the audit knows', async () => {
    const first = await tokensOf(insights, await acme.signIn('ana'));
    const second = await refresh(first.refresh_token);
    await assert.rejects(refresh(first.refresh_token), INVALID_GRANT);
    for (const token of [first.access_token, second.access_token, second.refresh_token]) {
      assert.equal(await isLive(insights, token), false);
    }
    await assert.rejects(refresh(second.refresh_token), INVALID_GRANT);
    const event = await lastEvent(server, acme.where, 'app.replay_refused');
    assert.deepEqual([event?.outcome, event?.reason], ['denied', 'a refresh token was used again']);
  });

  it('OIDC-29 given one, when it is used 50 times at once on two instances, then exactly one succeeds and the family ends', async () => {
    const { refresh_token } = await tokensOf(insights, await acme.signIn('ana'));
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, at) =>
        (at % 2 ? server : other).http
          .post('/oauth/token')
          .type('form')
          .auth('insights', secret)
          .send({ grant_type: 'refresh_token', refresh_token }),
      ),
    );
    const [won, ...more] = answers.filter(({ status }) => status === 200);
    assert.ok(won !== undefined);
    assert.equal(more.length, 0);
    for (const { status, body } of answers.filter((each) => each !== won)) {
      assert.deepEqual([status, body.error], [400, 'invalid_grant']);
    }
    assert.equal(await isLive(insights, won.body.refresh_token), false, 'nobody can tell the thief from the app');
  });

  it('given one of another app, then it is refused and is none the worse for it', async () => {
    const reports = await discover(server, 'reports', await register(server, 'reports'));
    const mine = await tokensOf(insights, await acme.signIn('ana'));
    await assert.rejects(client.refreshTokenGrant(reports, mine.refresh_token ?? ''), INVALID_GRANT);
    assert.ok((await refresh(mine.refresh_token)).access_token);
  });

  it('given a wider scope than before, then it is refused; a narrower one narrows what comes', async () => {
    const tokens = await tokensOf(insights, await acme.signIn('ana'), { scope: 'openid email' });
    await assert.rejects(refresh(tokens.refresh_token, { scope: 'openid email roles' }), { error: 'invalid_scope' });
    const narrow = await refresh(tokens.refresh_token, { scope: 'openid' });
    assert.equal(narrow.claims()?.['email'], undefined);
  });
});

describe('at the same instant', () => {
  it('given people are let go while their apps refresh and replay, then everyone is answered and every token is dead', async () => {
    const names = ['ru', 'sy', 'ty', 'vi'];
    const staff = await company(server, database, 'staff', names);
    const held = await Promise.all(names.map(async (name) => tokensOf(insights, await staff.signIn(name))));
    const asking = (token: string | undefined, at: typeof server) =>
      at.http
        .post('/oauth/token')
        .type('form')
        .auth('insights', secret)
        .send({ grant_type: 'refresh_token', refresh_token: token })
        .then(({ status }) => status);
    const [, ...statuses] = await Promise.all([
      Promise.all(names.map((name) => staff.letGo(`${name}@staff.test`))),
      ...held.flatMap(({ refresh_token }) =>
        Array.from({ length: 8 }, (_, at) => asking(refresh_token, at % 2 ? server : other)),
      ),
    ]);
    assert.ok(
      statuses.every((status) => status === 200 || status === 400),
      JSON.stringify(statuses),
    );
    for (const { access_token } of held) assert.equal(await isLive(insights, access_token), false);
    const living = await within(
      server.deps,
      staff.where,
      sql`SELECT 1 FROM oauth_artifacts g JOIN users u ON u.id = g.user_id WHERE g.kind = 'Grant' AND g.ended_at IS NULL`,
    );
    assert.deepEqual(living, []);
  });
});

describe('the end of a session', () => {
  it('given the person signs out, then refresh tokens have ended with the session', async () => {
    const browser = await acme.signIn('ana');
    const tokens = await tokensOf(insights, browser);
    await signOut(server, browser);
    await assert.rejects(refresh(tokens.refresh_token), INVALID_GRANT);
  });

  it('given the session runs out, then what was asked for with offline_access goes on, and nothing else', async () => {
    const plain = await tokensOf(insights, await acme.signIn('ana'));
    const offline = await tokensOf(insights, await acme.signIn('bo'), {
      scope: 'openid email offline_access',
      prompt: 'consent',
    });
    await runOut();
    await assert.rejects(refresh(plain.refresh_token), INVALID_GRANT);
    assert.equal(await isLive(insights, plain.access_token), false);
    const next = await refresh(offline.refresh_token);
    assert.equal(next.claims()?.['email'], 'bo@acme.test');
    assert.equal(await isLive(insights, next.access_token), true);
  });

  it('given offline_access, when the person signs out, then that ends too: who signs out means it', async () => {
    const browser = await acme.signIn('ana');
    const tokens = await tokensOf(insights, browser, { scope: 'openid offline_access', prompt: 'consent' });
    await signOut(server, browser);
    await assert.rejects(refresh(tokens.refresh_token), INVALID_GRANT);
  });

  it('given somebody who left and came back, then tokens from before stay dead', async () => {
    const tokens = await tokensOf(insights, await acme.signIn('bo'), {
      scope: 'openid offline_access',
      prompt: 'consent',
    });
    await acme.letGo('bo@acme.test');
    await within(server.deps, acme.where, sql`UPDATE users SET status = 'active' WHERE email = 'bo@acme.test'`);
    await assert.rejects(refresh(tokens.refresh_token), INVALID_GRANT);
    assert.equal(await isLive(insights, tokens.access_token), false);
  });
});
