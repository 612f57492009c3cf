import assert from 'node:assert/strict';
import { appendFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { sql } from 'kysely';
import { type Company, makeCompany } from '../harness/company.ts';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';

const database = await openTestDatabase();
const server = await startTestServer(database);

const ANA = 'E1,ana@acme.example,Ana,Engineering,Developer,active';
const BEN = 'E2,ben@acme.example,Ben,Sales,Manager,active';
const CAM = 'E3,cam@acme.example,Cam,Engineering,Developer,active';
const many = (count: number) =>
  Array.from({ length: count }, (_, at) => `M${at},person${at}@acme.example,Person ${at},Support,Agent,active`);

/** A rule written straight into its table: how rules are made has tests of its own. */
async function rule(
  company: Company,
  slug: string,
  condition: string,
  place: 'main' | 'main/insights',
  role: string,
): Promise<void> {
  await company.within(async ({ db, organizationId }) => {
    await sql`
      INSERT INTO mapping_rules (organization_id, slug, condition, scope_kind, workspace_id, product_id, role)
      SELECT ${organizationId}::uuid, ${slug}, ${condition}::jsonpath, ${place === 'main' ? 'workspace' : 'product'}, w.id,
        CASE WHEN ${place} = 'main/insights' THEN p.id END, ${role}
      FROM workspaces w JOIN products p ON p.workspace_id = w.id`.execute(db);
  });
}

/** Everything that a run could change. */
async function stateOf(company: Company): Promise<unknown> {
  return company.within(async ({ db }) => ({
    users: await db.selectFrom('users').select(['email', 'status', 'access_epoch']).orderBy('email').execute(),
    facts: await db
      .selectFrom('directory_users')
      .select(['source_key', 'active', 'email', 'attributes'])
      .orderBy('source_key')
      .execute(),
    memberships: await db
      .selectFrom('memberships')
      .select(['user_id', 'role', 'scope_id'])
      .orderBy('user_id')
      .orderBy('scope_id')
      .execute(),
  }));
}

async function standardCompany(guards: Record<string, number> = {}): Promise<Company> {
  const company = await makeCompany(server, database, { guards });
  await rule(company, 'everybody', 'exists($.department)', 'main', 'member');
  await rule(company, 'engineering', '$.department == "Engineering"', 'main/insights', 'editor');
  return company;
}

describe('an HR feed by CSV', () => {
  it('given a feed and rules, when it is pulled, then people and memberships are made with source, rule and reason', async () => {
    const company = await standardCompany();
    company.write(ANA, BEN);
    const run = await company.sync();
    assert.equal(run.status, 'applied');
    assert.deepEqual(await company.memberships('ana@acme.example'), [
      'main/insights:editor (mapping)',
      'main:member (mapping)',
    ]);
    assert.deepEqual(await company.memberships('ben@acme.example'), ['main:member (mapping)']);
    const { granted_by, reason, run_id } = await company.within(({ db }) =>
      db.selectFrom('memberships').selectAll().where('role', '=', 'editor').executeTakeFirstOrThrow(),
    );
    assert.equal(granted_by, 'operator');
    assert.match(reason, /rule engineering: .*Engineering/);
    assert.equal(run_id, run.id);
  });

  it('given a plan asked for, then the plan is told and nothing is changed', async () => {
    const company = await standardCompany();
    company.write(ANA);
    const before = await stateOf(company);
    const run = await company.sync('plan');
    assert.equal(run.status, 'planned');
    assert.deepEqual(run.counts, { 'user.create': 1, 'membership.add': 2 });
    const { body } = await company.api('get', `/runs/${run.id}/changes`).expect(200);
    assert.deepEqual(
      body.changes.map((change: { kind: string; email: string }) => [change.kind, change.email]),
      [
        ['user.create', 'ana@acme.example'],
        ['membership.add', 'ana@acme.example'],
        ['membership.add', 'ana@acme.example'],
      ],
    );
    assert.deepEqual(await stateOf(company), before);
  });

  it('given an unchanged feed, when it is pulled again, then nothing changes', async () => {
    const company = await standardCompany();
    company.write(ANA, BEN);
    await company.sync();
    const before = await stateOf(company);
    const again = await company.sync();
    assert.deepEqual(again.counts, {});
    assert.deepEqual(await stateOf(company), before);
  });

  it('given somebody changes departments, when the feed is pulled, then their derived memberships follow', async () => {
    const company = await standardCompany();
    company.write(ANA, BEN);
    await company.sync();
    company.write(ANA.replace('Engineering', 'Sales'), BEN);
    await company.sync();
    assert.deepEqual(await company.memberships('ana@acme.example'), ['main:member (mapping)']);
  });

  it('given somebody is terminated, when the feed is pulled, then they are deprovisioned with a case and without memberships', async () => {
    const company = await standardCompany();
    company.write(ANA, BEN);
    await company.sync();
    company.write(ANA, BEN.replace('active', 'terminated'));
    const run = await company.sync();
    assert.deepEqual(run.counts, { 'user.deprovision': 1 });
    assert.deepEqual(await company.memberships('ben@acme.example'), []);
    const { body } = await company.api('get', '/offboarding-cases?user=ben@acme.example').expect(200);
    assert.equal(body.cases.length, 1);
    assert.equal(body.cases[0].runId, run.id);
    assert.equal(body.cases[0].ended.memberships[0].role, 'member');
  });

  it('given somebody is missing from a complete feed, then they are deprovisioned; back in it, they are the same person again', async () => {
    const company = await standardCompany();
    company.write(ANA, BEN, CAM);
    await company.sync();
    const id = await company.person('ben@acme.example');
    company.write(ANA, CAM);
    await company.sync();
    assert.deepEqual(await company.memberships('ben@acme.example'), []);
    company.write(ANA, BEN, CAM);
    const back = await company.sync();
    assert.deepEqual(back.counts, { 'user.reactivate': 1, 'membership.add': 1 });
    assert.equal(await company.person('ben@acme.example'), id);
    assert.deepEqual(await company.memberships('ben@acme.example'), ['main:member (mapping)']);
  });

  it('given a membership given by hand, when rules and feeds change, then it is never touched', async () => {
    const company = await standardCompany();
    company.write(ANA);
    await company.sync();
    await company.within(({ db, organizationId }) =>
      sql`INSERT INTO memberships (organization_id, user_id, scope_kind, workspace_id, role, source, granted_by)
        SELECT ${organizationId}::uuid, u.id, 'workspace', w.id, 'admin', 'manual', 'operator' FROM users u, workspaces w`.execute(
        db,
      ),
    );
    company.write(ANA.replace('Engineering', 'Sales'));
    await company.sync();
    assert.deepEqual(await company.memberships('ana@acme.example'), ['main:admin (manual)', 'main:member (mapping)']);
  });

  it('given a rule for a product and nobody in its workspace (requires-layer), then the product is withheld and the plan says why', async () => {
    const company = await makeCompany(server, database);
    await rule(company, 'engineering', '$.department == "Engineering"', 'main/insights', 'editor');
    company.write(ANA);
    const run = await company.sync();
    assert.deepEqual(run.counts, { 'user.create': 1, 'membership.withheld': 1 });
    assert.deepEqual(await company.memberships('ana@acme.example'), []);
  });
});

describe('addresses that wander', () => {
  const states = (company: Company) =>
    company.within(async ({ db }) =>
      (
        await sql<{ email: string; status: string }>`SELECT email, status FROM users ORDER BY email, status`.execute(db)
      ).rows.map(({ email, status }) => `${email} ${status}`),
    );

  it('FEED-14: given a leaver’s address goes to a new person, then that is another account, which inherits nothing', async () => {
    const company = await standardCompany();
    company.write(ANA, BEN);
    await company.sync();
    const former = await company.person('ana@acme.example');
    company.write(ANA.replace('active', 'terminated'), BEN);
    await company.sync();
    company.write(ANA.replace('active', 'terminated'), BEN, 'E9,ana@acme.example,Ana Second,Sales,Agent,active');
    const run = await company.sync();
    assert.equal(run.status, 'applied', JSON.stringify(run));
    assert.notEqual(await company.person('ana@acme.example'), former);
    assert.deepEqual(await states(company), [
      'ana@acme.example active',
      'ana@acme.example deprovisioned',
      'ben@acme.example active',
    ]);
  });

  it('FEED-14: given the former holder comes back under the same address, then nobody is guessed: a person decides', async () => {
    const company = await standardCompany();
    company.write(ANA, BEN);
    await company.sync();
    company.write(ANA.replace('active', 'terminated'), BEN);
    await company.sync();
    const second = 'E9,ana@acme.example,Ana Second,Sales,Agent,active';
    company.write(ANA.replace('active', 'terminated'), BEN, second);
    await company.sync();
    company.write(ANA, BEN, second);
    const answer = await company.api('post', '/directories/hr/runs').send({});
    assert.ok(answer.ok, JSON.stringify(answer.body));
    assert.deepEqual(await states(company), [
      'ana@acme.example active',
      'ana@acme.example deprovisioned',
      'ben@acme.example active',
    ]);
  });

  it('given two people swap addresses, then neither is changed unseen: the plan says whose address is in doubt', async () => {
    const company = await standardCompany();
    company.write(ANA, BEN);
    await company.sync();
    const before = await states(company);
    company.write(ANA.replace('ana@', 'ben@'), BEN.replace('ben@', 'ana@'));
    const run = await company.sync();
    assert.deepEqual(run.counts, { 'user.ambiguous': 2 });
    const { body } = await company.api('get', `/runs/${run.id}/changes`).expect(200);
    assert.match(body.changes[0].reason, /the new one belongs to somebody else/);
    assert.deepEqual(await states(company), before);
    assert.deepEqual(await company.memberships('ana@acme.example'), [
      'main/insights:editor (mapping)',
      'main:member (mapping)',
    ]);
  });
});

describe('guards', () => {
  it('FEED: given an empty feed, then the run is held and nobody is touched', async () => {
    const company = await standardCompany();
    company.write(ANA, BEN);
    await company.sync();
    const before = await stateOf(company);
    company.write();
    const run = await company.sync();
    assert.equal(run.status, 'held');
    assert.deepEqual(
      run.guards.map(({ guard }) => guard),
      ['empty-feed'],
    );
    assert.deepEqual(await stateOf(company), before);
  });

  it('given too large a share of leavers, then the run is held; approved by a person it is applied exactly as planned', async () => {
    const company = await standardCompany({ maxFeedShrink: 1 });
    company.write(...many(20));
    await company.sync();
    company.write(...many(12));
    const run = await company.sync();
    assert.equal(run.status, 'held');
    assert.ok(run.guards.some(({ guard }) => guard === 'deprovisions'));
    const approved = await company.api('post', `/runs/${run.id}/approve`).expect(200);
    assert.equal(approved.body.status, 'applied');
    const { rows } = await company.within(({ db }) =>
      sql`SELECT 1 FROM users WHERE status = 'deprovisioned'`.execute(db),
    );
    assert.equal(rows.length, 8);
  });

  it('given a held plan, when the world has moved since, then approving it is refused and changes nothing', async () => {
    const company = await standardCompany();
    company.write(...many(20));
    await company.sync();
    company.write(...many(10));
    const run = await company.sync();
    assert.equal(run.status, 'held');
    await company.within(({ db }) =>
      sql`UPDATE mapping_rules SET role = 'billing' WHERE slug = 'everybody'`.execute(db),
    );
    const before = await stateOf(company);
    const refused = await company.api('post', `/runs/${run.id}/approve`).expect(409);
    assert.match(refused.body.type, /plan-moved/);
    assert.deepEqual(await stateOf(company), before);
  });

  it('given a held plan, when it is discarded, then it can not be approved any more', async () => {
    const company = await standardCompany();
    company.write(...many(20));
    await company.sync();
    company.write();
    const run = await company.sync();
    await company.api('post', `/runs/${run.id}/discard`).expect(200);
    await company.api('post', `/runs/${run.id}/approve`).expect(409);
  });

  it('given the last owner is missing from the feed, then the owner stays and the run is held', async () => {
    const company = await standardCompany({ maxFeedShrink: 1 });
    company.write(ANA, BEN);
    await company.sync();
    await company.within(({ db, organizationId }) =>
      sql`INSERT INTO memberships (organization_id, user_id, scope_kind, workspace_id, role, source, granted_by)
        SELECT ${organizationId}::uuid, u.id, 'workspace', w.id, 'owner', 'ownership', 'operator' FROM users u, workspaces w
        WHERE u.email = 'ana@acme.example'`.execute(db),
    );
    company.write(BEN);
    const run = await company.sync();
    assert.equal(run.status, 'held');
    assert.ok(run.guards.some(({ guard }) => guard === 'last-owner'));
    await company.api('post', `/runs/${run.id}/approve`).expect(200);
    assert.ok(
      (await company.memberships('ana@acme.example')).includes('main:owner (ownership)'),
      'not even a person removes the last owner',
    );
  });
});

describe('a bad feed changes nothing and says what is wrong', () => {
  const cases: readonly [name: string, write: (company: Company) => void, message: RegExp][] = [
    ['a missing column', ({ feed }) => writeFileSync(feed, 'id,name\nE1,Ana\n'), /email/],
    ['a duplicate id', (company) => company.write(ANA, BEN, ANA.replace('ana@', 'other@')), /E1/],
    [
      'bytes that are not UTF-8',
      ({ feed }) => writeFileSync(feed, Buffer.from('id,email,name\nE1,ana@acme.example,\xff\xfe\n', 'latin1')),
      /UTF-8/,
    ],
    [
      'half a line',
      ({ feed }) => writeFileSync(feed, 'id,email,name,status\nE1,ana@acme.example,Ana,active\nE2,ben@ac'),
      /cut off/,
    ],
    [
      'too few fields',
      ({ feed }) => writeFileSync(feed, 'id,email,name,status\nE1,ana@acme.example\n'),
      /line 2|fields|columns/i,
    ],
    [
      'an address that is none',
      (company) => company.write(ANA.replace('ana@acme.example', 'ana')),
      /line 2: email is not an e-mail address/,
    ],
    [
      'an open quote',
      ({ feed }) => writeFileSync(feed, 'id,email,name,status\nE1,ana@acme.example,"Ana,active\n'),
      /quote/i,
    ],
    ['no file', ({ feed }) => unlinkSync(feed), /no such file/i],
  ];
  for (const [name, spoil, message] of cases) {
    it(`FEED: given ${name}, then the run fails with the cause and nothing is changed`, async () => {
      const company = await standardCompany();
      company.write(ANA, BEN);
      await company.sync();
      const before = await stateOf(company);
      spoil(company);
      const answer = await company.api('post', '/directories/hr/runs').send({});
      assert.equal(answer.status, 400, JSON.stringify(answer.body));
      assert.match(answer.headers['content-type'] ?? '', /application\/problem\+json/);
      assert.match(JSON.stringify(answer.body), message);
      assert.deepEqual(await stateOf(company), before);
      const { body } = await company.api('get', '/runs?limit=1').expect(200);
      assert.equal(body.runs[0].status, 'failed');
      const events = await company.within(({ db }) =>
        sql`SELECT 1 FROM audit_events WHERE action = 'sync.failed'`.execute(db),
      );
      assert.equal(events.rows.length, 1);
    });
  }

  it('FEED: given several mistakes, then all of them are listed with their lines', async () => {
    const company = await standardCompany();
    company.write(ANA, 'E2,ben at acme,Ben,Sales,Manager,active', 'E1,third@acme.example,Third,Sales,Manager,active');
    const { body } = await company.api('post', '/directories/hr/runs').send({}).expect(400);
    assert.deepEqual(body.errors.map(({ where }: { where: string }) => where).sort(), ['line 3', 'line 4']);
  });

  it('given a feed that grows while it is read, then it is not taken for a whole one', async () => {
    const company = await standardCompany();
    company.write(...many(20_000));
    const running = company
      .api('post', '/directories/hr/runs')
      .send({})
      .then((answer) => answer);
    let appended = 0;
    const growing = setInterval(
      () => appendFileSync(company.feed, `X${appended++},x${appended}@acme.example,X,Sales,Manager,active\n`),
      5,
    );
    const answer = await running;
    clearInterval(growing);
    assert.equal(answer.status, 400, JSON.stringify(answer.body));
    assert.match(answer.body.detail, /changed while it was read/);
  });
});

describe('two instances', () => {
  it('given two instances on one database, when both pull a directory at once, then one runs and the other says so', async () => {
    const other = await startTestServer(database);
    const company = await standardCompany();
    company.write(...many(3000));
    const path = `/organizations/${company.slug}/directories/hr/runs`;
    const answers = await Promise.all([server.api('post', path).send({}), other.api('post', path).send({})]);
    assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 409]);
    const { rows } = await company.within(({ db }) => sql`SELECT 1 FROM users`.execute(db));
    assert.equal(rows.length, 3000);
  });
});
