/** Somebody leaves while they are signing in: whichever comes first, nobody who has left has a live session. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sql } from 'kysely';
import { Browser, formOf } from '../../src/demo/browser.ts';
import { startSamlIdp } from '../../src/demo/idp/saml-idp.ts';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';
import { connection, lastEvent, organization, within } from './arrange.ts';

const TIMES = 12;
const database = await openTestDatabase();
const server = await startTestServer(database);
const everybody = Array.from({ length: TIMES + 1 }, (_, at) => ({
  id: `p${at}`,
  email: `p${at}@acme.test`,
  name: `P ${at}`,
  groups: [],
}));
const idp = await startSamlIdp({ people: everybody });
database.onEnd(() => idp.close());
const acme = await organization(server, 'acme');
const okta = await connection(server, acme, 'okta', { kind: 'saml', metadata: idp.metadata });
idp.trust((await server.http.get(`/saml/${okta.id}/metadata`)).text);

async function answerFor(who: string) {
  const browser = new Browser('application/json');
  const choice = formOf(await browser.get(okta.serviceProvider.loginUrl));
  const { action, fields } = formOf(await browser.post(choice.action, { ...choice.fields, person: who }));
  return { browser, send: () => browser.post(action, fields, /\/me$/) };
}

const offboard = (who: string) =>
  server.api('post', `/organizations/acme/people/${who}@acme.test/offboard`).send({ reason: 'leaves' });

describe('leaving', () => {
  it('given somebody is signed in, when they are let go, then the session is dead and no login brings them back', async () => {
    const first = await answerFor('p0');
    assert.equal((await first.send()).status, 303);
    const cookie = `drawbridge=${first.browser.cookies(server.url).get('drawbridge')}`;
    await server.http.get('/me').set('Cookie', cookie).expect(200);
    const left = await offboard('p0');
    assert.ok(left.ok, left.text);
    await server.http.get('/me').set('Cookie', cookie).expect(401);
    const again = await (await answerFor('p0')).send();
    assert.deepEqual([again.status, JSON.parse(again.text).check], [403, 'person']);
    assert.equal((await lastEvent(server, acme, 'sign_in.refused'))?.reason, 'person');
  });

  it(`given ${TIMES} people leave while they sign in, then none of them has a live session`, async () => {
    const people = everybody.slice(1).map(({ id }) => id);
    for (const who of people) assert.equal((await (await answerFor(who)).send()).status, 303);
    const answers = await Promise.all(people.map(answerFor));
    const outcomes = await Promise.all(
      people.flatMap((who, at) => [
        answers[at]!.send().then(({ status }) => status),
        offboard(who).then(({ ok }) => ok),
      ]),
    );
    assert.ok(
      outcomes.every((each) => each === true || each === 303 || each === 403),
      JSON.stringify(outcomes),
    );
    const living = await within(
      server.deps,
      acme,
      sql`SELECT u.email FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.ended_at IS NULL OR u.status <> 'deprovisioned'`,
    );
    assert.deepEqual(living, []);
  });
});
