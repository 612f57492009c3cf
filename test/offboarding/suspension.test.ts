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
const order = (company: Company, verb: string, who = 'lea@acme.example') =>
  company.api('post', `/people/${who}/${verb}`).send({ reason: 'a lost laptop' });
const actions = async (company: Company, user: string) =>
  (await company.api('get', `/audit-events?resourceId=${user}`).expect(200)).body.events.map(
    (event: { action: string }) => event.action,
  );

describe('suspension', () => {
  it('given somebody at work, when they are suspended, then they are signed out and kept out, and keep what they are', async () => {
    const company = await companyWithPeople(server, database);
    const { lea, key, token, asLea } = await leaActs(server, company);
    await order(company, 'suspend').expect(204);
    assert.deepEqual([await isActive(server, key), await isActive(server, token)], [false, false]);
    await asLea('get', `/organizations/${company.slug}/api-keys`).expect(401);
    assert.deepEqual(await company.memberships('lea@acme.example'), ['main:admin (mapping)']);
    await assert.rejects(
      company.within((tx) => startSession(tx, { userId: lea, connectionId: null, authenticatedBy: 'saml' })),
      /suspended/,
    );
    const { body } = await company.api('get', '/offboarding-cases').expect(200);
    assert.deepEqual(body.cases, [], 'nobody has left');
  });

  it('given they are reactivated, then their key works again, but no former session or token', async () => {
    const company = await companyWithPeople(server, database);
    const { lea, key, token, asLea } = await leaActs(server, company);
    await order(company, 'suspend').expect(204);
    await order(company, 'reactivate').expect(204);
    assert.deepEqual([await isActive(server, key), await isActive(server, token)], [true, false]);
    await asLea('get', `/organizations/${company.slug}/api-keys`).expect(401);
    assert.deepEqual((await actions(company, lea)).slice(0, 2), ['user.reactivated', 'user.suspended']);
  });

  it('given a directory repeats "active", then the suspension stands; given it says "inactive", then they have left', async () => {
    const company = await companyWithPeople(server, database);
    await order(company, 'suspend').expect(204);
    await company.sync();
    const status = async () => (await company.api('get', '/people/lea@acme.example')).body.status;
    assert.equal(await status(), 'suspended');
    company.write(LEA.replace(',active', ',inactive'), MAX);
    await company.sync();
    assert.equal(await status(), 'deprovisioned');
    assert.match((await order(company, 'reactivate').expect(409)).body.remedy, /rehire/);
  });

  it('given they are suspended already, not suspended, protected, or a last owner, then 409 and nothing changes', async () => {
    const company = await companyWithPeople(server, database);
    await order(company, 'reactivate').expect(409);
    await order(company, 'suspend').expect(204);
    await order(company, 'suspend').expect(409);
    await company.within(async ({ db }) => {
      await sql`UPDATE users SET protected = true WHERE email = 'max@acme.example'`.execute(db);
    });
    await order(company, 'suspend', 'max@acme.example').expect(409);
    await company.within(async ({ db }) => {
      await sql`UPDATE users SET protected = false`.execute(db);
    });
    await company
      .api('post', '/memberships')
      .send({ user: 'max@acme.example', scope: { workspace: 'main' }, role: 'owner' });
    assert.match((await order(company, 'suspend', 'max@acme.example').expect(409)).body.detail, /last owner/);
    await order(company, 'suspend', 'nobody@acme.example').expect(404);
  });

  it('TEN-5 given a peer or oneself, when an administrator suspends, then 403, and the attempt is audited', async () => {
    const company = await companyWithPeople(server, database);
    const { lea, asLea } = await leaActs(server, company);
    const max = await company.person('max@acme.example');
    const suspend = (user: string) =>
      asLea('post', `/organizations/${company.slug}/people/${user}/suspend`).send({ reason: 'x' });
    await suspend(max).expect(403);
    await suspend(lea).expect(403);
    assert.equal((await actions(company, max))[0], 'user.suspend_refused');
  });

  it('given somebody signs in and makes keys while they are suspended, then nothing of it works until they are back', async () => {
    const company = await companyWithPeople(server, database);
    const { lea, asLea } = await leaActs(server, company);
    const acts = Array.from({ length: 8 }, (_, at) =>
      at % 2
        ? company
            .within((tx) => startSession(tx, { userId: lea, connectionId: null, authenticatedBy: 'saml' }))
            .then(
              ({ token }) => token,
              () => undefined,
            )
        : asLea('post', `/organizations/${company.slug}/access-tokens`)
            .send({ client: 'app' })
            .then(({ body }) => body.access_token as string | undefined),
    );
    const [, ...got] = await Promise.all([order(company, 'suspend').expect(204), ...acts]);
    for (const each of got.filter((token) => token !== undefined)) {
      if (each.startsWith('dbt_')) assert.equal(await isActive(server, each), false);
      else await signedIn(server, each)('get', `/organizations/${company.slug}/api-keys`).expect(401);
    }
    await order(company, 'reactivate').expect(204);
    for (const each of got.filter((token) => token?.startsWith('dbt_')))
      assert.equal(await isActive(server, each!), false);
  });
});
