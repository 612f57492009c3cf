/** Signing out at an app's wish, and telling every app that somebody has signed out, however that came about. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sql } from 'kysely';
import * as client from 'openid-client';
import { Browser } from '../../../src/demo/browser.ts';
import { sweepLogouts, tellApps } from '../../../src/sign-in/oauth/backchannel-logout.ts';
import { openTestDatabase } from '../../harness/database.ts';
import { startTestServer } from '../../harness/server.ts';
import { lastEvent, within } from '../arrange.ts';
import { ask, company, discover, isLive, redeem, register, signOut, tokensOf } from './arrange.ts';
import { startLogoutReceiver } from './logout-receiver.ts';

const BYE = 'https://insights.test/bye';
const database = await openTestDatabase();
const server = await startTestServer(database);
const other = await startTestServer(database);
const acme = await company(server, database, 'acme', ['ana', 'bo', 'cy', 'di']);
const receiver = await startLogoutReceiver(server, 'insights');
database.onEnd(receiver.close);
const backchannelLogoutUri = receiver.url;
const insights = await discover(server, 'insights', await register(server, 'insights', { backchannelLogoutUri }));
const silent = await discover(server, 'silent', await register(server, 'silent'));

/** What the worker does, on both instances at once. */
const work = () =>
  Promise.all([server, other].map(({ deps }) => tellApps({ ...deps, settings: server.deps.settings }, acme.where.id)));

const endSession = (more: Record<string, string>) => client.buildEndSessionUrl(insights, more).toString();
const isSignedIn = async (browser: Browser) => (await browser.json('GET', `${server.url}/me`)).status === 200;

/** What the receiver has heard of one sign-in to the app. */
const heardOf = (tokens: Awaited<ReturnType<typeof tokensOf>>) => {
  const sid = tokens.claims()?.['sid'];
  assert.equal(typeof sid, 'string');
  return receiver.heard.filter((each) => each.sid === sid);
};

describe('signing out at the wish of an app', () => {
  it('given its ID token, then the person is signed out here and in the app, and comes back to it', async () => {
    const browser = await acme.signIn('ana');
    const tokens = await tokensOf(insights, browser);
    const elsewhere = await tokensOf(silent, browser);
    const url = endSession({ id_token_hint: tokens.id_token ?? '', post_logout_redirect_uri: BYE, state: 'xyz' });
    const page = await browser.get(url);
    assert.match(page.text, /submit\.js/, 'it goes on by itself');
    const back = await browser.submit(page, /^https:\/\/insights/);
    assert.equal(back.headers.get('location'), `${BYE}?state=xyz`);
    assert.equal(await isSignedIn(browser), false);
    assert.equal(await isLive(insights, tokens.access_token), false);
    assert.equal(await isLive(silent, elsewhere.access_token), false);
    assert.equal((await lastEvent(server, acme.where, 'session.ended'))?.reason, 'signed out from an app');
  });

  it('given no ID token, then the person is asked first, and nothing has ended before they say so', async () => {
    const browser = await acme.signIn('ana');
    const tokens = await tokensOf(insights, browser);
    const page = await browser.get(endSession({ client_id: 'insights', post_logout_redirect_uri: BYE }));
    assert.equal(page.status, 200);
    assert.doesNotMatch(page.text, /submit\.js/);
    assert.equal(await isLive(insights, tokens.access_token), true);
    assert.equal(await isSignedIn(browser), true);
    const back = await browser.submit(page, /^https:\/\/insights/);
    assert.equal(back.headers.get('location'), BYE);
    assert.equal(await isSignedIn(browser), false);
  });

  it('WEB-3 given a session here and none with the provider yet, then the person is asked all the same', async () => {
    const browser = await acme.signIn('ana');
    const page = await browser.get(`${server.url}/oauth/end-session`);
    assert.match(page.text, /Sign out\?/);
    assert.doesNotMatch(page.text, /submit\.js/);
    assert.equal(await isSignedIn(browser), true);
  });

  it("WEB-3 given the ID token of somebody else, then the person is asked; another site's page can't answer for them", async () => {
    const theirs = await tokensOf(insights, await acme.signIn('bo'));
    const browser = await acme.signIn('ana');
    await tokensOf(insights, browser);
    const page = await browser.get(endSession({ id_token_hint: theirs.id_token ?? '' }));
    assert.doesNotMatch(page.text, /submit\.js/);
    const forged = await browser.post(`${server.url}/oauth/end-session/confirm`, { xsrf: 'guessed', logout: 'yes' });
    assert.ok(forged.status >= 400);
    assert.equal(await isSignedIn(browser), true);
  });

  for (const uri of [`${BYE}/more`, 'https://insights.test/Bye', 'https://insights.test.evil.test/bye', `${BYE}?x=1`]) {
    it(`given the post_logout_redirect_uri ${uri}, then the browser is sent nowhere`, async () => {
      const browser = await acme.signIn('ana');
      const tokens = await tokensOf(insights, browser);
      const url = endSession({ id_token_hint: tokens.id_token ?? '', post_logout_redirect_uri: uri });
      const page = await browser.get(url, /^https:/);
      assert.deepEqual([page.status, page.headers.get('location')], [400, null]);
      assert.equal(await isSignedIn(browser), true);
    });
  }

  it('given nobody is signed in, then it says goodbye', async () => {
    const browser = new Browser();
    const page = await browser.submit(await browser.get(`${server.url}/oauth/end-session`));
    assert.match(page.text, /You are signed out/);
  });
});

describe('telling apps of a sign-out', () => {
  it('given the person signs out here, then the app is told, once, by a token that it can verify', async () => {
    const browser = await acme.signIn('bo');
    const tokens = await tokensOf(insights, browser);
    await signOut(server, browser);
    await work();
    await work();
    const [heard, ...more] = heardOf(tokens);
    assert.equal(more.length, 0);
    assert.equal(heard?.sub, tokens.claims()?.sub);
    assert.equal((await lastEvent(server, acme.where, 'app.logout_told'))?.outcome, 'success');
  });

  it('given two instances with much to tell, then each app is told once of each', async () => {
    const all = await Promise.all(
      Array.from({ length: 24 }, async () => {
        const browser = await acme.signIn('bo');
        const tokens = await tokensOf(insights, browser);
        await signOut(server, browser);
        return tokens;
      }),
    );
    await work();
    assert.deepEqual(new Set(all.map((tokens) => heardOf(tokens).length)), new Set([1]));
  });

  it('given the person signs in anew in the same browser, then the app is told that the former session is over', async () => {
    const browser = await acme.signIn('bo');
    const tokens = await tokensOf(insights, browser);
    const asked = await ask(insights, { prompt: 'login' });
    const again = await redeem(insights, asked, await acme.throughSignIn(asked, 'bo', browser));
    await work();
    assert.equal(heardOf(tokens).length, 1);
    assert.equal(heardOf(again).length, 0);
  });

  it('given an app answers 500, then it is told again until it takes it', async () => {
    const browser = await acme.signIn('cy');
    const tokens = await tokensOf(insights, browser);
    receiver.refuse(2);
    await signOut(server, browser);
    for (const tried of [0, 0, 1]) {
      await work();
      assert.equal(heardOf(tokens).length, tried);
      await within(
        server.deps,
        acme.where,
        sql`UPDATE oauth_artifacts SET logout_next_at = now() WHERE kind = 'Grant'`,
      );
    }
    await work();
    assert.equal(heardOf(tokens).length, 1);
  });

  it('given an app that never answers, then the audit says in the end that it was not told', async () => {
    const browser = await acme.signIn('cy');
    const tokens = await tokensOf(insights, browser);
    receiver.refuse(1);
    await signOut(server, browser);
    await within(
      server.deps,
      acme.where,
      sql`UPDATE oauth_artifacts SET logout_attempts = 11 WHERE kind = 'Grant' AND logout_done_at IS NULL`,
    );
    await work();
    await work();
    assert.equal(heardOf(tokens).length, 0);
    const event = await lastEvent(server, acme.where, 'app.logout_untold');
    assert.deepEqual([event?.outcome, event?.reason], ['failure', 'the app answered 500']);
  });

  it('given the person is let go, then the app is told', async () => {
    const tokens = await tokensOf(insights, await acme.signIn('di'));
    await acme.letGo('di@acme.test');
    await work();
    assert.equal(heardOf(tokens)[0]?.sub, tokens.claims()?.sub);
  });

  it('given an administrator ends sessions, then the app is told of each', async () => {
    const [one, two] = [await acme.signIn('cy'), await acme.signIn('cy')];
    const tokens = [await tokensOf(insights, one), await tokensOf(insights, two)];
    const path = '/organizations/acme/people/cy@acme.test/sessions';
    const { body } = await server.api('get', path).expect(200);
    assert.ok(body.sessions.length >= 2);
    await server.api('delete', path).expect(204);
    assert.deepEqual((await server.api('get', path).expect(200)).body.sessions, []);
    await work();
    assert.deepEqual(
      tokens.map((each) => heardOf(each).length),
      [1, 1],
    );
    assert.deepEqual([await isSignedIn(one), await isSignedIn(two)], [false, false]);
  });

  it('given a session that merely runs out, then nobody is told: the app knows how long its tokens are good', async () => {
    const tokens = await tokensOf(insights, await acme.signIn('bo'));
    await within(server.deps, acme.where, sql`UPDATE sessions SET expires_at = now() - interval '1 second'`);
    await work();
    assert.equal(heardOf(tokens).length, 0);
  });

  it('given a wake-up was lost, then the sweep finds what is yet to be told', async () => {
    const browser = await acme.signIn('bo');
    const tokens = await tokensOf(insights, browser);
    await signOut(server, browser);
    const woken: string[] = [];
    const jobs = { ...server.deps.jobs, enqueue: async (queue: string) => void woken.push(queue) };
    await sweepLogouts({ ...server.deps, jobs });
    assert.deepEqual(woken, ['logout.backchannel']);
    await work();
    woken.length = 0;
    await sweepLogouts({ ...server.deps, jobs });
    assert.deepEqual([woken, heardOf(tokens).length], [[], 1]);
  });
});
