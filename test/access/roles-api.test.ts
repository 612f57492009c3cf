import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sql } from 'kysely';
import { startSession } from '../../src/credentials/session.ts';
import { type Company, makeCompany } from '../harness/company.ts';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';
import { signedIn } from '../harness/signed-in.ts';

const database = await openTestDatabase();
const server = await startTestServer(database);

/** A company of fastn with an owner, an admin, a developer, and mia without a role. */
async function company(model = 'fastn'): Promise<Company> {
  const made = await makeCompany(server, database, { model });
  made.write(
    ...['olga', 'adam', 'dev', 'mia'].map((name) => `${name},${name}@acme.example,${name},Sales,Agent,active`),
  );
  await made.sync();
  if (model !== 'fastn') return made;
  for (const [name, role] of [
    ['olga', 'owner'],
    ['adam', 'admin'],
    ['dev', 'developer'],
  ] as const)
    await give(made, name, role);
  return made;
}

const give = (made: Company, name: string, role: string, more: object = {}) =>
  made
    .api('post', '/memberships')
    .send({ user: `${name}@acme.example`, role, scope: 'organization', ...more })
    .expect(201);

async function as(made: Company, name: string) {
  const userId = await made.person(`${name}@acme.example`);
  const { token } = await made.within((tx) =>
    startSession(tx, { userId, connectionId: null, authenticatedBy: 'saml' }),
  );
  const call = signedIn(server, token);
  return (method: 'get' | 'post' | 'patch' | 'delete', path: string) =>
    call(method, `/organizations/${made.slug}${path}`);
}

async function may(made: Company, name: string, action: string): Promise<boolean> {
  const { body } = await server.http
    .post('/access/v1/evaluation')
    .set('Authorization', server.operator)
    .set('X-Drawbridge-Organization', made.slug)
    .send({
      subject: { type: 'user', id: `${name}@acme.example` },
      action: { name: action },
      resource: { type: 'organization', id: made.slug },
    })
    .expect(200);
  return body.decision;
}

const AUDITOR = { role: 'auditor', label: 'Auditor', permissions: ['people.read', 'audit.read'] };

describe('an organization’s own roles', () => {
  it('given an admin, when they make a role and give it, then its holder may just that, in decisions and in the API', async () => {
    const made = await company();
    const adam = await as(made, 'adam');
    await adam('post', '/roles').send(AUDITOR).expect(201);
    await give(made, 'mia', 'auditor');
    assert.deepEqual([await may(made, 'mia', 'audit.read'), await may(made, 'mia', 'people.manage')], [true, false]);
    const mia = await as(made, 'mia');
    await mia('get', '/audit-events').expect(200);
    await mia('get', '/people').expect(403);
    const { body } = await adam('get', '/roles').expect(200);
    const shown = body.roles.find(({ role }: { role: string }) => role === 'auditor');
    assert.partialDeepStrictEqual(shown, {
      custom: true,
      holders: 1,
      rank: 30,
      permissions: ['people.read', 'audit.read'],
    });
    await adam('post', '/roles').send(AUDITOR).expect(409);
  });

  it('given a role of its own as the default for newcomers, then it is taken, warned of like another, and not deleted meanwhile', async () => {
    const made = await company();
    await made.api('post', '/roles').send(AUDITOR).expect(201);
    const patch = (defaultRole: string | null) =>
      server.api('patch', `/organizations/${made.slug}`).send({ defaultRole });
    const { body } = await patch('auditor_of_nothing').expect(400);
    assert.match(body.detail, /no role "auditor_of_nothing" for newcomers/);
    await patch('auditor').expect(200);
    assert.equal((await made.api('get', '').expect(200)).body.defaultRole, 'auditor');
    const refused = await made.api('delete', '/roles/auditor').expect(409);
    assert.match(refused.body.detail, /the settings, as default role/);
    const everything = { role: 'deputy', label: 'Deputy', like: 'admin' };
    await made.api('post', '/roles').send(everything).expect(201);
    assert.match((await patch('deputy').expect(400)).body.detail, /administrative/);
    await patch(null).expect(200);
    await made.api('delete', '/roles/auditor').expect(200);
  });

  it('given a role of the model, then it is duplicated, and itself neither made, changed nor deleted', async () => {
    const made = await company();
    const adam = await as(made, 'adam');
    const { body } = await adam('post', '/roles').send({ role: 'reader', label: 'Reader', like: 'viewer' }).expect(201);
    assert.equal(body.permissions.length, 7);
    await adam('post', '/roles').send({ role: 'reader2', label: 'Reader', like: 'nobody' }).expect(400);
    await adam('post', '/roles')
      .send({ ...AUDITOR, role: 'viewer' })
      .expect(400);
    await adam('patch', '/roles/viewer').send({ label: 'Mine' }).expect(409);
    await adam('delete', '/roles/viewer').expect(409);
    await adam('delete', '/roles/nobody').expect(404);
    await adam('post', '/roles')
      .send({ ...AUDITOR, permissions: ['moon.land'] })
      .expect(400);
    await made
      .api('post', '/roles')
      .send({ ...AUDITOR, role: 'Bad Name' })
      .expect(400);
  });

  it('TEN-8 given a maker without the right or with less than the role, then it is neither made, widened nor taken from its holders', async () => {
    const made = await company();
    const [adam, dev] = [await as(made, 'adam'), await as(made, 'dev')];
    const refused = await dev('post', '/roles').send(AUDITOR).expect(403);
    assert.match(refused.body.detail, /roles\.manage/);
    await adam('post', '/roles')
      .send({ role: 'keeper', label: 'Keeper', permissions: ['roles.manage', 'roles.read', 'people.manage'] })
      .expect(201);
    await give(made, 'mia', 'keeper');
    const mia = await as(made, 'mia');
    const beyond = await mia('post', '/roles')
      .send({ ...AUDITOR, permissions: ['roles.read', 'billing.manage'] })
      .expect(403);
    assert.match(beyond.body.detail, /billing\.manage/);
    await adam('post', '/roles')
      .send({ ...AUDITOR, permissions: ['billing.manage'] })
      .expect(201);
    await mia('patch', '/roles/auditor')
      .send({ permissions: ['roles.read'] })
      .expect(403);
    await mia('patch', '/roles/keeper')
      .send({ permissions: ['roles.manage', 'billing.manage'] })
      .expect(403);
    await mia('delete', '/roles/auditor').expect(403);
    const { body } = await made.api('get', '/audit-events?action=role.refused').expect(200);
    assert.equal(body.events[0].outcome, 'denied');
  });

  it('given a role is changed, then its holders have what it has now, and the answer says who loses what', async () => {
    const made = await company();
    await made.api('post', '/roles').send(AUDITOR).expect(201);
    await give(made, 'mia', 'auditor');
    const change = { permissions: ['people.read', 'connectors.read'] };
    const looked = await made.api('patch', '/roles/auditor?preview=true').send(change).expect(200);
    const effect = [{ email: 'mia@acme.example', loses: ['audit.read'], gains: ['connectors.read'] }];
    assert.partialDeepStrictEqual(looked.body, { holders: 1, people: effect });
    assert.equal(await may(made, 'mia', 'audit.read'), true, 'only looked at');
    await made.api('patch', '/roles/auditor').send(change).expect(200);
    assert.deepEqual([await may(made, 'mia', 'audit.read'), await may(made, 'mia', 'connectors.read')], [false, true]);
  });

  it('given a role is deleted, then its holders lose it and what else they hold stays; not while a rule or an invitation gives it', async () => {
    const made = await company();
    await made.api('post', '/roles').send(AUDITOR).expect(201);
    await give(made, 'mia', 'auditor');
    const invited = await made
      .api('post', '/invitations')
      .send({ email: 'new@acme.example', roles: [{ scope: 'organization', role: 'auditor' }] })
      .expect(201);
    const refused = await made.api('delete', '/roles/auditor').expect(409);
    assert.match(refused.body.detail, /invitation of new@acme\.example/);
    await made.api('delete', `/invitations/${invited.body.id}`).expect(204);
    const rule = { group: 'Auditors', scope: 'organization', role: 'auditor' };
    await made.api('put', '/mapping-rules/auditors').send(rule).expect(200);
    await made.api('delete', '/roles/auditor').expect(409);
    await made.api('delete', '/mapping-rules/auditors').expect(200);
    const { body } = await made.api('delete', '/roles/auditor').expect(200);
    assert.partialDeepStrictEqual(body, { holders: 1, people: [{ loses: ['people.read', 'audit.read'] }] });
    assert.deepEqual(await made.memberships('mia@acme.example'), []);
    assert.equal(await may(made, 'mia', 'audit.read'), false);
    await made.api('post', '/roles').send(AUDITOR).expect(201);
    assert.equal(await may(made, 'mia', 'audit.read'), false, 'a role of the same name brings nothing back');
  });

  it('given a role is deleted while it is given, then nobody holds it afterwards', async () => {
    const made = await company();
    for (let round = 0; round < 8; round += 1) {
      await made.api('post', '/roles').send(AUDITOR).expect(201);
      const giving = made
        .api('post', '/memberships')
        .send({ user: 'mia@acme.example', role: 'auditor', scope: 'organization' });
      const [given, gone] = await Promise.all([giving, made.api('delete', '/roles/auditor')]);
      assert.equal(gone.status, 200, gone.text);
      assert.ok([201, 400].includes(given.status), given.text);
      assert.deepEqual(await made.memberships('mia@acme.example'), []);
    }
  });

  it('given a model without them, then none is made', async () => {
    const made = await company('ai-security-gateway');
    const { body } = await made.api('post', '/roles').send(AUDITOR).expect(400);
    assert.match(body.detail, /no custom roles/);
  });

  it('given the matrix, then each cell says whether a role holds a permission, own roles too', async () => {
    const made = await company();
    await made.api('post', '/roles').send(AUDITOR).expect(201);
    const { body } = await made.api('get', '/roles/matrix').expect(200);
    assert.equal(body.permissions.length, 39);
    const billing = body.permissions.find(({ permission }: { permission: string }) => permission === 'billing.manage');
    assert.partialDeepStrictEqual(billing, {
      category: 'administrative',
      held: { 'organization/owner': true, 'organization/developer': false, 'organization/auditor': false },
    });
    const count = (role: string) =>
      body.permissions.filter(({ held }: { held: Record<string, boolean> }) => held[role]).length;
    assert.deepEqual([count('organization/operator'), count('organization/auditor')], [18, 2]);
  });

  it('TEN-1 given another organization, then the role is not there', async () => {
    const [made, other] = [await company(), await company()];
    await made.api('post', '/roles').send(AUDITOR).expect(201);
    await other.api('patch', '/roles/auditor').send({ label: 'x' }).expect(404);
    await other.api('delete', '/roles/auditor').expect(404);
    assert.doesNotMatch((await other.api('get', '/roles')).text, /auditor/);
  });
});

describe('handing over the one owner (ai-security-gateway)', () => {
  it('given exactly one, then it goes only to an admin, by whom it is held, and there is exactly one afterwards', async () => {
    const made = await company('ai-security-gateway');
    await give(made, 'olga', 'owner');
    await give(made, 'adam', 'admin');
    await give(made, 'dev', 'member');
    const [olga, adam] = [await as(made, 'olga'), await as(made, 'adam')];
    const transfer = (to: string) => ({
      role: 'owner',
      scope: 'organization',
      to: `${to}@acme.example`,
      reason: 'moving on',
    });
    await adam('post', '/ownership-transfers').send(transfer('adam')).expect(403);
    await olga('post', '/ownership-transfers').send(transfer('dev')).expect(403);
    await made
      .api('post', '/memberships')
      .send({ user: 'adam@acme.example', role: 'owner', scope: 'organization' })
      .expect(400);
    const both = await Promise.all(
      [olga, olga].map((call) => call('post', '/ownership-transfers').send(transfer('adam'))),
    );
    assert.deepEqual(both.map(({ status }) => status).sort(), [204, 403]);
    assert.deepEqual(await made.memberships('adam@acme.example'), ['organization:owner (ownership)']);
    assert.deepEqual(await made.memberships('olga@acme.example'), ['organization:admin (manual)']);
    const { body } = await made.api('get', '/audit-events?action=ownership.transferred').expect(200);
    assert.equal(body.events[0].reason, 'moving on');
  });

  it('given a model that asks for a reason, then there is no grant and no transfer without', async () => {
    const made = await company('magone-ai');
    const bare = { user: 'olga@acme.example', role: 'org_owner', scope: 'organization' };
    await made.api('post', '/memberships').send(bare).expect(400);
    await made
      .api('post', '/memberships')
      .send({ ...bare, reason: 'founder' })
      .expect(201);
    await give(made, 'adam', 'org_member', { reason: 'colleague' });
    const transfer = { role: 'org_owner', scope: 'organization', from: 'olga@acme.example', to: 'adam@acme.example' };
    await made.api('post', '/ownership-transfers').send(transfer).expect(400);
    await made
      .api('post', '/ownership-transfers')
      .send({ ...transfer, reason: 'moving on' })
      .expect(204);
  });
});

describe('a grant for a time', () => {
  it('given it has expired, then decisions, the API and whoever holds a key refuse at once, before anybody sweeps', async () => {
    const made = await company();
    const until = new Date(Date.now() + 86_400_000).toISOString();
    await give(made, 'mia', 'admin', { expiresAt: until, reason: 'stands in' });
    const mia = await as(made, 'mia');
    await mia('get', '/people').expect(200);
    const { body } = await mia('post', '/api-keys')
      .send({ name: 'laptop', kind: 'personal', scopes: ['people.read'] })
      .expect(201);
    const introspect = () =>
      server.http
        .post('/oauth/introspect')
        .set('Authorization', server.operator)
        .type('form')
        .send({ token: body.key })
        .expect(200);
    assert.equal((await introspect()).body.active, true);
    await made.within(({ db }) =>
      sql`UPDATE memberships SET expires_at = now() WHERE expires_at IS NOT NULL`.execute(db),
    );
    assert.equal(await may(made, 'mia', 'people.manage'), false);
    await mia('get', '/people').expect(403);
    await mia('post', '/memberships')
      .send({ user: 'dev@acme.example', role: 'viewer', scope: 'organization' })
      .expect(403);
    const me = await server.http
      .get(`/api/v1/organizations/${made.slug}/people`)
      .set('Authorization', `Bearer ${body.key}`);
    assert.equal(me.status, 403);
  });

  it('given it is prolonged or made lasting, then that takes who may give it, a reason and leaves a trace', async () => {
    const made = await company();
    const until = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString();
    const { body } = await give(made, 'mia', 'viewer', { expiresAt: until(1) });
    const [adam, dev] = [await as(made, 'adam'), await as(made, 'dev')];
    await dev('patch', `/memberships/${body.id}`).send({ expiresAt: null }).expect(403);
    await adam('patch', `/memberships/${body.id}`)
      .send({ expiresAt: until(30), reason: 'project goes on' })
      .expect(204);
    const [held] = (await made.api('get', '/people/mia@acme.example')).body.memberships;
    assert.equal(held.reason, 'project goes on');
    assert.ok(Date.parse(held.expiresAt) > Date.now() + 29 * 86_400_000);
    await adam('patch', `/memberships/${body.id}`).send({ expiresAt: null }).expect(204);
    await adam('patch', `/memberships/${body.id}`).send({ expiresAt: '2020-01-01T00:00:00Z' }).expect(400);
    const events = await made.api('get', '/audit-events?action=membership.changed').expect(200);
    assert.equal(events.body.events.length, 2);
  });
});
