import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sql } from 'kysely';
import { startSession } from '../../src/credentials/session.ts';
import { sendDueMails } from '../../src/mail/send-due.ts';
import { sweepReviews } from '../../src/reviews/end.ts';
import { startMailServer } from '../doubles/mail-server.ts';
import { type Company, makeCompany } from '../harness/company.ts';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';
import { signedIn } from '../harness/signed-in.ts';

const mailServer = await startMailServer();
const database = await openTestDatabase({ mail: mailServer.settings });
const server = await startTestServer(database);
database.onEnd(() => mailServer.close());

const PEOPLE = ['olga', 'adam', 'mia', 'ben'];
const inDays = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString();

/** A company (atomyx) in whose workspace olga is owner, adam admin by hand, and mia and ben are members by a rule. */
async function company(): Promise<Company> {
  const made = await makeCompany(server, database);
  made.write(
    ...PEOPLE.map(
      (name) =>
        `${name},${name}@${made.slug}.example,${name},${name === 'mia' || name === 'ben' ? 'Sales' : 'Board'},Agent,active`,
    ),
  );
  await made.sync();
  await give(made, 'olga', 'owner').expect(201);
  await give(made, 'adam', 'admin').expect(201);
  const rule = { condition: '$.department == "Sales"', scope: { workspace: 'main' }, role: 'member' };
  await made.api('put', '/mapping-rules/sales').send(rule).expect(200);
  return made;
}

const mail = (made: Company, name: string) => `${name}@${made.slug}.example`;
const give = (made: Company, name: string, role: string) =>
  made.api('post', '/memberships').send({ user: mail(made, name), role, scope: { workspace: 'main' } });
const held = (made: Company, name: string) => made.memberships(mail(made, name));

async function as(made: Company, name: string) {
  const userId = await made.person(mail(made, name));
  const { token } = await made.within((tx) =>
    startSession(tx, { userId, connectionId: null, authenticatedBy: 'saml' }),
  );
  const call = signedIn(server, token);
  return (method: 'get' | 'post' | 'delete', path: string) => call(method, `/organizations/${made.slug}${path}`);
}

const start = (made: Company, more: object = {}) =>
  made.api('post', '/reviews').send({ name: 'Quarter', scope: { workspace: 'main' }, dueAt: inDays(30), ...more });

interface Item {
  readonly id: string;
  readonly email: string;
  readonly role: string;
  readonly outcome: string | null;
  readonly outcomeReason: string | null;
}

async function itemsOf(call: Company['api'], review: string, query = ''): Promise<Item[]> {
  return (await call('get', `/reviews/${review}/items${query}`).expect(200)).body.items;
}

async function itemOf(made: Company, review: string, name: string): Promise<Item> {
  return (await itemsOf(made.api, review)).find(({ email }) => email === mail(made, name))!;
}

const received = (recipient: string) => mailServer.received.filter(({ to }) => to.includes(recipient));

describe('reviewing access', () => {
  it('given a review of a workspace, then its owner is told by mail, and keeps or revokes each but their own, with a reason', async () => {
    const made = await company();
    const { body: review } = await start(made).expect(201);
    assert.deepEqual([review.items, review.undecided, review.state], [4, 4, 'open']);
    await sendDueMails(server.deps, made.id);
    assert.match(received(mail(made, 'olga'))[0]?.text ?? '', /3 roles wait for your decision/);
    const olga = await as(made, 'olga');
    const items = await itemsOf(olga, review.id);
    const own = items.find(({ email }) => email === mail(made, 'olga'))!;
    assert.equal(items.length, 4, 'who administers people sees all');
    const adam = items.find(({ role }) => role === 'admin')!;
    const decide = (decision: string, ids: string[], reason?: string) =>
      olga('post', `/reviews/${review.id}/decisions`).send({ items: ids, decision, reason });
    await decide('keep', [own.id]).expect(403);
    await decide('revoke', [adam.id]).expect(400);
    await decide('keep', [adam.id]).expect(200);
    const { body } = await decide('revoke', [adam.id], 'moved on').expect(200);
    assert.deepEqual(body.items, [{ id: adam.id, outcome: 'revoked', why: '' }]);
    assert.deepEqual(await held(made, 'adam'), []);
    await decide('keep', [adam.id]).expect(409);
    const events = (await made.api('get', '/audit-events?action=membership.removed').expect(200)).body.events;
    assert.deepEqual([events[0].actorLabel, events[0].reason], [mail(made, 'olga'), 'moved on']);
  });

  it('given what a rule gives is revoked, then no later sync gives it again, until somebody who may lifts the exclusion', async () => {
    const made = await company();
    assert.deepEqual(await held(made, 'mia'), ['main:member (mapping)']);
    const { body: review } = await start(made).expect(201);
    const mia = await itemOf(made, review.id, 'mia');
    await made
      .api('post', `/reviews/${review.id}/decisions`)
      .send({ items: [mia.id], decision: 'revoke', reason: 'not needed' })
      .expect(200);
    assert.deepEqual(await held(made, 'mia'), []);
    await made.sync();
    await made.api('post', `/people/${mail(made, 'mia')}/reconcile`).expect(200);
    await made
      .api('put', '/mapping-rules/sales')
      .send({ condition: '$.department == "Sales"', scope: { workspace: 'main' }, role: 'member', position: 5 })
      .expect(200);
    assert.deepEqual([await held(made, 'mia'), await held(made, 'ben')], [[], ['main:member (mapping)']]);
    const { exclusions } = (await made.api('get', '/membership-exclusions').expect(200)).body;
    assert.partialDeepStrictEqual(exclusions, [
      { email: mail(made, 'mia'), place: 'main', role: 'member', reason: 'not needed' },
    ]);
    const why = await made.api('get', `/people/${mail(made, 'mia')}/explanation?scope=main`).expect(200);
    assert.partialDeepStrictEqual(why.body, {
      memberships: [],
      rules: [{ rule: 'sales', matches: true, exclusion: { reason: 'not needed' } }],
    });
    const ben = await as(made, 'ben');
    await ben('delete', `/membership-exclusions/${exclusions[0].id}`).expect(403);
    await made.api('delete', `/membership-exclusions/${exclusions[0].id}`).expect(204);
    assert.deepEqual(await held(made, 'mia'), ['main:member (mapping)']);
  });

  it('given the time is over, then what nobody decided is kept or revoked as it was set, the last owner never', async () => {
    const made = await company();
    const { body: keeping } = await start(made, { name: 'keeping' }).expect(201);
    const { body: revoking } = await start(made, { name: 'revoking', ifUndecided: 'revoke' }).expect(201);
    const adam = await itemOf(made, revoking.id, 'adam');
    await made
      .api('post', `/reviews/${revoking.id}/decisions`)
      .send({ items: [adam.id], decision: 'keep' })
      .expect(200);
    const timeIsUp = (id: string) =>
      made.within(({ db }) => sql`UPDATE reviews SET due_at = now(), next_at = now() WHERE id = ${id}`.execute(db));
    await timeIsUp(keeping.id);
    await Promise.all([sweepReviews(server.deps), sweepReviews(server.deps)]);
    assert.equal((await made.api('get', `/reviews/${keeping.id}`)).body.state, 'closed');
    assert.deepEqual(await held(made, 'ben'), ['main:member (mapping)']);
    await timeIsUp(revoking.id);
    await sweepReviews(server.deps);
    const { body } = await made.api('get', `/reviews/${revoking.id}`).expect(200);
    assert.partialDeepStrictEqual(body, { state: 'closed', undecided: 0, revoked: 2, withheld: 1, endedBy: 'reviews' });
    assert.deepEqual(
      [await held(made, 'olga'), await held(made, 'adam'), await held(made, 'ben')],
      [['main:owner (manual)'], ['main:admin (manual)'], []],
    );
    assert.match((await itemOf(made, revoking.id, 'olga')).outcomeReason ?? '', /last holder of "Owner"/);
    await made.api('post', `/reviews/${revoking.id}/close`).expect(409);
    await made.sync();
    assert.deepEqual(await held(made, 'ben'), []);
  });

  it('given two owners and both to be revoked, then one of them stays', async () => {
    const made = await company();
    await give(made, 'ben', 'owner').expect(201);
    const { body: review } = await start(made, { roles: ['owner'] }).expect(201);
    const items = await itemsOf(made.api, review.id);
    const ids = items.map(({ id }) => id);
    const { body } = await made
      .api('post', `/reviews/${review.id}/decisions`)
      .send({ items: ids, decision: 'revoke', reason: 'x' })
      .expect(200);
    assert.deepEqual(body.items.map(({ outcome }: Item) => outcome).sort(), ['revoked', 'withheld']);
  });

  it('given a week and a day are left, then those who have something to decide are reminded, each time once', async () => {
    const made = await company();
    const { body: review } = await start(made, { dueAt: inDays(10) }).expect(201);
    await sendDueMails(server.deps, made.id);
    const daysLeft = (days: number) =>
      made.within(({ db }) =>
        sql`UPDATE reviews SET due_at = now() + ${days} * interval '1 day', next_at = now() WHERE id = ${review.id} AND next_at <= now() + interval '9 days'`.execute(
          db,
        ),
      );
    for (const days of [6.9, 0.9]) {
      await daysLeft(days);
      await sweepReviews(server.deps);
      await sweepReviews(server.deps);
      await sendDueMails(server.deps, made.id);
    }
    assert.equal(received(mail(made, 'olga')).length, 3);
    assert.equal(received(mail(made, 'ben')).length, 0, 'no reviewer');
  });

  it('given a reviewer is let go, then with the next reminder the owner is asked in their place', async () => {
    const made = await company();
    const { body: review } = await start(made, { reviewers: [mail(made, 'ben')], roles: ['admin'] }).expect(201);
    await made
      .api('post', `/people/${mail(made, 'ben')}/offboard`)
      .send({ reason: 'left' })
      .expect(201);
    await made.within(({ db }) => sql`UPDATE reviews SET next_at = now()`.execute(db));
    await sweepReviews(server.deps);
    await sendDueMails(server.deps, made.id);
    assert.deepEqual((await made.api('get', `/reviews/${review.id}/items`)).body.items[0].reviewers, [
      await made.person(mail(made, 'olga')),
    ]);
    assert.match(received(mail(made, 'olga'))[0]?.text ?? '', /1 role waits/);
  });

  it('TEN-5 given a reviewer below a role, then they decide where whoever started the review may take it, and not otherwise', async () => {
    const made = await company();
    const adam = await as(made, 'adam');
    const reviewers = [mail(made, 'ben')];
    const { body: byOperator } = await start(made, { reviewers, roles: ['admin'] }).expect(201);
    const byAdam = await adam('post', '/reviews')
      .send({ name: 'by adam', scope: { workspace: 'main' }, dueAt: inDays(3), reviewers, roles: ['owner'] })
      .expect(201);
    const ben = await as(made, 'ben');
    const revoke = async (review: string) => {
      const [item] = await itemsOf(ben, review);
      const sent = { items: [item!.id], decision: 'revoke', reason: 'x' };
      return (await ben('post', `/reviews/${review}/decisions`).send(sent).expect(200)).body.items[0];
    };
    const withheld = await revoke(byAdam.body.id);
    assert.equal(withheld.outcome, 'withheld');
    assert.deepEqual(await held(made, 'olga'), ['main:owner (manual)']);
    assert.equal((await revoke(byOperator.id)).outcome, 'revoked');
  });

  it('given somebody else’s items, their own, or another organization’s review, then there is nothing for them to decide', async () => {
    const [made, other] = [await company(), await company()];
    const { body: review } = await start(made, { reviewers: [mail(made, 'ben')] }).expect(201);
    const [ben, mia, adam] = [await as(made, 'ben'), await as(made, 'mia'), await as(made, 'adam')];
    assert.ok(
      !(await itemsOf(ben, review.id)).some(({ email }) => email === mail(made, 'ben')),
      'nobody reviews themselves',
    );
    const item = await itemOf(made, review.id, 'ben');
    const decide = (call: Company['api'], id: string) =>
      call('post', `/reviews/${review.id}/decisions`).send({ items: [id], decision: 'keep' });
    await decide(ben, item.id).expect(404);
    await decide(mia, item.id).expect(404);
    await decide(adam, (await itemOf(made, review.id, 'adam')).id).expect(403);
    await decide(adam, item.id).expect(200);
    await mia('get', `/reviews/${review.id}`).expect(404);
    await mia('post', '/reviews')
      .send({ name: 'x', dueAt: inDays(1) })
      .expect(403);
    await mia('get', `/reviews/${review.id}/evidence`).expect(403);
    await other.api('get', `/reviews/${review.id}`).expect(404);
    await decide(other.api, item.id).expect(404);
    await start(made, { roles: ['nothing'] }).expect(400);
    await start(made, { dueAt: '2020-01-01T00:00:00Z' }).expect(400);
  });

  it('given a finished review, then its evidence says who decided what and why, as JSON and as CSV that no spreadsheet runs', async () => {
    const made = await company();
    const { body: review } = await start(made, { name: '=cmd()' }).expect(201);
    const adam = await itemOf(made, review.id, 'adam');
    await made
      .api('post', `/reviews/${review.id}/decisions`)
      .send({ items: [adam.id], decision: 'revoke', reason: '@left, "really"' })
      .expect(200);
    await give(made, 'ben', 'billing').expect(201);
    await made.api('post', `/reviews/${review.id}/close`).expect(200);
    const { body } = await made.api('get', `/reviews/${review.id}/evidence`).expect(200);
    assert.equal(body.items.length, 4);
    const told = body.items.find(({ id }: Item) => id === adam.id);
    assert.partialDeepStrictEqual(told, {
      decision: 'revoke',
      decidedBy: 'operator',
      outcome: 'revoked',
      grantedBy: 'operator',
      source: 'manual',
    });
    const csv = await made
      .api('get', `/reviews/${review.id}/evidence?format=csv`)
      .expect(200)
      .expect('Content-Type', /text\/csv/);
    const lines = csv.text.trim().split('\r\n');
    assert.equal(lines.length, 5);
    const line = lines.find((each) => each.includes(mail(made, 'adam'))) ?? '';
    assert.match(line, /^'=cmd\(\),/);
    assert.match(line, /"'@left, ""really"""/);
    const warned = await made.api('get', '/warnings').expect(200);
    assert.ok(!JSON.stringify(warned.body).includes('review-due'));
  });

  it('given somebody is let go or a review is cancelled meanwhile, then it ends all the same', async () => {
    const made = await company();
    const { body: review } = await start(made, { ifUndecided: 'revoke' }).expect(201);
    await made
      .api('post', `/people/${mail(made, 'adam')}/offboard`)
      .send({ reason: 'left' })
      .expect(201);
    await made.api('post', `/reviews/${review.id}/close`).expect(200);
    assert.equal((await itemOf(made, review.id, 'adam')).outcome, 'gone');
    const { body: second } = await start(made).expect(201);
    await made.api('post', `/reviews/${second.id}/cancel`).expect(200);
    assert.deepEqual(
      (await made.api('get', `/reviews?state=cancelled`)).body.reviews.map(({ id }: Item) => id),
      [second.id],
    );
  });
});
