/**
 * Everything at once: somebody is let go while they, their apps, their directory and their administrators go on giving them things.
 * Whatever comes first, nothing works for them afterwards. `RACE_ROUNDS` runs it for longer.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sql } from 'kysely';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';
import { within } from '../sign-in/arrange.ts';
import { type BusyPerson, busyCompany } from './busy-person.ts';

const ROUNDS = Number(process.env['RACE_ROUNDS'] ?? 3);
const PER_ROUND = 3;
const database = await openTestDatabase({ http: { trustProxy: true }, database: { poolSize: 20 } });
const server = await startTestServer(database);
const names = Array.from({ length: ROUNDS * PER_ROUND }, (_, at) => `p${at}`);
const company = await busyCompany(server, database, [...names, 'undisturbed']);
/** What a deed may meet: done, refused in whichever way, or not there any more. */
const EXPECTED = new Set([200, 201, 204, 303, 400, 401, 403, 404, 409, 412, 429]);

const letGo = (email: string) =>
  server.api('post', `/organizations/busy/people/${email}/offboard`).send({ reason: 'in the middle of it' });

async function isActive(token: string): Promise<boolean> {
  const asked = server.http.post('/oauth/introspect').set('Authorization', server.operator).type('form');
  return (await asked.send({ token }).expect(200)).body.active;
}

async function assertNothingWorks(person: BusyPerson): Promise<void> {
  const path = `/organizations/busy/people/${person.userId}`;
  const { body } = await server.api('get', path).expect(200);
  assert.deepEqual([body.status, body.memberships], ['deprovisioned', []]);
  for (const credential of [...person.keys, ...person.tokens]) assert.equal(await isActive(credential), false);
  for (const cookie of person.cookies) {
    await server.http.get('/me').set('Cookie', `drawbridge=${cookie}`).set('Accept', 'application/json').expect(401);
  }
}

/** A moment of up to 40 ms, so that in each round something else comes first. */
const moment = () => new Promise((wake) => setTimeout(wake, Math.random() * 40));

describe('let go in the middle of everything', () => {
  it('given nobody is let go, then each deed is done: none of what follows is refused for another reason', async () => {
    const person = await company.hire('undisturbed');
    const met: [string, number][] = [];
    for (const [name, deed] of Object.entries(person.deeds)) met.push([name, await deed()]);
    assert.deepEqual(
      met.filter(([, status]) => status >= 400),
      [],
    );
    for (const credential of [...person.keys, ...person.tokens])
      assert.equal(await isActive(credential), true, 'all of it works');
  });

  it(`given ${ROUNDS} rounds of ${PER_ROUND} people who sign in, refresh, make keys and are given roles while they are let go, then nothing works for any of them`, async () => {
    const met = new Map<number, number>();
    for (let round = 0; round < ROUNDS; round += 1) {
      const hired = names.slice(round * PER_ROUND, (round + 1) * PER_ROUND);
      const people: BusyPerson[] = [];
      for (const name of hired) people.push(await company.hire(name));
      const all = people.flatMap((person) => [
        ...Object.entries(person.deeds).map(async ([name, deed]) => {
          await moment();
          const status = await deed();
          met.set(status, (met.get(status) ?? 0) + 1);
          assert.ok(EXPECTED.has(status), `"${name}" met ${status}`);
        }),
        moment().then(() => letGo(person.email).expect(201)),
      ]);
      await Promise.all(all);
      for (const person of people) await assertNothingWorks(person);
    }
    const { residualAccess } = (await server.api('get', '/organizations/busy/residual-access').expect(200)).body;
    assert.deepEqual(residualAccess, []);
    const done = (met.get(200) ?? 0) + (met.get(201) ?? 0) + (met.get(303) ?? 0);
    assert.ok(done > 0 && met.size > 2, `both kinds of order were met: ${JSON.stringify([...met])}`);
    const living = await within(
      server.deps,
      company.where,
      sql`SELECT 1 FROM offboarding_cases c JOIN users u ON u.id = c.user_id AND u.status <> 'deprovisioned'`,
    );
    assert.deepEqual(living, []);
  });
});
