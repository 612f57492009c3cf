/** Erasure: afterwards no table names the person, and the audit's chain holds. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sql } from 'kysely';
import pg from 'pg';
import { sealOrganization } from '../../src/audit/seal.ts';
import { verifyOrganization } from '../../src/audit/verify.ts';
import { sendDueMails } from '../../src/mail/send-due.ts';
import { sweepRetention } from '../../src/offboarding/erase.ts';
import type { TenantTransaction } from '../../src/store/tenant.ts';
import { startMailServer } from '../doubles/mail-server.ts';
import { until } from '../harness/command.ts';
import { type Company, makeCompany } from '../harness/company.ts';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';
import { companyWithPeople, LEA, leaActs, MAX } from './arrange.ts';
import { busyCompany } from './busy-person.ts';

const mailServer = await startMailServer();
const database = await openTestDatabase({ http: { trustProxy: true }, mail: mailServer.settings });
const server = await startTestServer(database);
database.onEnd(() => mailServer.close());
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

/** Rows that come to be only where much comes together: a reading that is held, somebody else's texts, what went wrong elsewhere. */
async function nameEverywhere({ db, organizationId }: TenantTransaction, email: string): Promise<void> {
  const org = sql`${organizationId}::uuid`;
  const text = `as ${email} asked, quirinus said`;
  const { rows } = await sql<{ directory: string; key: string; other: string }>`
    SELECT d.directory_id AS directory, d.source_key AS key, (SELECT id FROM users WHERE email <> ${email} LIMIT 1) AS other
    FROM directory_users d WHERE d.email = ${email}`.execute(db);
  const { directory, key, other } = rows[0]!;
  const { rows: runs } = await sql<{ id: string }>`
    INSERT INTO sync_runs (organization_id, directory_id, trigger, status, error) VALUES (${org}, ${directory}, 'request', 'held', ${text})
    RETURNING id`.execute(db);
  const run = sql`${runs[0]?.id}::uuid`;
  await sql`INSERT INTO staged_users (organization_id, run_id, source_key, user_name, email, display_name, active, attributes, fingerprint)
    VALUES (${org}, ${run}, ${key}, ${email}, ${email}, 'quirinus', false, '{}', gen_random_uuid())`.execute(db);
  await sql`INSERT INTO staged_links VALUES (${org}, ${run}, 'g', ${key}, 'user')`.execute(db);
  await sql`INSERT INTO staged_aliases VALUES (${org}, ${run}, 'cn=quirinus', ${key}, 'user')`.execute(db);
  await sql`INSERT INTO staged_gone VALUES (${org}, ${run}, 'user', ${key})`.execute(db);
  await sql`INSERT INTO staged_bad (organization_id, run_id, found_at, reason) VALUES (${org}, ${run}, 'line 3', ${text})`.execute(
    db,
  );
  await sql`INSERT INTO staged_members VALUES (${org}, ${run}, 'g', 'G', ${key})`.execute(db);
  await sql`INSERT INTO directory_links VALUES (${org}, ${directory}, 'g', ${key}, 'user')`.execute(db);
  await sql`INSERT INTO membership_exclusions (organization_id, user_id, scope_kind, role, reason, excluded_by)
    VALUES (${org}, ${other}, 'organization', 'viewer', ${text}, ${email})`.execute(db);
  await sql`INSERT INTO planned_departures (organization_id, user_id, due_at, reason, planned_by, state)
    VALUES (${org}, ${other}, now(), ${text}, ${email}, 'cancelled')`.execute(db);
  await sql`INSERT INTO ssf_receivers (organization_id, slug, issuer, jwks_uri, audience, on_disabled, last_error)
    VALUES (${org}, 'idp', 'x', 'x', 'x', 'suspend', ${text})`.execute(db);
  await sql`INSERT INTO custom_roles VALUES (${org}, 'own', 'Own', '{}', ${email})`.execute(db);
  await sql`UPDATE api_keys SET revoked_reason = ${text}, last_used_from = '203.0.113.77'`.execute(db);
}

const erase = (company: Pick<Company, 'api'>, who: string) =>
  company.api('delete', `/people/${who}/personal-data?reason=asked+for+it`);
/** What is written while another test's transaction is open, in whatever database of the cluster, is sealed a little later. */
const sealAndVerify = (id: string) =>
  until(
    async () => {
      await sealOrganization(server.deps, id);
      const verified = await verifyOrganization(server.deps, id);
      return (verified.unsealed === 0 || !verified.ok) && verified;
    },
    10,
    'every event to be sealed',
  );

describe('erasure', () => {
  it('given somebody who did all that one can do here, when they have left and are erased, then no table names them any more', async () => {
    const busy = await busyCompany(server, database, ['quirinus', 'rosa']);
    const person = await busy.hire('quirinus');
    for (const deed of Object.values(person.deeds)) await deed();
    await server
      .api('post', '/organizations/busy/reviews')
      .send({ name: 'Quarter', dueAt: new Date(Date.now() + 86_400_000).toISOString(), reviewers: [person.email] })
      .expect(201);
    const api = (method: 'get' | 'post' | 'delete', path: string) => server.api(method, `/organizations/busy${path}`);
    await busy.hire('rosa');
    await busy.scim.inside((tx) => nameEverywhere(tx, person.email));
    await sendDueMails(server.deps, busy.where.id);
    await api('post', `/people/${person.email}/offboard`).send({ reason: 'Quirinus left' }).expect(201);
    await busy.scim.scim('delete', `/Users/${busy.recordOf(person.email)}`).expect(204);
    await busy.scim.inside(({ db }) => sql`UPDATE offboarding_cases SET closed_at = now()`.execute(db));
    // Requests are logged once they are answered.
    const logged = () =>
      busy.scim.inside(({ db }) => sql`SELECT FROM scim_requests WHERE method = 'DELETE'`.execute(db));
    await until(async () => (await logged()).rows.length > 0, 10, 'the request to be logged');
    assert.ok((await tablesNaming('quirinus')).length >= 24, 'there is much to erase');
    assert.ok((await sealAndVerify(busy.where.id)).ok);

    await erase({ api: api as Company['api'] }, person.email).expect(200);
    assert.deepEqual(await tablesNaming('quirinus'), []);
    assert.ok((await tablesNaming('rosa@busy.test')).length > 5, 'of others nothing is erased');
    const { rows: from } = await busy.scim.inside(({ db }) =>
      sql<{
        left: number;
      }>`SELECT count(last_used_from)::int AS left FROM api_keys WHERE creator_id = ${person.userId}`.execute(db),
    );
    assert.equal(from[0]?.left, 0);
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

describe('an address that somebody else has by now', () => {
  it('given the leaver is erased, then what the new person has got and done under it stays', async () => {
    const company = await companyWithPeople(server, database);
    await company.api('post', '/people/lea@acme.example/offboard').send({ reason: 'x' }).expect(201);
    const left = await company.person('lea@acme.example');
    company.write(GONE, MAX, 'E9,lea@acme.example,Leonie,Engineering,Developer,active');
    await company.sync();
    const leonie = await company.person('lea@acme.example');
    assert.notEqual(leonie, left);
    await company.within(async ({ db, organizationId }) => {
      await sql`UPDATE offboarding_cases SET closed_at = now()`.execute(db);
      await sql`INSERT INTO mails (organization_id, kind, about, recipient, subject) VALUES (${organizationId}, 'x', 'x', 'lea@acme.example', 'Hello')`.execute(
        db,
      );
      await sql`UPDATE memberships SET granted_by = 'lea@acme.example' WHERE user_id <> ${leonie}`.execute(db);
    });
    await company.api('delete', `/people/${left}/personal-data?reason=asked`).expect(200);
    const { rows } = await company.within(({ db }) =>
      sql<{ mails: number; granted: number; email: string }>`
        SELECT (SELECT count(*)::int FROM mails WHERE recipient = 'lea@acme.example') AS mails,
          (SELECT count(*)::int FROM memberships WHERE granted_by = 'lea@acme.example') AS granted,
          (SELECT email FROM users WHERE id = ${leonie}) AS email`.execute(db),
    );
    assert.deepEqual(rows, [{ mails: 1, granted: 1, email: 'lea@acme.example' }]);
  });
});
