/** What somebody answered for when they leave: reviews that wait for them, and machines' keys. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sql } from 'kysely';
import { sendDueMails } from '../../src/mail/send-due.ts';
import { sweepReviews } from '../../src/reviews/end.ts';
import { startMailServer } from '../doubles/mail-server.ts';
import { type Company, makeCompany } from '../harness/company.ts';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';

const mailServer = await startMailServer();
const database = await openTestDatabase({ mail: mailServer.settings });
const server = await startTestServer(database);
database.onEnd(() => mailServer.close());

const mail = (made: Company, name: string) => `${name}@${made.slug}.example`;
const row = (made: Company, name: string, state = 'active') =>
  `${name},${mail(made, name)},${name},Sales,Agent,${state}`;

/** A company in whose workspace these are owners one after another, beside Mia and Ben, who are members. */
async function companyOf(...owners: string[]): Promise<Company> {
  const made = await makeCompany(server, database);
  made.write(...[...owners, 'mia', 'ben'].map((name) => row(made, name)));
  await made.sync();
  const give = (name: string, role: string) =>
    made.api('post', '/memberships').send({ user: mail(made, name), role, scope: { workspace: 'main' } });
  for (const name of owners) await give(name, 'owner').expect(201);
  for (const name of ['mia', 'ben']) await give(name, 'member').expect(201);
  return made;
}

async function startReview(made: Company, ...reviewers: string[]): Promise<string> {
  const dueAt = new Date(Date.now() + 30 * 86_400_000).toISOString();
  const named = reviewers.map((name) => mail(made, name));
  const { body } = await made
    .api('post', '/reviews')
    .send({ name: 'Quarter', dueAt, reviewers: named, scope: { workspace: 'main' } })
    .expect(201);
  return body.id;
}

/** Who decides about whom: names by name. */
async function reviewersOf(made: Company, review: string): Promise<Record<string, string[]>> {
  const { rows } = await made.within(({ db }) =>
    sql<{ about: string; by: string[] }>`
      SELECT split_part(i.email, '@', 1) AS about, array(SELECT split_part(u.email, '@', 1) FROM users u WHERE u.id = ANY(i.reviewers) ORDER BY 1) AS by
      FROM review_items i WHERE i.review_id = ${review}`.execute(db),
  );
  return Object.fromEntries(rows.map(({ about, by }) => [about, by]));
}

const letGo = (made: Company, name: string) =>
  made
    .api('post', `/people/${mail(made, name)}/offboard`)
    .send({ reason: 'left' })
    .expect(201);
const events = async (made: Company, action: string) =>
  (await made.api('get', `/audit-events?action=${action}`).expect(200)).body.events;

describe('what waits for a reviewer who leaves', () => {
  it('given another reviewer, then they go on alone; given none, then an owner of the place decides and is told by mail', async () => {
    const made = await companyOf('olga');
    const shared = await startReview(made, 'mia', 'ben');
    const alone = await startReview(made, 'mia');
    await sendDueMails(server.deps, made.id);
    const before = mailServer.received.filter(({ to }) => to.includes(mail(made, 'olga'))).length;
    await letGo(made, 'mia');
    assert.deepEqual(await reviewersOf(made, shared), { olga: ['ben'], mia: ['ben'], ben: ['olga'] });
    // Nobody reviews themselves: about the only owner, whoever administers people decides.
    assert.deepEqual(await reviewersOf(made, alone), { ben: ['olga'], mia: [], olga: [] });

    await sweepReviews(server.deps);
    await sendDueMails(server.deps, made.id);
    const told = mailServer.received.filter(({ to }) => to.includes(mail(made, 'olga'))).slice(before);
    const reviews = told.map(({ text }) => /console\/reviews\/(\S+)/.exec(text)?.[1]);
    assert.deepEqual(reviews.sort(), [shared, alone].sort());
  });

  it('given it is handed over, then that is audited in the transaction of the leaving, with who decides now', async () => {
    const made = await companyOf('olga');
    const review = await startReview(made, 'mia');
    const [mia, olga] = [await made.person(mail(made, 'mia')), await made.person(mail(made, 'olga'))];
    await letGo(made, 'mia');
    const [told] = await events(made, 'review.reassigned');
    assert.deepEqual([told.resourceId, told.detail], [review, { user: mia, items: 2, reviewers: [olga] }]);
    const { rows } = await made.within(({ db }) =>
      sql<{ n: number }>`SELECT count(DISTINCT xid)::int AS n FROM audit_events
        WHERE action IN ('review.reassigned', 'user.deprovisioned')`.execute(db),
    );
    assert.equal(rows[0]?.n, 1);
  });

  it('given reviewer and first owner leave in one feed, then it goes to the owner who stays; given a review that is over, then nobody touches it', async () => {
    const made = await companyOf('olga', 'otto');
    const review = await startReview(made, 'mia');
    const over = await startReview(made, 'mia');
    await made.api('post', `/reviews/${over}/close`).expect(200);
    made.write(row(made, 'olga', 'inactive'), row(made, 'otto'), row(made, 'mia', 'inactive'), row(made, 'ben'));
    const run = await made.sync();
    if (run.status === 'held') await made.api('post', `/runs/${run.id}/approve`).expect(200);
    assert.partialDeepStrictEqual(await reviewersOf(made, review), { ben: ['otto'] });
    assert.partialDeepStrictEqual(await reviewersOf(made, over), { ben: ['mia'] });
    assert.equal((await events(made, 'review.reassigned')).length, 1);
  });

  it('given it is decided about people, who review each other, while they leave, then both are done and nobody waits in a ring', async () => {
    const made = await companyOf('olga');
    const names = Array.from({ length: 8 }, (_, at) => `p${at}`);
    made.write(...['olga', 'mia', 'ben', ...names].map((name) => row(made, name)));
    await made.sync();
    const rule = { condition: '$.department == "Sales"', scope: { workspace: 'main' }, role: 'billing' };
    await made.api('put', '/mapping-rules/sales').send(rule).expect(200);
    const review = await startReview(made, ...names);
    const { items } = (await made.api('get', `/reviews/${review}/items`).expect(200)).body;
    const about = (name: string) => items.filter(({ email }: { email: string }) => email === mail(made, name));
    const met = await Promise.all(
      names.flatMap((name) => [
        made
          .api('post', `/reviews/${review}/decisions`)
          .send({ items: about(name).map(({ id }: { id: string }) => id), decision: 'revoke', reason: 'no need' }),
        made.api('post', `/people/${mail(made, name)}/offboard`).send({ reason: 'left' }),
      ]),
    );
    assert.deepEqual(
      met.map(({ status }) => status),
      names.flatMap(() => [200, 201]),
    );
    for (const name of names) assert.deepEqual(await made.memberships(mail(made, name)), []);
  });
});

describe('machines’ keys of somebody who only answered for them', () => {
  it('given they leave, then the next owner answers for it, and that is audited as theirs', async () => {
    const made = await companyOf('olga', 'otto');
    const [mia, olga, otto] = await Promise.all(['mia', 'olga', 'otto'].map((name) => made.person(mail(made, name))));
    const { rows } = await made.within(({ db, organizationId }) =>
      sql<{ id: string }>`
        INSERT INTO api_keys (organization_id, kind, name, key_hash, display, environment, creator_id, responsible_id, workspace_id, access_epoch)
        SELECT ${organizationId}::uuid, 'service', 'exporter', sha256('exporter'), 'dbk', 'production', ${mia}::uuid, ${olga}::uuid, w.id, 1
        FROM workspaces w RETURNING id`.execute(db),
    );
    await letGo(made, 'olga');
    const [told] = await events(made, 'api_key.flagged');
    assert.equal(told.resourceId, rows[0]?.id);
    assert.deepEqual([told.detail.user, told.detail.responsible], [olga, otto]);
    const { body } = await made.api('get', '/api-keys').expect(200);
    assert.deepEqual([body.apiKeys[0].responsibleId, body.apiKeys[0].revokedAt], [otto, null]);
  });
});
