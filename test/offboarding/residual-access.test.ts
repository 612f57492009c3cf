/** Access that outlives its person: there is none, unless somebody plants it. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sql } from 'kysely';
import { sweepResidualAccess } from '../../src/offboarding/residual-access.ts';
import { type Company, makeCompany } from '../harness/company.ts';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';

const database = await openTestDatabase();
const server = await startTestServer(database);

async function companyWithoutLea(): Promise<Company> {
  const company = await makeCompany(server, database);
  company.write('E1,lea@acme.example,Lea,Engineering,Developer,active');
  await company.sync();
  await company.api('post', '/people/lea@acme.example/offboard').send({ reason: 'has left' }).expect(201);
  return company;
}

/** As a careless hand at the database would. */
async function plant(company: Company): Promise<void> {
  const lea = await company.person('lea@acme.example');
  await company.within(async ({ db, organizationId }) => {
    const row = sql`${organizationId}::uuid`;
    await sql`INSERT INTO sessions (organization_id, token_hash, user_id, access_epoch, authenticated_by, expires_at)
      VALUES (${row}, gen_random_uuid()::text::bytea, ${lea}, 2, 'hand', now() + interval '1 hour')`.execute(db);
    await sql`INSERT INTO grants (organization_id, token_hash, user_id, access_epoch, client, expires_at)
      VALUES (${row}, gen_random_uuid()::text::bytea, ${lea}, 2, 'hand', now() + interval '1 hour')`.execute(db);
    await sql`INSERT INTO api_keys (organization_id, kind, name, key_hash, display, environment, creator_id, responsible_id)
      SELECT ${row}, kind, 'hand', gen_random_uuid()::text::bytea, 'dbk', 'production', ${lea}, ${lea}
      FROM unnest(ARRAY['personal', 'service']) AS kind`.execute(db);
    await sql`INSERT INTO memberships (organization_id, user_id, scope_kind, workspace_id, role, source, granted_by)
      SELECT ${row}, ${lea}, 'workspace', id, 'admin', 'manual', 'hand' FROM workspaces`.execute(db);
  });
}

const seen = async (company: Company) =>
  (await company.api('get', '/residual-access').expect(200)).body.residualAccess.map(
    ({ kind, finding }: { kind: string; finding: string }) => `${kind}: ${finding}`,
  );
const alarms = async (company: Company) =>
  (await company.api('get', '/audit-events?action=residual_access.found').expect(200)).body.events.length;
/** The organization is moved to where it is three in the morning. */
const itIsNight = (company: Company) =>
  company.within(({ db }) =>
    sql`UPDATE organizations SET residual_checked_on = NULL, time_zone = (SELECT name FROM pg_timezone_names
      WHERE extract(hour FROM now() AT TIME ZONE name) = 3 LIMIT 1)`.execute(db),
  );

describe('residual access', () => {
  it('given somebody has left, then nothing is found', async () => {
    assert.deepEqual(await seen(await companyWithoutLea()), []);
  });

  it('given a session, token, keys and a role are planted on a leaver, then each is found, and audited by a check', async () => {
    const company = await companyWithoutLea();
    await plant(company);
    assert.deepEqual((await seen(company)).sort(), [
      'api_key: a key goes on and nobody here answers for it',
      'api_key: a key is not revoked',
      'grant: an access token is not revoked',
      'membership: holds the role admin',
      'session: a session has not ended',
    ]);
    const { body } = await company.api('post', '/residual-access/checks').expect(200);
    assert.deepEqual([body.found, await alarms(company)], [5, 5]);
  });

  it('given it is night where the organization is, when two instances tick all hour, then it is looked at once', async () => {
    const company = await companyWithoutLea();
    await plant(company);
    await sweepResidualAccess(server.deps);
    const before = await alarms(company);
    await itIsNight(company);
    await Promise.all([1, 2, 3].map(() => sweepResidualAccess(server.deps)));
    assert.equal((await alarms(company)) - before, 5);
  });

  it('TEN: another organization sees none of it', async () => {
    await plant(await companyWithoutLea());
    assert.deepEqual(await seen(await companyWithoutLea()), []);
  });
});
