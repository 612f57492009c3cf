/** Who has left stays out by whatever door, until somebody who may say so says that they are back. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sql } from 'kysely';
import { patchOf, USER } from '../directory/scim/arrange.ts';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';
import { busyCompany } from './busy-person.ts';

const database = await openTestDatabase({ http: { trustProxy: true } });
const server = await startTestServer(database);
const company = await busyCompany(server, database, ['ana', 'bea', 'cleo', 'dora', 'eva']);
const api = (method: 'get' | 'post' | 'delete', path: string) => server.api(method, `/organizations/busy${path}`);
const letGo = (email: string) => api('post', `/people/${email}/offboard`).send({ reason: 'has left' }).expect(201);
const person = async (user: string) => (await api('get', `/people/${user}`).expect(200)).body;
const says = (email: string, active: boolean) =>
  company.scim.scim('patch', `/Users/${company.recordOf(email)}`, patchOf({ op: 'replace', value: { active } }));
const invite = (email: string) =>
  api('post', '/invitations').send({ email, roles: [{ scope: 'organization', role: 'viewer' }], reason: 'x' });

describe('the tombstone', () => {
  it('given a leaver, when they sign in by SAML, by another provider as a new identity, or are invited, then they stay out', async () => {
    const { userId, email } = await company.hire('ana');
    await letGo(email);
    for (const door of ['saml', 'oidc'] as const) {
      const page = await company.signIn(door, 'ana');
      assert.deepEqual([page.status, JSON.parse(page.text).check], [403, 'person'], door);
    }
    assert.match((await invite(email).expect(409)).body.detail, /has left/);
    assert.equal((await person(userId)).status, 'deprovisioned');
  });

  it('SCIM-14 given an administrator let them go, when the directory repeats active:true, then they stay out; given it takes them out and back, they are back', async () => {
    const { userId, email } = await company.hire('bea');
    await letGo(email);
    for (let again = 0; again < 3; again += 1) await says(email, true).expect(200);
    assert.equal((await person(userId)).status, 'deprovisioned');
    await says(email, false).expect(200);
    await says(email, true).expect(200);
    const back = await person(userId);
    assert.equal(back.status, 'active');
    assert.ok(back.memberships.length > 0, 'with what the directory and the grace period give');
  });

  it('given a request of before the end that says by its version what it is about, when it comes late, then 412', async () => {
    const { userId, email } = await company.hire('cleo');
    const path = `/Users/${company.recordOf(email)}`;
    const { etag } = (await company.scim.scim('get', path).expect(200)).headers;
    await says(email, false).expect(200);
    const late = company.scim.scim('patch', path, patchOf({ op: 'replace', value: { active: true } }));
    await late.set('If-Match', String(etag)).expect(412);
    assert.equal((await person(userId)).status, 'deprovisioned');
  });

  it('given their address goes to somebody new in the directory, then that is another person, who inherits nothing', async () => {
    const { userId, email, keys, tokens } = await company.hire('dora');
    const before = await person(userId);
    await letGo(email);
    await company.scim.scim('delete', `/Users/${company.recordOf(email)}`).expect(204);
    const made = await company.scim
      .scim('post', '/Users', {
        schemas: [USER],
        userName: 'dora.new@busy.test',
        active: true,
        emails: [{ value: email, primary: true }],
      })
      .expect(201);
    const { people } = (await api('get', '/people?query=dora').expect(200)).body;
    const fresh = people.find(({ status }: { status: string }) => status === 'active');
    assert.notEqual(fresh.id, userId);
    const held = (await person(fresh.id)).memberships;
    assert.ok(before.memberships.some(({ source }: { source: string }) => source === 'manual'));
    assert.deepEqual(
      held.map(({ source }: { source: string }) => source),
      ['mapping'],
      'only what the rule gives to all',
    );
    for (const credential of [...keys, ...tokens]) {
      const asked = server.http.post('/oauth/introspect').set('Authorization', server.operator).type('form');
      assert.equal((await asked.send({ token: credential }).expect(200)).body.active, false);
    }
    const page = await company.signIn('saml', 'dora');
    assert.equal(page.status, 403, 'the former identity does not open the new account');
    const { rows } = await company.scim.inside(({ db }) =>
      sql`SELECT 1 FROM identities WHERE user_id = ${fresh.id}`.execute(db),
    );
    assert.deepEqual([made.body.id === company.recordOf(email), rows], [false, []]);
  });

  it('given a leaver whose data was erased, when they sign in as if they were new, or are invited, then they stay out too', async () => {
    const { userId, email } = await company.hire('eva');
    await letGo(email);
    await company.scim.scim('delete', `/Users/${company.recordOf(email)}`).expect(204);
    await company.scim.inside(({ db }) => sql`UPDATE offboarding_cases SET closed_at = now()`.execute(db));
    await api('delete', `/people/${userId}/personal-data?reason=x`).expect(200);
    for (const door of ['saml', 'oidc'] as const) {
      const page = await company.signIn(door, 'eva');
      assert.deepEqual([page.status, JSON.parse(page.text).check], [403, 'person'], door);
    }
    await invite(email).expect(409);
  });
});
