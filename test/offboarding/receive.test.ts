/** The receiver core: whatever protocol brings the word that somebody has left, the end is the same. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sql } from 'kysely';
import { receive, type Signal } from '../../src/offboarding/receive.ts';
import type { Company } from '../harness/company.ts';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';
import { companyWithPeople, isActive, LEA, leaActs, MAX } from './arrange.ts';

const database = await openTestDatabase();
const server = await startTestServer(database);

/** What is left of Lea: of her account, keys, tokens, roles, and what her case says of it. */
async function finalState(company: Company, { key, token }: { key: string; token: string }) {
  const person = (await company.api('get', '/people/lea@acme.example').expect(200)).body;
  const [only] = (await company.api('get', '/offboarding-cases').expect(200)).body.cases;
  return {
    status: person.status,
    memberships: person.memberships,
    works: [await isActive(server, key), await isActive(server, token)],
    ended: [only.ended.sessions, only.ended.grants, only.ended.apiKeys.length, only.ended.memberships.length],
    closed: only.closedAt !== null,
  };
}

const signal = (company: Company, kind: Signal['kind'], userId: string) =>
  company.within((tx) =>
    receive(server.deps, tx, { kind, userId, trigger: 'shared-signals', reason: 'account disabled' }),
  );

describe('the receiver', () => {
  it('given an administrator, a feed, and a signal each let somebody go, then the final state is the same', async () => {
    const ways: ((company: Company) => Promise<unknown>)[] = [
      (company) => company.api('post', '/people/lea@acme.example/offboard').send({ reason: 'x' }).expect(201),
      async (company) => {
        company.write(LEA.replace(',active', ',inactive'), MAX);
        await company.sync();
      },
      async (company) => assert.equal(await signal(company, 'left', await company.person('lea@acme.example')), 'left'),
    ];
    const states: unknown[] = [];
    for (const way of ways) {
      const company = await companyWithPeople(server, database);
      const held = await leaActs(server, company);
      await way(company);
      states.push(await finalState(company, held));
    }
    assert.deepEqual(states[1], states[0]);
    assert.deepEqual(states[2], states[0]);
  });

  it('given a protected account, then a signal signs them out, and says so to a person instead of letting them go', async () => {
    const company = await companyWithPeople(server, database);
    const { lea, token } = await leaActs(server, company);
    await company.within(({ db }) => sql`UPDATE users SET protected = true`.execute(db));
    assert.equal(await signal(company, 'left', lea), 'withheld');
    assert.equal((await company.api('get', '/people/lea@acme.example')).body.status, 'active');
    assert.equal(await isActive(server, token), false);
    const { events } = (await company.api('get', '/audit-events?action=user.deprovision_withheld').expect(200)).body;
    assert.equal(events.length, 1);
  });

  it('given they have left already, then nothing happens', async () => {
    const company = await companyWithPeople(server, database);
    const lea = await company.person('lea@acme.example');
    await company.api('post', '/people/lea@acme.example/offboard').send({ reason: 'x' }).expect(201);
    assert.equal(await signal(company, 'left', lea), 'had-left');
    assert.equal(await signal(company, 'signed-out', lea), 'had-left');
  });
});
