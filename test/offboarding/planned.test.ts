/** What is known beforehand: departures at a date, and roles given for a time. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sql } from 'kysely';
import { endExpiredMemberships } from '../../src/access/expiry.ts';
import { carryOutDepartures } from '../../src/offboarding/planned-departure.ts';
import type { Company } from '../harness/company.ts';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';
import { companyWithPeople, isActive, leaActs } from './arrange.ts';

const database = await openTestDatabase();
const server = await startTestServer(database);
const FRIDAY = new Date(Date.now() + 3 * 86_400_000).toISOString();
const plan = (company: Company, more: object = {}) =>
  company
    .api('post', '/planned-departures')
    .send({ user: 'lea@acme.example', at: FRIDAY, reason: 'end of contract', ...more });
const departures = async (company: Company) =>
  (await company.api('get', '/planned-departures?all=true').expect(200)).body.departures;
const fridayComes = (company: Company) =>
  company.within(({ db }) => sql`UPDATE planned_departures SET due_at = now() - interval '1 minute'`.execute(db));
const status = async (company: Company) =>
  (await company.api('get', '/people/lea@acme.example').expect(200)).body.status;

describe('a departure that is planned', () => {
  it('given one, then it is seen with who and why, nothing ends before its time, and all of it then, by whichever of three clocks', async () => {
    const company = await companyWithPeople(server, database);
    const { key } = await leaActs(server, company);
    const planned = await plan(company).expect(201);
    assert.deepEqual(
      [planned.body.plannedBy, planned.body.reason, planned.body.state],
      ['operator', 'end of contract', 'planned'],
    );
    await carryOutDepartures(server.deps);
    assert.deepEqual([await status(company), await isActive(server, key)], ['active', true]);

    await fridayComes(company);
    await Promise.all([1, 2, 3].map(() => carryOutDepartures(server.deps)));
    assert.deepEqual([await status(company), await isActive(server, key)], ['deprovisioned', false]);
    const [done] = await departures(company);
    const { cases } = (await company.api('get', '/offboarding-cases').expect(200)).body;
    assert.deepEqual([done.state, done.settledBy, cases.length, cases[0].id], ['done', 'clock', 1, done.caseId]);
    assert.deepEqual([cases[0].trigger, cases[0].triggeredAt], ['planned', done.at]);
    assert.ok(cases[0].totalSeconds >= 60, 'the time is counted from the trigger');
  });

  it('given it is cancelled, then nothing happens when the time comes; given a second plan, then 409', async () => {
    const company = await companyWithPeople(server, database);
    const { body } = await plan(company).expect(201);
    await plan(company).expect(409);
    const cancel = () =>
      company.api('post', `/planned-departures/${body.id}/cancel`).send({ reason: 'stays after all' });
    await cancel().expect(200);
    await cancel().expect(409);
    await fridayComes(company);
    await carryOutDepartures(server.deps);
    assert.deepEqual([await status(company), (await departures(company))[0].state], ['active', 'cancelled']);
    await plan(company).expect(201);
  });

  it('given they left before, or became a last owner meanwhile, then it is overtaken, or withheld and audited', async () => {
    const company = await companyWithPeople(server, database);
    await plan(company).expect(201);
    await company.api('post', '/people/lea@acme.example/offboard').send({ reason: 'x' }).expect(201);
    await fridayComes(company);
    await carryOutDepartures(server.deps);
    assert.equal((await departures(company))[0].state, 'overtaken');

    const other = await companyWithPeople(server, database);
    await plan(other).expect(201);
    await other
      .api('post', '/memberships')
      .send({ user: 'lea@acme.example', scope: { workspace: 'main' }, role: 'owner' })
      .expect(201);
    await fridayComes(other);
    await carryOutDepartures(server.deps);
    const [withheld] = await departures(other);
    assert.match(`${withheld.state}: ${withheld.settledReason}`, /withheld: .*last owner/);
    assert.equal(await status(other), 'active');
    const { events } = (await other.api('get', '/audit-events?action=user.deprovision_withheld').expect(200)).body;
    assert.equal(events.length, 1);
  });

  it('given a time that has passed, nobody, another organization’s, or a peer, then it is refused', async () => {
    const [company, other] = [await companyWithPeople(server, database), await companyWithPeople(server, database)];
    await plan(company, { at: '2020-01-01T00:00:00Z' }).expect(400);
    await plan(company, { user: 'nobody@acme.example' }).expect(404);
    await plan(other, { user: await company.person('lea@acme.example') }).expect(404);
    const { asLea } = await leaActs(server, company);
    await asLea('post', `/organizations/${company.slug}/planned-departures`)
      .send({ user: 'max@acme.example', at: FRIDAY, reason: 'x' })
      .expect(403);
  });
});

describe('a role for a time', () => {
  it('given its time is over, then it is taken away once and audited; given it was the last one, nothing else happens', async () => {
    const company = await companyWithPeople(server, database);
    await company.within(({ db }) => sql`DELETE FROM memberships`.execute(db));
    await company
      .api('post', '/memberships')
      .send({ user: 'lea@acme.example', scope: { workspace: 'main' }, role: 'member', reason: 'x', expiresAt: FRIDAY })
      .expect(201);
    await endExpiredMemberships(server.deps);
    assert.deepEqual(await company.memberships('lea@acme.example'), ['main:member (manual)']);
    await company.within(({ db }) => sql`UPDATE memberships SET expires_at = now() - interval '1 second'`.execute(db));
    await Promise.all([1, 2, 3].map(() => endExpiredMemberships(server.deps)));
    assert.deepEqual(await company.memberships('lea@acme.example'), []);
    const { events } = (await company.api('get', '/audit-events?action=membership.expired').expect(200)).body;
    assert.deepEqual([events.length, events[0].detail.role], [1, 'member']);
    assert.equal(await status(company), 'active');
    assert.deepEqual((await company.api('get', '/offboarding-cases').expect(200)).body.cases, []);
  });
});
