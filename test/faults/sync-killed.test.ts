/**
 * FAULT-1: a process that synchronizes is killed, or its database connections are, at random points between any two statements, on either
 * side of the answer. SYNC_KILLS says how often.
 */
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { describe, it } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { sql } from 'kysely';
import { resumeInterrupted, startSyncWorker } from '../../src/directory/schedule.ts';
import { asOwner } from '../harness/cluster.ts';
import { start, until } from '../harness/command.ts';
import type { Company } from '../harness/company.ts';
import { openTestDatabase } from '../harness/database.ts';
import { type Message, startDatabaseProxy } from '../harness/database-proxy.ts';
import { startTestServer } from '../harness/server.ts';
import { checkEnds, companyOfGroups, FEEDS, runsOf, stateOf } from './sync-state.ts';

const KILLS = Number(process.env['SYNC_KILLS'] ?? 6);
const database = await openTestDatabase();
const server = await startTestServer(database);
const proxy = await startDatabaseProxy(database.ownerUrl);
database.onEnd(() => proxy.close());
const name = new URL(database.ownerUrl).pathname.slice(1);
const watched = { ...database, ownerUrl: `${proxy.url(name)}?application_name=disturbed` };
await startSyncWorker(server.deps);

type Way = 'command killed' | 'server killed' | 'connection ended';
const WAYS: readonly Way[] = ['command killed', 'server killed', 'connection ended'];

interface Point {
  /** How many messages of the run go through before. */
  readonly after: number;
  readonly towards: Message['towards'];
}

/** Watches a run from its lock on, and does `strike` once when the point is reached. @returns how many messages went by */
function watchRun(point: Point | null, strike: (message: Message) => void): { count(): number; struck(): boolean } {
  let [begun, struck, count] = [false, false, 0];
  proxy.watch((message) => {
    begun ||= message.text.includes('pg_try_advisory_lock');
    if (!begun || struck) return undefined;
    if (message.towards === (point?.towards ?? 'database')) count += 1;
    if (point === null || count <= point.after) return undefined;
    struck = true;
    strike(message);
    return false;
  });
  return { count: () => count, struck: () => struck };
}

async function firstDay(): Promise<Company> {
  const company = await companyOfGroups(server, database);
  company.write(...FEEDS[0]);
  assert.equal((await company.sync()).status, 'applied');
  company.write(...FEEDS[1]);
  return company;
}

async function ended(child: ChildProcess): Promise<string> {
  let said = '';
  child.stderr?.on('data', (text) => {
    said += text;
  });
  if (child.exitCode === null && child.signalCode === null) await once(child, 'close');
  return said;
}

/** The states of a company that nobody disturbed, and of how many messages its second run was. */
const { former, latter, messages } = await (async () => {
  const company = await firstDay();
  const states = { former: await stateOf(company) };
  const run = watchRun(null, () => undefined);
  await ended(start(watched, ['sync', 'run', 'hr', '-o', company.slug]));
  assert.equal((await runsOf(company)).at(-1)?.status, 'applied');
  return { ...states, latter: await stateOf(company), messages: run.count() };
})();

/** Runs the directory in a process of its own, until it is struck or done. @returns what it said */
async function disturbedRun(company: Company, way: Way, point: Point): Promise<string> {
  const port = await freePort();
  const command = way === 'server killed' ? ['serve'] : ['sync', 'run', 'hr', '-o', company.slug];
  const child = start(watched, command, { PORT: String(port) });
  const end = ended(child);
  if (way === 'server killed') await once(child.stdout ?? child, 'data');
  watchRun(point, ({ backendPort }) => {
    if (way !== 'connection ended') child.kill('SIGKILL');
    else void asOwner(database.ownerUrl, terminating(backendPort));
  });
  if (way === 'server killed') {
    const run = `http://127.0.0.1:${port}/api/v1/organizations/${company.slug}/directories/hr/runs`;
    await fetch(run, { method: 'POST', headers: { authorization: server.operator } }).catch(() => undefined);
    child.kill('SIGKILL');
  }
  const said = await end;
  proxy.watch(null);
  // What the process left under way ends before anybody looks.
  await until(async () => (await backends()) === 0, 30, 'the end of its connections');
  return said;
}

describe(`FAULT-1: ${KILLS} random ends of a run that changes 300 people in 20 groups`, () => {
  for (let kill = 0; kill < KILLS; kill++) {
    const way = WAYS[kill % WAYS.length] as Way;
    const point: Point = {
      after: Math.floor(Math.random() * messages),
      towards: Math.random() < 0.5 ? 'database' : 'client',
    };
    it(`given ${way} before message ${point.after} of ${messages} reaches the ${point.towards}, then nothing is half applied, and the next run ends as an undisturbed one`, async () => {
      const company = await firstDay();
      const said = await disturbedRun(company, way, point);
      assert.doesNotMatch(said, /\n {4}at /, 'told in a line, not by a stack');
      const between = await stateOf(company);
      if (!isDeepStrictEqual(between, latter)) assert.deepEqual(between, former);

      await resumeInterrupted(server.deps);
      await until(async () => !(await isUnderWay(company)), 30, 'the interrupted run');
      await company.sync();
      assert.deepEqual(await stateOf(company), latter);
      await checkEnds(company);
    });
  }
});

const isUnderWay = (company: Company) =>
  company.within(async ({ db }) => {
    const { rows } = await sql`SELECT FROM sync_runs WHERE status = 'staging'`.execute(db);
    return rows.length > 0;
  });

const LOOK = `FROM pg_stat_activity WHERE application_name = 'disturbed' AND datname = current_database()`;
const terminating = (port: number) => `SELECT pg_terminate_backend(pid) ${LOOK} AND client_port = ${port}`;

async function backends(): Promise<number> {
  const { rows } = await sql<{ n: number }>`SELECT count(*) AS n ${sql.raw(LOOK)}`.execute(database.store.db);
  return rows[0]?.n ?? 0;
}

async function freePort(): Promise<number> {
  const listener = createServer();
  await new Promise<void>((done) => listener.listen(0, '127.0.0.1', done));
  const { port } = listener.address() as AddressInfo;
  await new Promise((done) => listener.close(done));
  return port;
}
