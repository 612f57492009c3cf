/**
 * The sync rows: a company's HR feed by CSV, pulled through the API, against bare SQL on the same rows. `BENCH_SYNC_SIZES=100000,1000000`
 * says of how many people.
 */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Agent, fetch } from 'undici';
import { csv } from '../../src/directory/sources/csv.ts';
import { OPERATOR_TOKEN } from '../harness/settings.ts';
import { databaseFor, type TestCluster } from './databases.ts';
import { type FeedFiles, writeFeed } from './feed.ts';
import { openBareSync } from './floors/sync.ts';
import { type MeasuredServer, startMeasured } from './measured.ts';
import { type Cost, pairs, type Row } from './rounds.ts';

const SIZES = (process.env['BENCH_SYNC_SIZES'] ?? '100000').split(',').map(Number);
const LARGE = 500_000;
const here = (file: string) => join(import.meta.dirname, file);
/** A run may take as long as it does. */
const patient = new Agent({ headersTimeout: 0, bodyTimeout: 0 });

/** Measures at each number of people. */
export async function measureSync(cluster: TestCluster): Promise<Row[]> {
  const rows: Row[] = [];
  for (const size of SIZES) rows.push(...(await measureAt(cluster, size)));
  return rows;
}

async function measureAt(cluster: TestCluster, size: number): Promise<Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'drawbridge-bench-'));
  // The database's server reads them, whoever it runs as.
  chmodSync(folder, 0o755);
  const feeds = { one: writeFeed(folder, 'one', size, 0), other: writeFeed(folder, 'other', size, 100) };
  const rounds = size >= LARGE ? 2 : 5;
  const of = `of ${size / 1000}k people, ${(size * 3) / 1000}k members`;
  try {
    const company = await startCompany(cluster, size);
    const bare = await openBareSync(await databaseFor(cluster));
    const pair = (what: string, reach: string, next: () => FeedFiles) => {
      let feed = next();
      return pairs(`${what}, ${of}`, reach, rounds, {
        ours: async () => {
          feed = next();
          return company.sync(feed);
        },
        floor: async () => ({ ms: await bare.sync(feed), statements: 1 }),
      });
    };
    let turn = 0;
    try {
      const idle = await company.server.peakMegabytes();
      const first = { ours: await company.sync(feeds.one), floor: { ms: await bare.sync(feeds.one), statements: 1 } };
      const same = await pair('no change', '2x', () => feeds.one);
      const alone = await readAlone(feeds.one.hr);
      const memory = await company.server.peakMegabytes();
      const changed = await pair('1 % changed', '2.2x', () => (turn++ % 2 === 0 ? feeds.other : feeds.one));
      return [
        same,
        compared(`of that, reading the file alone, ${of}`, alone, same.floor, '-'),
        compared(`node memory in MB to what it may be, ${of}`, memory, 120, '1x'),
        compared(`of that, what the runs took, ${of}`, memory - idle, 120, '-'),
        changed,
        {
          ...compared(`all new, once, ${of}`, first.ours.ms, first.floor.ms, '3x'),
          statements: { ours: first.ours.statements, floor: 1 },
        },
        await pairs(`one person settled, ${of}`, '-', rounds, { ours: company.settleOne, floor: bare.settleOne }),
      ];
    } finally {
      await company.server.close();
      await bare.close();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function compared(what: string, ours: number, floor: number, reach: string): Row {
  return { what, ours, floor, ratio: ours / floor, reach, statements: { ours: 0, floor: 0 } };
}

/** What the source itself costs: its records read, and nothing done with them; milliseconds. */
async function readAlone(file: string): Promise<number> {
  const settings = csv.settings.parse({ file, columns: { status: 'status', groups: 'groups' } });
  const source = csv.open(settings, { secrets: {} } as Parameters<typeof csv.open>[1]);
  const times: number[] = [];
  for (let round = 0; round < 3; round++) {
    const start = performance.now();
    for await (const _ of (await source.read(null)).records);
    times.push(performance.now() - start);
  }
  return Math.min(...times);
}

interface BenchCompany {
  readonly server: MeasuredServer;
  /** Pulls this feed. */
  sync(files: FeedFiles): Promise<Cost>;
  /** Settles somebody anew from what was last said of them. */
  settleOne(): Promise<Cost>;
}

/** An organization with rules for everybody, for departments and for groups. */
async function startCompany(cluster: TestCluster, size: number): Promise<BenchCompany> {
  const server = await startMeasured(here('ours.ts'), await databaseFor(cluster, cluster.template));
  const call = async (method: string, path: string, body: unknown) => {
    const response = await fetch(`${server.url}/api/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${OPERATOR_TOKEN}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
      dispatcher: patient,
    });
    const answer = (await response.json()) as { status?: string };
    if (!response.ok) throw new Error(JSON.stringify(answer));
    return answer;
  };
  await call('POST', '/organizations', { slug: 'acme', model: 'atomyx' });
  await call('PUT', '/organizations/acme/workspaces/main', {});
  await call('PUT', '/organizations/acme/workspaces/main/products/insights', {});
  const rule = (slug: string, input: unknown) => call('PUT', `/organizations/acme/mapping-rules/${slug}`, input);
  const product = { scope: { product: 'main/insights' } };
  await rule('everybody', { condition: 'exists($.department)', scope: { workspace: 'main' }, role: 'member' });
  await rule('engineering', { condition: '$.department == "Engineering"', ...product, role: 'editor' });
  await rule('support', { condition: '$.department == "Support"', ...product, role: 'viewer' });
  await rule('team', { group: 'Team 1*', groupBy: 'pattern', ...product, role: 'editor' });
  const directory = async (file: string) =>
    call('PUT', '/organizations/acme/directories/hr', {
      kind: 'csv',
      config: { file, columns: { status: 'status', groups: 'groups' } },
      // Of a few groups, everybody moves who is in them.
      guards: {
        maxMembershipRemovals: size,
        maxDeprovisions: size,
        maxGroupMemberRemovals: size,
        maxGroupMemberRemovalShare: 1,
      },
    });
  const timed = async (work: () => Promise<void>): Promise<Cost> => {
    let ms = 0;
    const { statements } = await server.cost(1, async () => {
      const start = performance.now();
      await work();
      ms = performance.now() - start;
    });
    return { ms, statements };
  };
  return {
    server,
    sync: async ({ hr }) => {
      await directory(hr);
      return timed(async () => {
        const { status } = await call('POST', '/organizations/acme/directories/hr/runs', {});
        if (status !== 'applied') throw new Error(`the run is ${status}`);
      });
    },
    settleOne: () =>
      timed(async () => void (await call('POST', '/organizations/acme/people/person7@acme.test/reconcile', {}))),
  };
}
