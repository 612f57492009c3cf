/** A server as a process of its own that tells what it has used so far: CPU time, and statements sent to the database. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import type { RequestListener } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import pg from 'pg';
import type { Cost } from './rounds.ts';

export interface MeasuredServer {
  readonly url: string;
  /** What `work` cost the server per operation. */
  cost(operations: number, work: () => Promise<void>): Promise<Cost>;
  /** The most memory that the process has held so far (resident set size, the kernel's count), in MB. */
  peakMegabytes(): Promise<number>;
  close(): Promise<void>;
}

interface Used {
  readonly cpuMs: number;
  readonly statements: number;
  readonly peakMegabytes: number;
}

/** Starts `file` as a server; it must call `serveMeasured`. */
export async function startMeasured(file: string, ...args: string[]): Promise<MeasuredServer> {
  const child = fork(file, args, { execPath: process.execPath, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const [{ url }] = (await once(child, 'message')) as [{ url: string }];
  return {
    url,
    cost: async (operations, work) => {
      const before = await used(child);
      await work();
      const after = await used(child);
      return {
        ms: (after.cpuMs - before.cpuMs) / operations,
        statements: (after.statements - before.statements) / operations,
      };
    },
    peakMegabytes: async () => (await used(child)).peakMegabytes,
    close: async () => {
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}

/** In the child: serves what `make` makes of its own address, and answers how much it has used. */
export async function serveMeasured(make: (url: string) => Promise<RequestListener>): Promise<void> {
  const sent = countStatements();
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const url = `http://localhost:${(server.address() as AddressInfo).port}`;
  server.on('request', await make(url));
  process.on('message', () => {
    const { user, system } = process.cpuUsage();
    const peakMegabytes = process.resourceUsage().maxRSS / 1024;
    process.send?.({ cpuMs: (user + system) / 1000, statements: sent(), peakMegabytes } satisfies Used);
  });
  process.send?.({ url });
}

/** Counts the statements that this process sends to the database from now on. */
export function countStatements(): () => number {
  let statements = 0;
  const { query } = pg.Client.prototype;
  pg.Client.prototype.query = function counted(this: pg.Client, ...args: unknown[]) {
    statements += 1;
    return (query as (...given: unknown[]) => unknown).apply(this, args);
  } as typeof query;
  return () => statements;
}

async function used(child: ChildProcess): Promise<Used> {
  child.send('used');
  const [answer] = (await once(child, 'message')) as [Used];
  return answer;
}
