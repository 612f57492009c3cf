/** The command line as a process of its own, on a test's database. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import type { TestDatabase } from './database.ts';

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const CLI = resolve(import.meta.dirname, '../../src/cli.ts');

/** Starts `drawbridge ...args`. */
export function start(
  { settings, ownerUrl }: TestDatabase,
  args: readonly string[],
  more: Record<string, string> = {},
): ChildProcess {
  const { DRAWBRIDGE_DATA: _, ...inherited } = process.env;
  const env = {
    ...inherited,
    DATABASE_URL: ownerUrl,
    DRAWBRIDGE_SEALING_KEY: settings.secrets.sealingKeys.current.secret.toString('base64'),
    DRAWBRIDGE_APPLICATION_PASSWORD: settings.secrets.applicationPassword,
    DRAWBRIDGE_OPERATOR_TOKEN: settings.secrets.operatorToken,
    DRAWBRIDGE_ALLOW_PRIVATE_NETWORK: 'true',
    LOG_LEVEL: 'error',
    ...more,
  };
  return spawn(process.execPath, [CLI, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
}

/** Runs `drawbridge ...args` to its end. */
export async function run(
  database: TestDatabase,
  args: readonly string[],
  more: Record<string, string> = {},
): Promise<Finished> {
  const child = start(database, args, more);
  let [stdout, stderr] = ['', ''];
  child.stdout?.on('data', (text) => {
    stdout += text;
  });
  child.stderr?.on('data', (text) => {
    stderr += text;
  });
  await once(child, 'close');
  return { code: child.exitCode, stdout, stderr };
}

/** Waits until `look` sees something. */
export async function until<T>(look: () => Promise<T | undefined | false>, seconds: number, what: string): Promise<T> {
  for (const end = Date.now() + seconds * 1000; Date.now() < end; ) {
    const seen = await look();
    if (seen !== undefined && seen !== false) return seen;
    await new Promise((wake) => setTimeout(wake, 50));
  }
  throw new Error(`${what}: not within ${seconds} s`);
}
