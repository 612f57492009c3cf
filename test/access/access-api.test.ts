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

const PEOPLE = ['olga', 'adam', 'mia', 'ben'];

/** A company with four people, known to HR, and nobody with a role yet. */
async function company(model = 'atomyx'): Promise<Company> {
  const made = await makeCompany(server, database, { model });
  made.write(...PEOPLE.map((name) => `${name},${name}@acme.example,${name},Sales,Agent,active`));
  await made.sync();
  return made;
}

const give = (made: Company, name: string, role: string, scope: unknown = { workspace: 'main' }, more: object = {}) =>
  made.api('post', '/memberships').send({ user: `${name}@acme.example`, role, scope, ...more });

/** Calls as a signed-in person. */
async function as(made: Company, name: string) {
  const userId = await made.person(`${name}@acme.example`);
  const { token } = await made.within((tx) =>
    startSession(tx, { userId, connectionId: null, authenticatedBy: 'saml' }),
  );
  const call = signedIn(server, token);
  return (method: 'get' | 'post' | 'put' | 'patch' | 'delete', path: string) =>
    call(method, `/organizations/${made.slug}${path}`);
}

const countEvents = (made: Company) =>
  made.within(async ({ db }) =>
    Number((await sql<{ n: number }>`SELECT count(*)::int AS n FROM audit_events`.execute(db)).rows[0]?.n),
  );

describe('memberships by hand', () => {
  it('given the operator, then they give a role with a reason, and it says who gave it and why', async () => {
    const made = await company();
    await give(made, 'olga', 'owner', { workspace: 'main' }, { reason: 'founder' }).expect(201);
    const { body } = await made.api('get', '/people/olga@acme.example').expect(200);
    assert.partialDeepStrictEqual(body.memberships, [
      { place: 'main', role: 'owner', source: 'manual', grantedBy: 'operator', reason: 'founder', rule: null },
    ]);
  });

  it('given a person of some rank, then they give up to it, manage below it, and nothing above or to themselves', async () => {
    const made = await company();
    await give(made, 'olga', 'owner').expect(201);
    await give(made, 'adam', 'admin').expect(201);
    const adam = await as(made, 'adam');
    const member = await adam('post', '/memberships')
      .send({ user: 'mia@acme.example', role: 'member', scope: { workspace: 'main' } })
      .expect(201);
    const above = await adam('post', '/memberships')
      .send({ user: 'ben@acme.example', role: 'owner', scope: { workspace: 'main' } })
      .expect(403);
    assert.match(above.body.detail, /not below the giver's own/);
    await adam('post', '/memberships')
      .send({ user: 'adam@acme.example', role: 'member', scope: { workspace: 'main' } })
      .expect(403);
    const bound = await adam('patch', `/memberships/${member.body.id}`).send({ role: 'billing' }).expect(403);
    assert.match(bound.body.detail, /includes "billing.manage", which the giver doesn't have/);
    await adam('delete', `/memberships/${member.body.id}`).expect(204);
    assert.deepEqual(await made.memberships('mia@acme.example'), []);
    const ben = await give(made, 'ben', 'member').expect(201);
    await adam('patch', `/memberships/${ben.body.id}`).send({ role: 'admin' }).expect(204);
    assert.deepEqual(await made.memberships('ben@acme.example'), ['main:admin (manual)']);
    await adam('delete', `/memberships/${ben.body.id}`).expect(403);
    const owner = (await made.api('get', '/memberships')).body.memberships.find(
      (each: { role: string }) => each.role === 'owner',
    );
    await adam('delete', `/memberships/${owner.id}`).expect(403);
  });

  it('given somebody without the right, then nothing of people is theirs to see or change', async () => {
    const made = await company();
    await give(made, 'mia', 'member').expect(201);
    const mia = await as(made, 'mia');
    const before = await countEvents(made);
    await mia('get', '/people').expect(403);
    await mia('post', '/memberships')
      .send({ user: 'ben@acme.example', role: 'member', scope: { workspace: 'main' } })
      .expect(403);
    await mia('post', '/people/ben@acme.example/offboard').send({ reason: 'x' }).expect(403);
    await mia('put', '/mapping-rules/mine')
      .send({ condition: 'exists($.id)', scope: { workspace: 'main' }, role: 'admin' })
      .expect(403);
    assert.equal(await countEvents(made), before + 4, 'each refusal is told, and nothing was changed');
  });

  it('given the last owner, then the role can neither be taken nor changed, only handed over', async () => {
    const made = await company();
    const { body } = await give(made, 'olga', 'owner').expect(201);
    assert.match(
      (await made.api('delete', `/memberships/${body.id}`).expect(409)).body.detail,
      /last holder of "Owner"/,
    );
    await made.api('patch', `/memberships/${body.id}`).send({ role: 'member' }).expect(409);
    await give(made, 'adam', 'admin').expect(201);
    const olga = await as(made, 'olga');
    await olga('post', '/ownership-transfers')
      .send({ role: 'owner', scope: { workspace: 'main' }, to: 'mia@acme.example' })
      .expect(403);
    await olga('post', '/ownership-transfers')
      .send({ role: 'owner', scope: { workspace: 'main' }, to: 'adam@acme.example' })
      .expect(204);
    assert.deepEqual(await made.memberships('adam@acme.example'), ['main:owner (ownership)']);
    assert.deepEqual(await made.memberships('olga@acme.example'), ['main:admin (manual)']);
  });

  it('given two owners who step down at once, then one of them stays', async () => {
    const made = await company();
    const ids = [(await give(made, 'olga', 'owner')).body.id, (await give(made, 'adam', 'owner')).body.id];
    const answers = await Promise.all(
      ids.map((id) => made.api('delete', `/memberships/${id}`).then((answer) => answer.status)),
    );
    assert.deepEqual(answers.sort(), [204, 409]);
  });

  it('given somebody is let go while they are given a role, then they end without any, however the two meet', async () => {
    const made = await company();
    const leavers = Array.from({ length: 30 }, (_, at) => `leaver${at}`);
    made.write(...[...PEOPLE, ...leavers].map((name) => `${name},${name}@acme.example,${name},Sales,Agent,active`));
    await made.sync();
    const seen = new Set<number>();
    for (const [at, name] of leavers.entries()) {
      const leave = () => made.api('post', `/people/${name}@acme.example/offboard`).send({ reason: 'x' });
      const later = async <T>(milliseconds: number, start: () => PromiseLike<T>) => {
        await new Promise((wake) => setTimeout(wake, milliseconds));
        return start();
      };
      const [given, left] = await Promise.all([
        later(Math.max(0, 5 - (at % 10)), () => give(made, name, 'member')),
        later(Math.max(0, (at % 10) - 5), leave),
      ]);
      seen.add(given.status);
      assert.equal(left.status, 201, left.text);
    }
    for (const name of leavers) assert.deepEqual(await made.memberships(`${name}@acme.example`), [], name);
    assert.deepEqual(
      [...seen].filter((status) => ![201, 409].includes(status)),
      [],
    );
  });

  it('given an owner who hands over to two people at once, then one becomes owner, and the other hand-over is refused', async () => {
    const made = await company('ai-security-gateway');
    await give(made, 'olga', 'owner', 'organization').expect(201);
    for (const admin of ['adam', 'ben']) await give(made, admin, 'admin', 'organization').expect(201);
    const olga = await as(made, 'olga');
    const answers = await Promise.all(
      ['adam', 'ben'].map((to) =>
        olga('post', '/ownership-transfers')
          .send({ role: 'owner', scope: 'organization', to: `${to}@acme.example` })
          .then(({ status }) => status),
      ),
    );
    assert.deepEqual(answers.sort(), [204, 403]);
    const held = await Promise.all(['olga', 'adam', 'ben'].map((name) => made.memberships(`${name}@acme.example`)));
    assert.deepEqual(held.flat().sort(), [
      'organization:admin (manual)',
      'organization:admin (manual)',
      'organization:owner (ownership)',
    ]);
  });

  it('given somebody without the role, then a hand-over tells them nothing of who or what there is', async () => {
    const made = await company();
    await give(made, 'mia', 'member').expect(201);
    const mia = await as(made, 'mia');
    const answers = [];
    for (const [to, workspace] of [
      ['ben', 'main'],
      ['nobody', 'main'],
      ['ben', 'moon'],
    ]) {
      const wanted = { role: 'owner', scope: { workspace }, to: `${to}@acme.example` };
      answers.push((await mia('post', '/ownership-transfers').send(wanted).expect(403)).body.detail);
    }
    assert.equal(new Set(answers).size, 1, String(answers));
  });

  it('given the operator hands over for somebody, then they say for whom; given a leaver, then not to them', async () => {
    const made = await company('ai-security-gateway');
    await give(made, 'olga', 'owner', 'organization').expect(201);
    await give(made, 'adam', 'admin', 'organization').expect(201);
    const wanted = { role: 'owner', scope: 'organization', to: 'adam@acme.example' };
    await made.api('post', '/ownership-transfers').send(wanted).expect(400);
    await made.api('post', '/people/ben@acme.example/offboard').send({ reason: 'x' }).expect(201);
    await made
      .api('post', '/ownership-transfers')
      .send({ ...wanted, from: 'olga@acme.example', to: 'ben@acme.example' })
      .expect(409);
    await made
      .api('post', '/ownership-transfers')
      .send({ ...wanted, from: 'olga@acme.example' })
      .expect(204);
    assert.deepEqual(await made.memberships('adam@acme.example'), ['organization:owner (ownership)']);
  });

  it('TEN-5: given a key that acts as nobody, then it neither gives roles nor hands them over; that is told', async () => {
    const made = await company();
    const key = await made.api('post', '/api-keys').send({ name: 'b', kind: 'service', scopes: ['workspace.view'] });
    const path = `/api/v1/organizations/${made.slug}/ownership-transfers`;
    const refused = await server.http
      .post(path)
      .set('Authorization', `Bearer ${key.body.key}`)
      .send({ role: 'owner', scope: { workspace: 'main' }, to: 'mia@acme.example' })
      .expect(403);
    assert.match(refused.body.detail, /has no rank/);
    const { events } = (await made.api('get', '/audit-events?outcome=denied').expect(200)).body;
    assert.partialDeepStrictEqual(events, [{ action: 'membership.refused', actorKind: 'api_key' }]);
  });

  it('given a model that asks for reasons, then giving, changing and taking each need one', async () => {
    const made = await company('magone-ai');
    const why = { reason: 'project work' };
    await give(made, 'mia', 'org_member', 'organization').expect(400);
    const { body } = await give(made, 'mia', 'org_member', 'organization', why).expect(201);
    await made.api('patch', `/memberships/${body.id}`).send({ role: 'org_owner' }).expect(400);
    await made.api('delete', `/memberships/${body.id}`).expect(400);
    assert.deepEqual(await made.memberships('mia@acme.example'), ['organization:org_member (manual)']);
    // Promotion to project owner takes being a project member already.
    await give(made, 'mia', 'project_owner', { workspace: 'main' }, why).expect(400);
    const member = await give(made, 'mia', 'project_member', { workspace: 'main' }, why).expect(201);
    await made
      .api('patch', `/memberships/${member.body.id}`)
      .send({ role: 'project_owner', ...why })
      .expect(204);
    await made.api('delete', `/memberships/${body.id}?reason=moved`).expect(204);
  });

  it('given an owner, then not for a limited time: the last one would end without anybody’s doing', async () => {
    const made = await company();
    const soon = { expiresAt: new Date(Date.now() + 86_400_000).toISOString() };
    assert.match((await give(made, 'olga', 'owner', undefined, soon).expect(400)).body.detail, /limited time/);
    const { body } = await give(made, 'adam', 'admin', undefined, soon).expect(201);
    await made.api('patch', `/memberships/${body.id}`).send({ role: 'owner' }).expect(400);
  });

  it('given two memberships by hand in one place, then neither is changed into the other’s kind', async () => {
    const made = await company();
    await give(made, 'olga', 'owner').expect(201);
    await give(made, 'adam', 'admin').expect(201);
    const olga = await as(made, 'olga');
    const handOver = { role: 'owner', scope: { workspace: 'main' }, to: 'adam@acme.example' };
    await olga('post', '/ownership-transfers').send(handOver).expect(204);
    await give(made, 'adam', 'member').expect(201);
    await give(made, 'ben', 'owner').expect(201);
    const { memberships } = (await made.api('get', '/people/adam@acme.example')).body;
    const owned = memberships.find(({ source }: { source: string }) => source === 'ownership');
    assert.match(
      (await made.api('patch', `/memberships/${owned.id}`).send({ role: 'admin' }).expect(409)).body.detail,
      /by hand already/,
    );
  });

  it('given every change and refusal, then each is told once, with who, whom, what and why', async () => {
    const made = await company();
    const why = { reason: 'because' };
    await give(made, 'olga', 'owner', undefined, why).expect(201);
    const adam = (await give(made, 'adam', 'member', undefined, why).expect(201)).body.id;
    await made
      .api('patch', `/memberships/${adam}`)
      .send({ role: 'admin', ...why })
      .expect(204);
    const mia = (await give(made, 'mia', 'member', undefined, why).expect(201)).body.id;
    await made.api('delete', `/memberships/${mia}?reason=because`).expect(204);
    const byAdam = await as(made, 'adam');
    const above = { user: 'ben@acme.example', role: 'owner', scope: { workspace: 'main' } };
    await byAdam('post', '/memberships').send(above).expect(403);
    const olga = await as(made, 'olga');
    await olga('post', '/ownership-transfers')
      .send({ role: 'owner', scope: { workspace: 'main' }, to: 'adam@acme.example', ...why })
      .expect(204);

    const { events } = (await made.api('get', '/audit-events?limit=500').expect(200)).body;
    const names = new Map(
      await Promise.all(
        PEOPLE.map(async (name): Promise<[string, string]> => [await made.person(`${name}@acme.example`), name]),
      ),
    );
    const told = events
      .filter(({ action }: { action: string }) =>
        /^(membership\.(granted|changed|removed|refused)|ownership)/.test(action),
      )
      .map((each: Record<string, string> & { detail: { role: string } }) =>
        [
          each['actorLabel'],
          each['action'],
          names.get(each['resourceId'] ?? '') ?? each['resourceId'],
          each.detail.role,
          each['outcome'],
          each['reason'],
        ].join(' | '),
      )
      .reverse();
    assert.deepEqual(told, [
      'operator | membership.granted | olga | owner | success | because',
      'operator | membership.granted | adam | member | success | because',
      'operator | membership.changed | adam | admin | success | because',
      'operator | membership.granted | mia | member | success | because',
      'operator | membership.removed | mia | member | success | because',
      `adam@acme.example | membership.refused | ben@acme.example | owner | denied | The role "Owner" is not below the giver's own.`,
      'olga@acme.example | ownership.transferred | adam | owner | success | because',
    ]);
  });

  it('given many memberships, then pages give each of them once, and filters narrow', async () => {
    const made = await company();
    for (const name of PEOPLE) await give(made, name, 'member').expect(201);
    const mia = await made.person('mia@acme.example');
    await give(made, 'mia', 'viewer', { product: 'main/insights' }).expect(201);
    const seen: string[] = [];
    for (let cursor = ''; cursor !== 'end'; ) {
      const { body } = await made.api('get', `/memberships?limit=2${cursor && `&cursor=${cursor}`}`).expect(200);
      seen.push(...body.memberships.map(({ id }: { id: string }) => id));
      cursor = body.next ?? 'end';
    }
    assert.equal(new Set(seen).size, 5);
    assert.equal(seen.length, 5);
    const of = async (query: string) => (await made.api('get', `/memberships?${query}`).expect(200)).body.memberships;
    assert.deepEqual((await of(`user=${mia}`)).map(({ place }: { place: string }) => place).sort(), [
      'main',
      'main/insights',
    ]);
    const { id } = (await made.api('get', '/workspaces/main')).body;
    assert.equal((await of(`scope=${id}`)).length, 4);
    assert.equal((await of(`scope=${id}&user=${mia}`)).length, 1);
  });

  it('requires-layer: given somebody outside the workspace, then a product in it can’t be given', async () => {
    const made = await company();
    const refused = await give(made, 'mia', 'viewer', { product: 'main/insights' }).expect(409);
    assert.match(refused.body.remedy, /workspace first/);
    await give(made, 'mia', 'member').expect(201);
    await give(made, 'mia', 'viewer', { product: 'main/insights' }).expect(201);
  });

  it('single owner: given an organization of one owner, then the operator names the first, and nobody a second', async () => {
    const made = await company('ai-security-gateway');
    await give(made, 'olga', 'owner', 'organization').expect(201);
    assert.deepEqual(await made.memberships('olga@acme.example'), ['organization:owner (ownership)']);
    await give(made, 'adam', 'owner', 'organization').expect(400);
  });

  it('given bad input, then each is refused with what and where', async () => {
    const made = await company();
    assert.match((await give(made, 'mia', 'emperor').expect(400)).body.detail, /no role "emperor"/);
    await give(made, 'nobody', 'member').expect(404);
    await give(made, 'mia', 'member', { workspace: 'moon' }).expect(404);
    await give(made, 'mia', 'member', 'galaxy').expect(400);
    await give(made, 'mia', 'member', { workspace: 'main' }, { expiresAt: '2020-01-01T00:00:00Z' }).expect(400);
    await give(made, 'mia', 'member').expect(201);
    await give(made, 'mia', 'member').expect(409);
    await made.api('delete', '/memberships/not-an-id').expect(404);
  });
});

describe('mapping rules', () => {
  const RULE = { condition: '$.department == "Sales"', scope: { workspace: 'main' }, role: 'member' };

  it('given a rule is put, changed and removed, then memberships follow in the same request, and a second put changes nothing', async () => {
    const made = await company();
    const put = await made.api('put', '/mapping-rules/sales').send(RULE).expect(200);
    assert.deepEqual([put.body.action, put.body.gives, put.body.run.counts], ['create', 4, { 'membership.add': 4 }]);
    assert.deepEqual(await made.memberships('mia@acme.example'), ['main:member (mapping)']);
    const again = await made
      .api('put', '/mapping-rules/sales')
      .send({ ...RULE, condition: '$.department=="Sales"' })
      .expect(200);
    assert.deepEqual([again.body.action, again.body.run], ['keep', null], 'the same condition, spelled otherwise');
    await made
      .api('put', '/mapping-rules/sales')
      .send({ ...RULE, role: 'billing' })
      .expect(200);
    assert.deepEqual(await made.memberships('mia@acme.example'), ['main:billing (mapping)']);
    await made.api('delete', '/mapping-rules/sales').expect(200);
    assert.deepEqual(await made.memberships('mia@acme.example'), []);
  });

  it('given several rules for one place, then the highest rank wins; a denial takes away what rules give, not what people gave', async () => {
    const made = await company();
    await made.api('put', '/mapping-rules/sales').send(RULE).expect(200);
    await made
      .api('put', '/mapping-rules/agents')
      .send({ ...RULE, condition: '$.title == "Agent"', role: 'admin' })
      .expect(200);
    assert.deepEqual(await made.memberships('mia@acme.example'), ['main:admin (mapping)']);
    await give(made, 'ben', 'billing').expect(201);
    await made
      .api('put', '/mapping-rules/not-mia')
      .send({ ...RULE, condition: '$.id == "mia"', effect: 'deny', role: 'admin' })
      .expect(200);
    assert.deepEqual(await made.memberships('mia@acme.example'), ['main:member (mapping)']);
    assert.deepEqual(await made.memberships('ben@acme.example'), ['main:admin (mapping)', 'main:billing (manual)']);
  });

  it('TEN-5: given a person of some rank, then no rule of theirs gives, changes or takes what they may not give by hand', async () => {
    const made = await company('ai-security-gateway');
    const here = { condition: '$.id == "mia"', scope: 'organization' };
    await give(made, 'olga', 'owner', 'organization').expect(201);
    await give(made, 'adam', 'admin', 'organization').expect(201);
    await made
      .api('put', '/mapping-rules/chief')
      .send({ ...here, condition: '$.id == "ben"', role: 'admin' })
      .expect(200);
    const adam = await as(made, 'adam');
    const before = await countEvents(made);
    const put = (rule: string, more: object) => adam('put', `/mapping-rules/${rule}`).send({ ...here, ...more });
    assert.match((await put('up', { role: 'admin' }).expect(403)).body.detail, /not below the giver's own/);
    await put('owner', { role: 'owner' }).expect(403);
    await put('down', { effect: 'deny', role: 'admin' }).expect(403);
    await put('down', { effect: 'deny' }).expect(403);
    await put('chief', { role: 'viewer' }).expect(403);
    await adam('delete', '/mapping-rules/chief').expect(403);
    assert.deepEqual(await made.memberships('mia@acme.example'), []);
    assert.deepEqual(await made.memberships('ben@acme.example'), ['organization:admin (mapping)']);

    const { events } = (await made.api('get', '/audit-events?outcome=denied').expect(200)).body;
    assert.equal(await countEvents(made), before + 6, 'each refusal is told, and nothing else happened');
    assert.equal(events.length, 6);
    assert.partialDeepStrictEqual(events[5], {
      action: 'mapping_rule.refused',
      actorLabel: 'adam@acme.example',
      resourceId: 'up',
      reason: `The role "Admin" is not below the giver's own.`,
    });

    await put('up', { role: 'member' }).expect(200);
    assert.deepEqual(await made.memberships('mia@acme.example'), ['organization:member (mapping)']);
    await adam('delete', '/mapping-rules/up').expect(200);
  });

  it('given a bad rule, then it is refused with what and where, and nothing changes', async () => {
    const made = await company();
    const before = await countEvents(made);
    const put = (rule: object) => made.api('put', '/mapping-rules/bad').send({ ...RULE, ...rule });
    assert.match(
      (await put({ condition: '$.department ==' }).expect(400)).body.detail,
      /not an SQL\/JSON path predicate: .*syntax error/,
    );
    assert.match((await put({ role: 'owner' }).expect(400)).body.detail, /never given by a mapping rule/);
    assert.match((await put({ role: 'emperor' }).expect(400)).body.detail, /no role/);
    for (const condition of ['$.department', '$', '1', '$.seats + 1', '$ ? (@.department == "Sales")']) {
      assert.match((await put({ condition }).expect(400)).body.detail, /neither yes nor no/, condition);
    }
    await put({ condition: null }).expect(400);
    await put({ scope: { workspace: 'moon' } }).expect(404);
    await put({ directory: 'moon' }).expect(404);
    assert.equal(await countEvents(made), before);
    await made.api('get', '/mapping-rules/bad').expect(404);
  });
});

describe('people', () => {
  it('given many people, then pages give each of them once, and filters narrow', async () => {
    const made = await company();
    const seen: string[] = [];
    for (let cursor = ''; cursor !== 'end'; ) {
      const { body } = await made.api('get', `/people?limit=3${cursor && `&cursor=${cursor}`}`).expect(200);
      seen.push(...body.people.map(({ email }: { email: string }) => email));
      cursor = body.next ?? 'end';
    }
    assert.deepEqual(seen.sort(), PEOPLE.map((name) => `${name}@acme.example`).sort());
    await made.api('post', '/people/ben@acme.example/offboard').send({ reason: 'x' }).expect(201);
    const gone = await made.api('get', '/people?status=deprovisioned').expect(200);
    assert.deepEqual(
      gone.body.people.map(({ email }: { email: string }) => email),
      ['ben@acme.example'],
    );
    const found = await made.api('get', '/people?query=OLG').expect(200);
    assert.deepEqual(
      found.body.people.map(({ email }: { email: string }) => email),
      ['olga@acme.example'],
    );
    assert.equal((await made.api('get', '/people?query=%25').expect(200)).body.people.length, 0, 'a % is just a %');
    await made.api('get', '/people?query=%00').expect(400);
    await made.api('get', '/people/%00').expect(400);
    await made.api('get', '/people/nobody@acme.example').expect(404);
  });

  it('TEN: given another organization, then its people, memberships and rules do not exist here', async () => {
    const [one, two] = [await company(), await company()];
    const { body } = await give(one, 'olga', 'owner').expect(201);
    const olga = await one.person('olga@acme.example');
    await two.api('get', `/people/${olga}`).expect(404);
    await two.api('delete', `/memberships/${body.id}`).expect(404);
    const visitor = await as(one, 'olga');
    await visitor('get', '/people').expect(200);
    const { token } = await one.within((tx) =>
      startSession(tx, { userId: olga, connectionId: null, authenticatedBy: 'saml' }),
    );
    await signedIn(server, token)('get', `/organizations/${two.slug}/people`).expect(404);
  });
});
