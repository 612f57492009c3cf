/**
 * The server is killed again and again while the steps of many cases are worked at several providers: of some the answer is in, of some it is on
 * its way, some wait. What was asked for and not noted is asked for again, which harms nothing; each step ends once, and each case closes.
 */
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { sql } from 'kysely';
import { startWebhookReceiver } from '../doubles/webhook-receiver.ts';
import { start, until } from '../harness/command.ts';
import { type Company, makeCompany } from '../harness/company.ts';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';

const LEAVERS = 24;
const KILLS = [5, 24, 44];
const database = await openTestDatabase();
const server = await startTestServer(database);
const receiver = await startWebhookReceiver();
database.onEnd(() => receiver.close());

/** An OAuth server that takes its time to revoke. Now and then it revokes and its answer is lost. */
async function startSlowProvider() {
  const asked = new Map<string, number>();
  let open = 0;
  let faithful = false;
  const http = createServer(async (request, response) => {
    open += 1;
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const token = new URLSearchParams(Buffer.concat(parts).toString()).get('token') ?? '';
    await setTimeout(20 + Math.random() * 150);
    asked.set(token, (asked.get(token) ?? 0) + 1);
    open -= 1;
    if (!faithful && Math.random() < 0.1) response.destroy();
    else response.writeHead(200).end();
  });
  await new Promise<void>((done) => http.listen(0, '127.0.0.1', done));
  database.onEnd(async () => {
    http.closeAllConnections();
    http.close();
  });
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/revoke`,
    asked,
    open: () => open,
    mend: () => {
      faithful = true;
    },
  };
}

async function killed(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL');
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
}

const SLUGS = ['calendar', 'mail', 'files'];

/** Everybody has a token at each provider, and is let go by one feed while no server is running that would work the steps. */
async function companyOfLeavers(urls: readonly string[]): Promise<Company> {
  const company = await makeCompany(server, database, { guards: { maxDeprovisionShare: 1 } });
  const rows = (state: string) =>
    Array.from({ length: LEAVERS }, (_, at) => `E${at},p${at}@acme.example,P ${at},Sales,Agent,${state}`);
  const stays = 'E99,stays@acme.example,Stays,Sales,Agent,active';
  company.write(...rows('active'), stays);
  await company.sync();
  for (const [at, slug] of SLUGS.entries()) {
    const said = { revocationEndpoint: urls[at], clientId: 'platform', clientSecret: 'secret-of-the-platform' };
    await company.api('put', `/oauth-providers/${slug}`).send(said).expect(200);
  }
  await company
    .api('put', '/webhook-endpoints/platform')
    .send({ url: receiver.url, secret: receiver.secret })
    .expect(200);
  for (let at = 0; at < LEAVERS; at += 1) {
    const user = await company.person(`p${at}@acme.example`);
    for (const provider of SLUGS)
      await company
        .api('post', '/oauth-tokens')
        .send({ provider, user, kind: 'access_token', token: `${provider}-${at}` })
        .expect(201);
  }
  company.write(...rows('inactive'), stays);
  const run = await company.sync();
  if (run.status === 'held') await company.api('post', `/runs/${run.id}/approve`).expect(200);
  return company;
}

async function statesOf(company: Company): Promise<Record<string, number>> {
  const { rows } = await company.within(({ db }) =>
    sql<{ state: string; n: number }>`SELECT state, count(*)::int AS n FROM offboarding_steps GROUP BY 1`.execute(db),
  );
  return Object.fromEntries(rows.map(({ state, n }) => [state, n]));
}

/** Leases of whoever was killed run out. Never while a server is running: it would take that for leave to begin again. */
const leasesRunOut = (company: Company) =>
  company.within(({ db }) =>
    sql`UPDATE offboarding_steps SET next_attempt_at = now() WHERE state IN ('waiting', 'retry')`.execute(db),
  );

describe('kill -9 while steps are worked, again and again', () => {
  it(`given ${LEAVERS} cases at ${SLUGS.length} providers and ${KILLS.length} kills, then each step ends once, nothing still works, and each case closes`, {
    timeout: 120_000,
  }, async () => {
    const providers = await Promise.all(SLUGS.map(startSlowProvider));
    const company = await companyOfLeavers(providers.map(({ url }) => url));
    const tried = () => providers.reduce((sum, { asked }) => sum + asked.size, 0);
    const open = () => providers.reduce((sum, provider) => sum + provider.open(), 0);
    const met: { inFlight: number; revoked: number; waiting: number }[] = [];
    for (const enough of KILLS) {
      const serving = start(database, ['serve'], { PORT: '0' });
      await until(async () => tried() >= enough && open() > 0, 40, `${enough} tokens to be revoked`);
      await setTimeout(Math.random() * 60);
      const inFlight = open();
      await killed(serving);
      const { revoked = 0, waiting = 0, retry = 0 } = await statesOf(company);
      met.push({ inFlight, revoked, waiting: waiting + retry });
      await leasesRunOut(company);
    }
    assert.ok(met.some(({ inFlight, revoked, waiting }) => inFlight > 0 && revoked > 0 && waiting > inFlight));

    for (const provider of providers) provider.mend();
    const last = start(database, ['serve'], { PORT: '0' });
    const closed = async () =>
      (await company.within(({ db }) => sql`SELECT FROM offboarding_cases WHERE closed_at IS NOT NULL`.execute(db)))
        .rows.length === LEAVERS;
    await until(closed, 60, 'every case to close');
    await killed(last);

    assert.deepEqual(await statesOf(company), { revoked: SLUGS.length * LEAVERS, delivered: LEAVERS });
    const most = Math.max(...providers.flatMap(({ asked }) => [...asked.values()]));
    assert.equal(tried(), SLUGS.length * LEAVERS, 'every token is revoked');
    assert.ok(most <= KILLS.length + 3, `no token is asked for without end: ${most}`);
    const { rows } = await company.within(({ db }) =>
      sql<{ ended: number; steps: number; closed: number }>`
        SELECT count(*) FILTER (WHERE action IN ('offboarding.step_revoked', 'offboarding.step_delivered'))::int AS ended,
          count(DISTINCT resource_id) FILTER (WHERE action IN ('offboarding.step_revoked', 'offboarding.step_delivered'))::int AS steps,
          count(*) FILTER (WHERE action = 'offboarding.case_closed')::int AS closed FROM audit_events`.execute(db),
    );
    const steps = (SLUGS.length + 1) * LEAVERS;
    assert.deepEqual(rows, [{ ended: steps, steps, closed: LEAVERS }], 'each step and case ends once');
    const ids = new Set(receiver.received.map(({ id }) => id));
    assert.equal(ids.size, LEAVERS, 'a webhook that comes again comes under the same id');
    assert.deepEqual((await company.api('get', '/residual-access').expect(200)).body.residualAccess, []);
  });
});
