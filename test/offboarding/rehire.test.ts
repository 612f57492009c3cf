import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sql } from 'kysely';
import { startSession } from '../../src/credentials/session.ts';
import type { Company } from '../harness/company.ts';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';
import { signedIn } from '../harness/signed-in.ts';
import { companyWithPeople, isActive, LEA, leaActs, MAX } from './arrange.ts';

const database = await openTestDatabase();
const server = await startTestServer(database);
const WHO = '/people/lea@acme.example';

/** Lea, who beside the role that the rule gives holds some by hand, has been let go by an administrator. */
async function leaHasLeft(): Promise<Company & { key: string; token: string }> {
  const company = await companyWithPeople(server, database);
  const give = (role: string, scope: object, more: object = {}) =>
    company
      .api('post', '/memberships')
      .send({ user: 'lea@acme.example', role, scope, reason: 'x', ...more })
      .expect(201);
  await give('editor', { product: 'main/insights' });
  await give('billing', { workspace: 'main' });
  const { key, token } = await leaActs(server, company);
  await company.api('post', `${WHO}/offboard`).send({ reason: 'contract ended' }).expect(201);
  return { ...company, key, token };
}

const preview = async (company: Company) => (await company.api('get', `${WHO}/rehire`).expect(200)).body;
const rehire = (company: Company) => company.api('post', `${WHO}/rehire`).send({ reason: 'came back' });
const told = (lines: { role: string; place: string; why?: string }[]) =>
  lines.map(({ role, place, why }) => [role, place, why]);
const after = (company: Company, days: number) =>
  company.within(({ db }) =>
    sql`UPDATE offboarding_cases SET opened_at = opened_at - ${days} * interval '1 day'`.execute(db),
  );

describe('rehire', () => {
  it('given a leaver within the grace period, then what would come back is shown before, and comes back; the rest is derived', async () => {
    const company = await leaHasLeft();
    const shown = await preview(company);
    assert.deepEqual(told(shown.restores), [
      ['editor', 'main/insights', undefined],
      ['billing', 'main', undefined],
    ]);
    assert.deepEqual(told(shown.withholds), [['admin', 'main', 'is derived anew, if the directory still says so']]);
    assert.deepEqual(await company.memberships('lea@acme.example'), [], 'looking changes nothing');

    await rehire(company).expect(200);
    assert.deepEqual(await company.memberships('lea@acme.example'), [
      'main/insights:editor (manual)',
      'main:admin (mapping)',
      'main:billing (manual)',
    ]);
    assert.equal((await company.api('get', WHO)).body.status, 'active');
  });

  it('given a rehire, then no key, token or session of before works again', async () => {
    const company = await leaHasLeft();
    await rehire(company).expect(200);
    assert.deepEqual([await isActive(server, company.key), await isActive(server, company.token)], [false, false]);
  });

  it('given the grace period is over, then they come back with what is derived alone', async () => {
    const company = await leaHasLeft();
    await after(company, 31);
    assert.match((await preview(company)).withholds[0].why, /30 days .* are over/);
    await rehire(company).expect(200);
    assert.deepEqual(await company.memberships('lea@acme.example'), ['main:admin (mapping)']);
  });

  it('given an administrative role, a role that expired meanwhile, or a place that is gone, then it is withheld and said why', async () => {
    const company = await companyWithPeople(server, database);
    await company.api('put', '/workspaces/lab').send({}).expect(200);
    const give = (role: string, workspace: string, more: object = {}) =>
      company
        .api('post', '/memberships')
        .send({ user: 'lea@acme.example', role, scope: { workspace }, reason: 'x', ...more })
        .expect(201);
    await give('admin', 'main');
    await give('member', 'lab');
    await company.api('post', `${WHO}/offboard`).send({ reason: 'x' }).expect(201);
    await company.api('delete', '/workspaces/lab').expect(204);
    assert.deepEqual(
      told((await preview(company)).withholds.filter(({ why }: { why: string }) => !why.includes('derived'))),
      [
        ['admin', 'main', 'administrative roles are given anew by hand'],
        ['member', null, 'the place is there no more'],
      ],
    );
  });

  it('TEN-5 given an administrator who may not give a role, then it does not come back by their hand', async () => {
    const company = await leaHasLeft();
    const max = await company.person('max@acme.example');
    await company.within(({ db }) => sql`UPDATE memberships SET role = 'billing' WHERE user_id = ${max}`.execute(db));
    const session = await company.within((tx) =>
      startSession(tx, { userId: max, connectionId: null, authenticatedBy: 'saml' }),
    );
    const asMax = signedIn(server, session.token);
    await asMax('post', `/organizations/${company.slug}${WHO}/rehire`).send({ reason: 'x' }).expect(403);
  });

  it('given the directory still says that they have left, or somebody has their address, then 409 says what to put right', async () => {
    const company = await companyWithPeople(server, database);
    company.write(LEA.replace(',active', ',inactive'), MAX);
    await company.sync();
    assert.match((await preview(company)).obstacles[0], /directory hr says that they have left/);
    await rehire(company).expect(409);

    const other = await leaHasLeft();
    await other.within(({ db, organizationId }) =>
      sql`INSERT INTO users (organization_id, email) VALUES (${organizationId}, 'lea@acme.example')`.execute(db),
    );
    const former = (await other.api('get', '/people?status=deprovisioned').expect(200)).body.people[0].id;
    const refused = await other.api('post', `/people/${former}/rehire`).send({ reason: 'x' }).expect(409);
    assert.match(refused.body.detail, /Somebody else has their e-mail address/);
  });

  it('given somebody who has not left, or nobody, then 409 and 404', async () => {
    const company = await companyWithPeople(server, database);
    await company.api('get', `${WHO}/rehire`).expect(409);
    await company.api('post', '/people/nobody@acme.example/rehire').send({ reason: 'x' }).expect(404);
  });

  it('given the directory brings them back within the grace period, then the same comes back as by hand', async () => {
    const company = await companyWithPeople(server, database);
    await company
      .api('post', '/memberships')
      .send({ user: 'lea@acme.example', role: 'billing', scope: { workspace: 'main' }, reason: 'x' })
      .expect(201);
    company.write(LEA.replace(',active', ',inactive'), MAX);
    await company.sync();
    assert.deepEqual(await company.memberships('lea@acme.example'), []);
    company.write(LEA, MAX);
    await company.sync();
    assert.deepEqual(await company.memberships('lea@acme.example'), ['main:admin (mapping)', 'main:billing (manual)']);
    const { body } = await company.api('get', '/offboarding-cases').expect(200);
    assert.notEqual(body.cases[0].rehiredAt, null, 'the case says that they are back');
  });

  it('given two rehires and an offboarding at once, then the person ends as one of them said, with no half of it', async () => {
    const company = await leaHasLeft();
    const answers = await Promise.all([
      rehire(company),
      rehire(company),
      company.api('post', `${WHO}/offboard`).send({ reason: 'after all' }),
    ]);
    // Either comes first: one rehire, or one before and one after the offboarding.
    const back = answers.slice(0, 2).filter(({ status }) => status === 200).length;
    assert.ok(back >= 1, JSON.stringify(answers.map((each) => each.status)));
    const { status } = (await company.api('get', WHO)).body;
    assert.equal((await company.memberships('lea@acme.example')).length === 0, status === 'deprovisioned');
  });
});
