/** `POST /access/v1/evaluation`: the same answers as the rules give, asked as the platform asks. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sql } from 'kysely';
import { decide } from '../../src/access/decide.ts';
import { createApiKey } from '../../src/credentials/api-key.ts';
import { type Company, makeCompany } from '../harness/company.ts';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';
import { besides, cellsOf, HERE, NAMES, NOW, person, ref, shipped } from './models-under-test.ts';

const database = await openTestDatabase();
const server = await startTestServer(database);

async function companyOf(model: string, ...names: string[]): Promise<Company> {
  const made = await makeCompany(server, database, { model });
  made.write(...names.map((name) => `${name},${name}@acme.example,${name},Sales,Agent,active`));
  await made.sync();
  return made;
}

const company = (model = 'atomyx') => companyOf(model, 'mia', 'ben');

const give = (made: Company, name: string, role: string, scope: unknown = { workspace: 'main' }) =>
  made
    .api('post', '/memberships')
    .send({ user: `${name}@acme.example`, role, scope, reason: 'test' })
    .expect(201);

interface Asked {
  readonly type: string;
  readonly id: string;
}

const user = (name: string): Asked => ({ type: 'user', id: `${name}@acme.example` });
const MAIN: Asked = { type: 'workspace', id: 'main' };
const INSIGHTS: Asked = { type: 'product', id: 'main/insights' };

const post = (made: Company, body: unknown) =>
  server.http
    .post('/access/v1/evaluation')
    .set('Authorization', server.operator)
    .set('X-Drawbridge-Organization', made.slug)
    .set('X-Request-Id', 'evaluation-1')
    .send(body as object);

async function ask(made: Company, subject: Asked, action: string, resource: Asked) {
  const { body } = await post(made, { subject, action: { name: action }, resource }).expect(200);
  return body as { decision: boolean; context: { reason: string; missing?: string } };
}

/** Gives a role as no API does, so that platform's and owners' cells can be asked too. */
const hold = (made: Company, email: string, column: string) =>
  made.within(({ db, organizationId }) => {
    const { role, scopeKind } = ref(column);
    return sql`
      INSERT INTO memberships (organization_id, user_id, scope_kind, workspace_id, product_id, role, source, granted_by)
      SELECT ${organizationId}, u.id, ${scopeKind},
        CASE WHEN ${scopeKind} IN ('workspace', 'product') THEN w.id END, CASE WHEN ${scopeKind} = 'product' THEN p.id END,
        ${role}, 'manual', 'test'
      FROM users u, workspaces w JOIN products p ON p.workspace_id = w.id
      WHERE u.email = ${email}`.execute(db);
  });

describe('each model over HTTP', () => {
  for (const name of NAMES) {
    it(`${name}: given a person for each column, then each cell is answered as the matrix says, with the layer that is missing`, async () => {
      const cells = cellsOf(name);
      const columns = [...new Set(cells.map(({ column }) => column))];
      const nameOf = (column: string) => `p${columns.indexOf(column)}`;
      const made = await companyOf(name, ...columns.map(nameOf));
      for (const column of columns) {
        for (const each of [column, ...besides(name, column)]) await hold(made, `${nameOf(column)}@acme.example`, each);
      }
      for (const { permission, column, cell } of cells) {
        const answer = await ask(made, user(nameOf(column)), permission, INSIGHTS);
        const ruled = decide(shipped(name), person(column, ...besides(name, column)), permission, HERE, NOW);
        assert.equal(answer.decision, cell === 'yes', `${column} ${permission}: ${answer.context.reason}`);
        assert.deepEqual([answer.context.missing ?? null, answer.context.reason], [ruled.missing, ruled.reason]);
      }
    });
  }
});

describe('layers', () => {
  it('TEN-11 given memberships, then it answers layer by layer, naming the first that is missing', async () => {
    const made = await company();
    const missing = async () => (await ask(made, user('mia'), 'product.view', INSIGHTS)).context.missing;
    assert.equal(await missing(), 'workspace');
    await give(made, 'mia', 'member');
    assert.equal(await missing(), 'product');
    await give(made, 'mia', 'viewer', { product: 'main/insights' });
    assert.equal((await ask(made, user('mia'), 'product.view', INSIGHTS)).decision, true);
    assert.equal((await ask(made, user('mia'), 'product.edit', INSIGHTS)).context.missing, 'permission');
    const product = (change: object) => made.api('put', '/workspaces/main/products/insights').send(change).expect(200);
    await product({ subscriptionStatus: 'expired' });
    assert.equal(await missing(), 'subscription');
    await product({ subscriptionStatus: 'active', subscriptionEndsAt: '2020-01-01T00:00:00Z' });
    assert.equal(await missing(), 'subscription', 'it ended, whatever its status says');
    await product({ subscriptionStatus: 'active', subscriptionEndsAt: null });
    assert.equal(await missing(), undefined);
    await made.api('post', '/people/mia@acme.example/offboard').send({ reason: 'x' }).expect(201);
    assert.equal(await missing(), 'account');
  });

  it('magone-ai: given an organization member, then a project counts once they are assigned to it', async () => {
    const made = await company('magone-ai');
    await give(made, 'mia', 'org_member', 'organization');
    const create = () => ask(made, user('mia'), 'agents.create', MAIN);
    assert.equal((await create()).context.missing, 'workspace');
    await give(made, 'mia', 'project_member');
    assert.equal((await create()).decision, true);
    const organization = { type: 'organization', id: made.slug };
    assert.equal((await ask(made, user('mia'), 'org_audit.view', organization)).decision, false);
    await give(made, 'ben', 'project_member');
    assert.equal((await ask(made, user('ben'), 'projects.delete', MAIN)).context.missing, 'permission');
  });

  it('given a membership that has expired, then it counts no more', async () => {
    const made = await company('fastn');
    await give(made, 'mia', 'viewer', 'organization');
    const read = () => ask(made, user('mia'), 'tools.read', { type: 'organization', id: made.id });
    assert.equal((await read()).decision, true);
    await made.within(({ db }) => sql`UPDATE memberships SET expires_at = now() - interval '1 second'`.execute(db));
    assert.equal((await read()).context.missing, 'role');
  });

  it('given ids in place of names, then the answer is the same', async () => {
    const made = await company();
    await give(made, 'mia', 'member');
    await give(made, 'mia', 'viewer', { product: 'main/insights' });
    const mia = { type: 'user', id: await made.person('mia@acme.example') };
    const workspace = (await made.api('get', '/workspaces/main')).body.id;
    const product = (await made.api('get', '/workspaces/main/products/insights')).body.id;
    assert.equal((await ask(made, mia, 'workspace.view', { type: 'workspace', id: workspace })).decision, true);
    assert.equal((await ask(made, mia, 'product.view', { type: 'product', id: product })).decision, true);
    assert.equal((await ask(made, user('MIA'), 'product.view', INSIGHTS)).decision, true);
  });
});

describe('keys as subjects', () => {
  /** A personal key of mia's and a service key of nobody's, both for the workspace. */
  async function keysOf(made: Company) {
    const userId = await made.person('mia@acme.example');
    const model = shipped('smart-ai-hub');
    const make = (maker: Parameters<typeof createApiKey>[2], kind: 'personal' | 'service', scopes: string[]) =>
      made.within((tx) => createApiKey(tx, model, maker, { name: kind, kind, scopes, workspace: 'main' }));
    const personal = await make({ userId }, 'personal', ['agent.create']);
    const service = await make('operator', 'service', ['agent.use']);
    const may = async (id: string, action: string) => (await ask(made, { type: 'api_key', id }, action, MAIN)).decision;
    return { personal: personal.id, service: service.id, may };
  }

  it('given a personal key, then it may what its scopes and its creator may at this moment', async () => {
    const made = await company('smart-ai-hub');
    const { id } = (await give(made, 'mia', 'developer')).body;
    const { personal, service, may } = await keysOf(made);
    assert.equal(await may(personal, 'agent.create'), true);
    assert.equal(await may(personal, 'agent.edit'), false, 'not among its scopes');
    await made.api('patch', `/memberships/${id}`).send({ role: 'viewer' }).expect(204);
    assert.equal(await may(personal, 'agent.create'), false, 'its creator may no more');
    assert.equal(await may(service, 'agent.use'), true, 'a key of its own needs nobody');
  });

  it('given a key from before its creator’s access ended, then it doesn’t count again when they are back', async () => {
    const made = await company('smart-ai-hub');
    await give(made, 'mia', 'developer');
    const { personal, may } = await keysOf(made);
    assert.equal(await may(personal, 'agent.create'), true);
    await made.within(({ db }) => sql`UPDATE users SET access_epoch = access_epoch + 1`.execute(db));
    assert.equal(await may(personal, 'agent.create'), false);
  });

  it('TEN-10 given a revoked key, one whose creator left, or one of another environment, then no', async () => {
    const made = await company('smart-ai-hub');
    await give(made, 'mia', 'developer');
    const { personal, service, may } = await keysOf(made);
    await made.api('put', '/workspaces/main').send({ environment: 'staging' }).expect(200);
    assert.equal(await may(service, 'agent.use'), false, 'a key for production');
    await made.api('put', '/workspaces/main').send({ environment: 'production' }).expect(200);
    assert.equal(await may(service, 'agent.use'), true);
    await made.api('delete', `/api-keys/${service}`).expect((answer) => assert.ok(answer.ok));
    assert.equal(await may(service, 'agent.use'), false);
    await made.api('post', '/people/mia@acme.example/offboard').send({ reason: 'x' }).expect(201);
    assert.equal(await may(personal, 'agent.create'), false);
  });
});

describe('what is not known', () => {
  it('given somebody, something or an action unknown, then the answer is no, and says of what', async () => {
    const made = await company();
    await give(made, 'mia', 'member');
    const unknown = '00000000-0000-4000-8000-000000000000';
    for (const [subject, action, resource, said] of [
      [user('nobody'), 'workspace.view', MAIN, /person is not known/],
      [{ type: 'user', id: unknown }, 'workspace.view', MAIN, /person is not known/],
      [{ type: 'api_key', id: unknown }, 'workspace.view', MAIN, /key is not known/],
      [{ type: 'api_key', id: 'not-an-id' }, 'workspace.view', MAIN, /key is not known/],
      [{ type: 'robot', id: 'r2' }, 'workspace.view', MAIN, /not "robot"/],
      [user('mia'), 'workspace.sell', MAIN, /knows no action/],
      [user('mia'), 'workspace.view', { type: 'workspace', id: 'moon' }, /no workspace "moon"/],
      [user('mia'), 'workspace.view', { type: 'workspace', id: unknown }, /no workspace/],
      [user('mia'), 'product.view', { type: 'product', id: 'insights' }, /no product/],
      [user('mia'), 'product.view', { type: 'product', id: 'main/insights/more' }, /no product/],
      [user('mia'), 'workspace.view', { type: 'organization', id: 'other' }, /no organization/],
      [user('mia'), 'workspace.view', { type: 'galaxy', id: 'main' }, /no galaxy/],
    ] as const) {
      const { decision, context } = await ask(made, subject, action, resource);
      assert.equal(decision, false);
      assert.match(context.reason, said);
    }
  });

  it('TEN-1 given another organization’s people, keys and places, then they are not known here', async () => {
    const [one, two] = [await company('smart-ai-hub'), await company('smart-ai-hub')];
    for (const made of [one, two]) await give(made, 'mia', 'developer');
    const foreign = { type: 'user', id: await two.person('mia@acme.example') };
    assert.equal((await ask(one, foreign, 'agent.create', MAIN)).decision, false);
    const workspace = { type: 'workspace', id: (await two.api('get', '/workspaces/main')).body.id };
    assert.equal((await ask(one, user('mia'), 'agent.create', workspace)).decision, false);
    assert.equal((await ask(one, user('mia'), 'agent.create', { type: 'organization', id: two.slug })).decision, false);
    const key = await two.within((tx) =>
      createApiKey(tx, shipped('smart-ai-hub'), 'operator', { name: 'k', kind: 'service', scopes: ['agent.use'] }),
    );
    assert.equal((await ask(one, { type: 'api_key', id: key.id }, 'agent.use', MAIN)).decision, false);
    assert.equal((await ask(two, { type: 'api_key', id: key.id }, 'agent.use', MAIN)).decision, true);
  });

  it('given a question that lacks something or is malformed, then 400 names the field', async () => {
    const made = await company();
    const whole = { subject: user('mia'), action: { name: 'workspace.view' }, resource: MAIN };
    for (const [change, where] of [
      [{ subject: undefined }, 'subject'],
      [{ subject: 'mia' }, 'subject'],
      [{ subject: { type: 'user' } }, 'subject.id'],
      [{ subject: { id: 'mia' } }, 'subject.type'],
      [{ subject: user('mi\0a') }, 'subject.id'],
      [{ action: undefined }, 'action'],
      [{ action: {} }, 'action.name'],
      [{ action: { name: 7 } }, 'action.name'],
      [{ resource: undefined }, 'resource'],
      [{ resource: { type: 'workspace', id: '' } }, 'resource.id'],
    ] as const) {
      const { body, headers } = await post(made, { ...whole, ...change }).expect(400);
      assert.match(headers['content-type'] ?? '', /problem\+json/);
      assert.ok(
        body.errors.some((each: { where: string }) => each.where === `body.${where}`),
        `${where}: ${body.detail}`,
      );
    }
    const { headers } = await post(made, whole).expect(200);
    assert.equal(headers['x-request-id'], 'evaluation-1');
    assert.equal(headers['cache-control'], 'no-store');
  });
});

describe('who may ask', () => {
  it('given nobody, or an operator who names no or an unknown organization, then it is refused', async () => {
    await server.http.post('/access/v1/evaluation').send({}).expect(401);
    const asOperator = () => server.http.post('/access/v1/evaluation').set('Authorization', server.operator);
    const unnamed = await asOperator().send({}).expect(400);
    assert.equal(unnamed.body.where, 'X-Drawbridge-Organization');
    await asOperator().set('X-Drawbridge-Organization', 'nowhere').send({}).expect(404);
  });

  it('given a key with the scope, then it asks of its own organization only; without the scope, it may not', async () => {
    const [made, other] = [await company(), await company()];
    const asKey = async (scope: string) => {
      const wanted = { name: 'backend', kind: 'service', scopes: [scope] };
      const { key } = (await made.api('post', '/api-keys').send(wanted).expect(201)).body;
      return server.http
        .post('/access/v1/evaluation')
        .set('Authorization', `Bearer ${key}`)
        .set('X-Drawbridge-Organization', other.slug)
        .send({ subject: user('mia'), action: { name: 'workspace.view' }, resource: MAIN });
    };
    await give(made, 'mia', 'member');
    assert.equal((await asKey('access:evaluate')).body.decision, true, 'its own, whatever the header says');
    assert.equal((await asKey('workspace.view')).status, 403);
  });
});
