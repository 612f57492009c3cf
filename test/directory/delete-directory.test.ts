/** A directory that is deleted: what becomes of its people is said, never silent. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sql } from 'kysely';
import type { Company } from '../harness/company.ts';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';
import { companyWithPeople, isActive, leaActs } from '../offboarding/arrange.ts';

const database = await openTestDatabase();
const server = await startTestServer(database);
const remove = (company: Company, policy?: string) =>
  company.api('delete', `/directories/hr${policy === undefined ? '' : `?people=${policy}`}`);
const statuses = async (company: Company) =>
  (await company.api('get', '/people').expect(200)).body.people
    .map(({ email, status }: { email: string; status: string }) => `${email.split('@')[0]} ${status}`)
    .sort();

describe('deleting a directory', () => {
  it('given it states people and nothing is said of them, then 409 names the choices, and nothing changes', async () => {
    const company = await companyWithPeople(server, database);
    const { body } = await remove(company).expect(409);
    assert.deepEqual([body.people, body.policies], [2, ['keep', 'freeze', 'deprovision']]);
    await remove(company, 'forget').expect(400);
    await company.api('get', '/directories/hr').expect(200);
  });

  it('given keep, then people keep their access, by hand from now on', async () => {
    const company = await companyWithPeople(server, database);
    const { key } = await leaActs(server, company);
    assert.deepEqual((await remove(company, 'keep').expect(200)).body, { people: 2, withheld: 0 });
    assert.deepEqual(await company.memberships('lea@acme.example'), ['main:admin (manual)']);
    assert.deepEqual([await statuses(company), await isActive(server, key)], [['lea active', 'max active'], true]);
    await company.api('get', '/directories/hr').expect(404);
  });

  it('given freeze, then they are suspended and signed out, and come back with what they had', async () => {
    const company = await companyWithPeople(server, database);
    const { token } = await leaActs(server, company);
    await remove(company, 'freeze').expect(200);
    assert.deepEqual(
      [await statuses(company), await isActive(server, token)],
      [['lea suspended', 'max suspended'], false],
    );
    await company.api('post', '/people/lea@acme.example/reactivate').send({ reason: 'stays' }).expect(204);
    assert.deepEqual(await company.memberships('lea@acme.example'), ['main:admin (manual)']);
  });

  it('given deprovision, then they are let go each with a case, but no protected account and no last owner', async () => {
    const company = await companyWithPeople(server, database);
    const { key } = await leaActs(server, company);
    await company
      .api('post', '/memberships')
      .send({ user: 'max@acme.example', scope: { workspace: 'main' }, role: 'owner' })
      .expect(201);
    assert.deepEqual((await remove(company, 'deprovision').expect(200)).body, { people: 2, withheld: 1 });
    assert.deepEqual(
      [await statuses(company), await isActive(server, key)],
      [['lea deprovisioned', 'max active'], false],
    );
    const { cases } = (await company.api('get', '/offboarding-cases').expect(200)).body;
    assert.deepEqual(
      cases.map(({ trigger }: { trigger: string }) => trigger),
      ['directory-deleted'],
    );
    const { events } = (await company.api('get', '/audit-events?action=directory.deleted').expect(200)).body;
    assert.deepEqual([events[0].detail.policy, events[0].detail.withheld], ['deprovision', 1]);
  });

  it('given another directory states them too, then nothing is asked, and they stay as that one says', async () => {
    const company = await companyWithPeople(server, database);
    await company.api('put', '/directories/second').send({ kind: 'scim' }).expect(200);
    await company.within(({ db, organizationId }) =>
      sql`INSERT INTO directory_users (organization_id, directory_id, source_key, user_name, email, active, attributes, user_id, reconciled_present)
        SELECT ${organizationId}::uuid, s.id, u.email, u.email, u.email, true, '{"department": "Sales"}', u.id, true
        FROM users u, directories s WHERE s.slug = 'second'`.execute(db),
    );
    assert.deepEqual((await remove(company).expect(200)).body, { people: 0, withheld: 0 });
    assert.deepEqual(await statuses(company), ['lea active', 'max active']);
  });
});
