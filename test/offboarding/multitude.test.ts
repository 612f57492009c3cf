/**
 * Many leave at once, and one of the providers is down. `LEAVERS=10000` is the full measure. Here everything ends in one run of the feed;
 * elsewhere each case is proven, or loudly open.
 */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { sql } from 'kysely';
import { seal } from '../../src/credentials/sealing.ts';
import { workDueSteps } from '../../src/offboarding/work-steps.ts';
import { startWebhookReceiver } from '../doubles/webhook-receiver.ts';
import { type Company, makeCompany } from '../harness/company.ts';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';

const LEAVERS = Number(process.env['LEAVERS'] ?? 300);
const database = await openTestDatabase();
const server = await startTestServer(database);
const receiver = await startWebhookReceiver();
database.onEnd(() => receiver.close());

/** An OAuth server of which only the revocation is of interest: well, down, or silent; until it is mended. */
async function provider(what: 'well' | 'down' | 'silent') {
  let asked = 0;
  let how = what;
  const http = createServer((request, response) => {
    asked += 1;
    request.resume();
    if (how === 'well') response.writeHead(200).end();
    if (how === 'down') response.writeHead(503).end();
  });
  await new Promise<void>((done) => http.listen(0, '127.0.0.1', done));
  database.onEnd(async () => {
    http.closeAllConnections();
    http.close();
  });
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/revoke`,
    asked: () => asked,
    mend: () => {
      how = 'well';
    },
  };
}

const rows = (state: string) =>
  Array.from({ length: LEAVERS }, (_, at) => `E${at},p${at}@acme.example,P ${at},Sales,Agent,${state}`);

/** Everybody has a role, a session, a key, and a token kept of each provider. */
async function equip(company: Company, providers: readonly string[]): Promise<void> {
  const { sealingKeys } = server.deps.settings.secrets;
  const people = await company.within(({ db }) => sql<{ id: string }>`SELECT id FROM users`.execute(db));
  const sealed = people.rows.map(({ id }) => ({
    id,
    sealed: seal(sealingKeys, `oauth_token:${id}`, `token-of-${id}`),
  }));
  await company.within(async ({ db, organizationId }) => {
    const org = sql`${organizationId}::uuid`;
    await sql`INSERT INTO memberships (organization_id, user_id, scope_kind, workspace_id, role, source, granted_by)
      SELECT ${org}, u.id, 'workspace', w.id, 'member', 'manual', 'test' FROM users u, workspaces w`.execute(db);
    await sql`INSERT INTO sessions (organization_id, token_hash, user_id, access_epoch, authenticated_by, expires_at)
      SELECT ${org}, sha256(id::text::bytea), id, 1, 'saml', now() + interval '1 hour' FROM users`.execute(db);
    await sql`INSERT INTO api_keys (organization_id, kind, name, key_hash, display, environment, creator_id, access_epoch)
      SELECT ${org}, 'personal', 'laptop', sha256(('k' || id)::bytea), 'dbk', 'production', id, 1 FROM users`.execute(
      db,
    );
    for (const slug of providers)
      await sql`INSERT INTO oauth_tokens (organization_id, provider_id, user_id, token_kind, sealed_token)
        SELECT ${org}, p.id, t.id, 'access_token', t.sealed FROM oauth_providers p,
          jsonb_to_recordset(${JSON.stringify(sealed)}::jsonb) AS t(id uuid, sealed text) WHERE p.slug = ${slug}`.execute(
        db,
      );
  });
}

describe('many at once', () => {
  it(`given ${LEAVERS} leave in one feed, one provider is well, one down and one silent, then here all has ended, the well one is done, the rest is loudly open, and all is proven once they are mended`, async () => {
    const company = await makeCompany(server, database);
    company.write(...rows('active'));
    await company.sync();
    const [well, down, silent] = await Promise.all([provider('well'), provider('down'), provider('silent')]);
    for (const [slug, { url }] of Object.entries({ well, down, silent }))
      await company
        .api('put', `/oauth-providers/${slug}`)
        .send({ revocationEndpoint: url, clientId: 'c', clientSecret: 's' })
        .expect(200);
    await company
      .api('put', '/webhook-endpoints/platform')
      .send({ url: receiver.url, secret: receiver.secret })
      .expect(200);
    await equip(company, ['well', 'down', 'silent']);
    company.write(...rows('inactive'));
    const began = Date.now();
    let run = await company.sync();
    if (run.status === 'held') run = (await company.api('post', `/runs/${run.id}/approve`).expect(200)).body;
    const here = Date.now() - began;
    assert.equal(run.status, 'applied', JSON.stringify(run));
    const looked = Date.now();
    assert.deepEqual((await company.api('get', '/residual-access').expect(200)).body.residualAccess, []);
    const transactions = await company.within(({ db }) =>
      sql<{
        n: number;
      }>`SELECT count(DISTINCT xid)::int AS n FROM audit_events WHERE action = 'user.deprovisioned'`.execute(db),
    );
    assert.ok((transactions.rows[0]?.n ?? 99) <= 20, 'in a bounded number of transactions');

    const residual = Date.now() - looked;

    const elsewhere = await timed(() => workDueSteps(server.deps, company.id));
    const states = await statesByTarget(company);
    assert.deepEqual([states['well'], states['platform']], [{ revoked: LEAVERS }, { delivered: LEAVERS }]);
    for (const slug of ['down', 'silent'])
      assert.deepEqual(Object.keys(states[slug] ?? {}).sort(), ['retry', 'waiting']);
    assert.ok(down.asked() <= 8 && silent.asked() <= 8, 'nobody goes on knocking where nobody answers');
    assert.deepEqual(await openOf(company), [LEAVERS, LEAVERS], 'no case counts as done');

    await lastTryOfOne(company, 'down');
    await workDueSteps(server.deps, company.id);
    const given = await company.api('get', '/audit-events?action=offboarding.step_needs_human').expect(200);
    assert.equal(given.body.events.length, 1, 'what was given up is told');
    for (const each of [down, silent]) each.mend();
    await company.api('post', `/offboarding-cases/${given.body.events[0].detail.case}/retry`).expect(200);
    await company.within(({ db }) =>
      sql`UPDATE offboarding_steps SET next_attempt_at = now() WHERE finished_at IS NULL`.execute(db),
    );
    const mended = await timed(() => workDueSteps(server.deps, company.id));
    assert.deepEqual(await openOf(company), [LEAVERS, 0], 'each case is proven');
    const done = await statesByTarget(company);
    assert.deepEqual([done['down'], done['silent']], [{ revoked: LEAVERS }, { revoked: LEAVERS }]);
    console.log(
      `${LEAVERS} leavers: here ${here} ms, residual access ${residual} ms, elsewhere ${elsewhere} ms, once mended ${mended} ms`,
    );
  });
});

async function timed(work: () => Promise<void>): Promise<number> {
  const began = Date.now();
  await work();
  return Date.now() - began;
}

/** How many steps are in which state, at each target. */
async function statesByTarget(company: Company): Promise<Record<string, Record<string, number>>> {
  const { rows } = await company.within(({ db }) =>
    sql<{ target: string; states: Record<string, number> }>`
      SELECT target, jsonb_object_agg(state, n) AS states FROM (
        SELECT coalesce(p.slug, 'platform') AS target, s.state, count(*)::int AS n FROM offboarding_steps s
        LEFT JOIN oauth_providers p ON p.id = s.target_id GROUP BY 1, 2) AS each GROUP BY target`.execute(db),
  );
  return Object.fromEntries(rows.map(({ target, states }) => [target, states]));
}

/** One step is due and has but one try left; the others there are due another day. */
async function lastTryOfOne(company: Company, slug: string): Promise<void> {
  await company.within(async ({ db }) => {
    await sql`UPDATE offboarding_steps SET next_attempt_at = now() + interval '1 day' WHERE finished_at IS NULL`.execute(
      db,
    );
    await sql`UPDATE offboarding_steps SET attempts = 9, next_attempt_at = now() WHERE id = (
      SELECT o.id FROM offboarding_steps o JOIN oauth_providers p ON p.id = o.target_id AND p.slug = ${slug} LIMIT 1)`.execute(
      db,
    );
  });
}

/** Cases of these days, and how many of them are open. */
async function openOf(company: Company): Promise<number[]> {
  const { summary } = await period(company);
  return [summary.cases, summary.open];
}

async function period(company: Company) {
  const [from, to] = [-1, 1].map((days) => new Date(Date.now() + days * 86_400_000).toISOString());
  return (await company.api('get', `/offboarding-evidence?from=${from}&to=${to}`).expect(200)).body;
}
