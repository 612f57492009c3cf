/** Leavers who are kept, as a protected account or a last owner: for as long as that holds, and no longer. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sql } from 'kysely';
import { type Company, makeCompany } from '../harness/company.ts';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';

const database = await openTestDatabase();
const server = await startTestServer(database);

const person = (at: number, status = 'active') => `E${at},p${at}@acme.example,Person ${at},Sales,Agent,${status}`;
const protect = (acme: Company, isProtected: boolean) =>
  acme.within(({ db }) => sql`UPDATE users SET protected = ${isProtected} WHERE email = 'p1@acme.example'`.execute(db));
const status = (acme: Company) =>
  acme.within(async ({ db }) => {
    const found = db.selectFrom('users').select('status').where('email', '=', 'p1@acme.example');
    return (await found.executeTakeFirstOrThrow()).status;
  });

describe('a leaver who is kept', () => {
  for (const [how, feed] of [
    ['missing', [person(0), person(2)]],
    ['inactive', [person(0), person(1, 'terminated'), person(2)]],
  ] as const) {
    it(`given a protected account that is ${how}, then a person is asked once, derived access ends, and it leaves once it is protected no more`, async () => {
      const acme = await makeCompany(server, database);
      const rule = { condition: '$.department == "Sales"', scope: { workspace: 'main' }, role: 'member' };
      await acme.api('put', '/mapping-rules/sales').send(rule).expect(200);
      acme.write(person(0), person(1), person(2));
      await acme.sync();
      await protect(acme, true);

      acme.write(...feed);
      const held = await acme.sync();
      assert.deepEqual([held.status, held.guards.map(({ guard }) => guard)], ['held', ['last-owner']]);
      await acme.api('post', `/runs/${held.id}/approve`).send({}).expect(200);
      assert.deepEqual([await status(acme), await acme.memberships('p1@acme.example')], ['active', []]);

      const again = await acme.sync();
      assert.deepEqual([again.status, again.counts], ['applied', {}], 'told once, not every night');
      assert.equal(await status(acme), 'active');

      await protect(acme, false);
      assert.deepEqual((await acme.sync()).counts, { 'user.deprovision': 1 });
      assert.equal(await status(acme), 'deprovisioned');
    });
  }
});
