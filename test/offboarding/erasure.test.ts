/** Erasure: afterwards no table names the person, and the audit's chain holds. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sql } from 'kysely';
import pg from 'pg';
import { sealOrganization } from '../../src/audit/seal.ts';
import { verifyOrganization } from '../../src/audit/verify.ts';
import { sweepRetention } from '../../src/offboarding/erase.ts';
import { until } from '../harness/command.ts';
import { type Company, makeCompany } from '../harness/company.ts';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';
import { companyWithPeople, LEA, leaActs, MAX } from './arrange.ts';
import { busyCompany } from './busy-person.ts';

const database = await openTestDatabase({ http: { trustProxy: true } });
const server = await startTestServer(database);
const owner = new pg.Client({ connectionString: database.ownerUrl });
await owner.connect();
database.onEnd(() => owner.end());
const GONE = LEA.replace(',active', ',inactive');

/** Tables in which a text stands anywhere, looked at as the owner of them all. */
async function tablesNaming(text: string): Promise<string[]> {
  const { rows: tables } = await owner.query<{ name: string }>(
    "SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname IN ('public', 'pgboss') ORDER BY 1",
  );
  const naming: string[] = [];
  await owner.query("SET app.role = 'locator'");
  for (const { name } of tables) {
    const { rows } = await owner.query(`SELECT 1 FROM ${name} AS t WHERE t::text ILIKE $1 LIMIT 1`, [`%${text}%`]);
    if (rows.length > 0) naming.push(name);
  }
  return naming;
}

const erase = (company: Pick<Company, 'api'>, who: string) =>
  company.api('delete', `/people/${who}/personal-data?reason=asked+for+it`);
const sealAndVerify = async (id: string) => {
  await sealOrganization(server.deps, id);
  return verifyOrganization(server.deps, id);
};

describe('erasure', () => {
  it('given somebody who did all that one can do here, when they have left and are erased, then no table names them any more', async () => {
    const busy = await busyCompany(server, database, ['quirinus']);
    const person = await busy.hire('quirinus');
    for (const deed of Object.values(person.deeds)) await deed();
    await server
      .api('post', '/organizations/busy/reviews')
      .send({ name: 'Quarter', dueAt: new Date(Date.now() + 86_400_000).toISOString(), reviewers: [person.email] })
      .expect(201);
    const api = (method: 'get' | 'post' | 'delete', path: string) => server.api(method, `/organizations/busy${path}`);
    await api('post', `/people/${person.email}/offboard`).send({ reason: 'Quirinus left' }).expect(201);
    await busy.scim.scim('delete', `/Users/${busy.recordOf(person.email)}`).expect(204);
    await busy.scim.inside(({ db }) => sql`UPDATE offboarding_cases SET closed_at = now()`.execute(db));
    // Requests are logged once they are answered.
    const logged = () =>
      busy.scim.inside(({ db }) => sql`SELECT FROM scim_requests WHERE method = 'DELETE'`.execute(db));
    await until(async () => (await logged()).rows.length > 0, 10, 'the request to be logged');
    assert.ok((await tablesNaming('quirinus')).length > 5, 'there is much to erase');
    assert.ok((await sealAndVerify(busy.where.id)).ok);

    await erase({ api: api as Company['api'] }, person.email).expect(200);
    assert.deepEqual(await tablesNaming('quirinus'), []);
    const verified = await sealAndVerify(busy.where.id);
    assert.deepEqual([verified.ok, verified.broken], [true, null]);
    assert.ok(verified.redacted > 5);
    const { body } = await api('get', `/people/${person.userId}`).expect(200);
    assert.deepEqual([body.status, body.displayName], ['deprovisioned', '']);
  });

  it('given events that are not sealed yet are redacted, then the chain holds too; given the same text of others, it stays', async () => {
    const company = await companyWithPeople(server, database);
    await leaActs(server, company);
    company.write(GONE, MAX);
    await company.sync();
    await erase(company, 'lea@acme.example').expect(200);
    assert.ok((await sealAndVerify(company.id)).ok);
    const { events } = (await company.api('get', '/audit-events?limit=500').expect(200)).body;
    assert.ok(events.some((event: object) => JSON.stringify(event).includes('max@acme.example')));
    const told = events.filter(({ action }: { action: string }) => action === 'user.deprovisioned');
    assert.equal(told[0].detail.email, '[erased]');
  });

  it('given a redacted event is edited, or one is redacted without an event that vouches for it, then verification names it', async () => {
    const company = await companyWithPeople(server, database);
    company.write(GONE, MAX);
    await company.sync();
    await erase(company, 'lea@acme.example').expect(200);
    await sealAndVerify(company.id);
    const walls = (how: string) => owner.query(`ALTER TABLE audit_events ${how} ROW LEVEL SECURITY`);
    await walls('NO FORCE');
    const { rows } = await owner.query<{ id: number; reason: string }>(
      "UPDATE audit_events SET reason = 'another' WHERE action = 'user.deprovisioned' AND organization_id = $1 RETURNING id, reason",
      [company.id],
    );
    const edited = await verifyOrganization(server.deps, company.id);
    assert.deepEqual([edited.broken?.kind, edited.broken?.eventId], ['edited', Number(rows[0]?.id)]);
    await owner.query("UPDATE audit_events SET reason = 'inactive in the feed' WHERE id = $1", [rows[0]?.id]);
    assert.ok((await verifyOrganization(server.deps, company.id)).ok);
    await owner.query(
      'UPDATE audit_events SET detail = detail || \'{"digest": "x"}\' WHERE action = \'audit.redacted\' AND organization_id = $1',
      [company.id],
    );
    await walls('FORCE');
    assert.equal((await verifyOrganization(server.deps, company.id)).broken?.kind, 'edited');
  });

  it('given somebody who has not left, whose case is open, or whom a directory still names, then 409 says what to do first', async () => {
    const company = await companyWithPeople(server, database);
    await erase(company, 'lea@acme.example').expect(409);
    await company.api('post', '/people/lea@acme.example/offboard').send({ reason: 'x' }).expect(201);
    assert.match((await erase(company, 'lea@acme.example').expect(409)).body.detail, /directory hr still names them/);
    company.write(GONE, MAX);
    await company.sync();
    await company.within(({ db }) => sql`UPDATE offboarding_cases SET closed_at = NULL`.execute(db));
    assert.match((await erase(company, 'lea@acme.example').expect(409)).body.detail, /not finished/);
    await company.within(({ db }) => sql`UPDATE offboarding_cases SET closed_at = now()`.execute(db));
    const { userId } = (await erase(company, 'lea@acme.example').expect(200)).body;
    await erase(company, userId).expect(409);
    await erase(company, 'lea@acme.example').expect(404);
  });

  it('given a retention, when it is over, then the clock erases those who left before, and nobody else', async () => {
    const company = await companyWithPeople(server, database);
    company.write(GONE, MAX);
    await company.sync();
    await company.api('patch', '').send({ eraseAfterDays: 30 }).expect(200);
    const erased = async () =>
      (await company.within(({ db }) => sql`SELECT 1 FROM users WHERE erased_at IS NOT NULL`.execute(db))).rows.length;
    await sweepRetention(server.deps);
    assert.equal(await erased(), 0);
    await company.within(({ db }) =>
      sql`UPDATE users SET deprovisioned_at = now() - interval '31 days' WHERE status = 'deprovisioned'`.execute(db),
    );
    await sweepRetention(server.deps);
    assert.equal(await erased(), 1);
    assert.ok((await sealAndVerify(company.id)).ok);
  });

  it('given an erased leaver still stands in the feed as inactive, when it runs again, then nobody comes to be; as active, somebody new', async () => {
    const company = await companyWithPeople(server, database);
    company.write(GONE, MAX);
    await company.sync();
    await erase(company, 'lea@acme.example').expect(200);
    await company.sync();
    const people = async () =>
      (await company.api('get', '/people').expect(200)).body.people
        .map(({ status }: { status: string }) => status)
        .sort();
    assert.deepEqual(await people(), ['active', 'deprovisioned']);
    company.write(LEA, MAX);
    await company.sync();
    assert.deepEqual(await people(), ['active', 'active', 'deprovisioned']);
  });

  it('TEN-1 given another organization, then 404', async () => {
    const [company, other] = [await companyWithPeople(server, database), await makeCompany(server, database)];
    await erase(other, await company.person('lea@acme.example')).expect(404);
  });
});
