/** What every command does alike: opens what it needs, finds its organization, says what it has to say, and fails in one line. */
import { readFileSync } from 'node:fs';
import { Option } from 'commander';
import { Fault } from '../errors.ts';
import { type OpenDependencies, openDependencies } from '../main.ts';
import { loadSettings, type SettingsInput } from '../settings.ts';
import { awayFault } from '../store/away.ts';
import { locateOrganization, locateOrganizations } from '../store/locate.ts';
import { inTenant, type Origin, type TenantTransaction } from '../store/tenant.ts';

/** Whoever may run a command here is an operator. */
export const COMMAND: Origin = { actor: { kind: 'operator', id: 'command-line', label: 'command line' } };

/** The option of every command that is about one organization. */
export const organization = () =>
  new Option('-o, --organization <slug>', 'which organization; needed where there are several');

/** Runs a command on the store, which is closed again whatever happens. Only what goes wrong is logged. */
export function withDependencies(work: (deps: OpenDependencies) => Promise<void>): Promise<void> {
  return report(async () => {
    const quiet: SettingsInput = { log: 'error' };
    const deps = await openDependencies(loadSettings(quiet));
    try {
      await work(deps);
    } finally {
      await deps.close();
    }
  });
}

export function withOrganization(
  slug: string | undefined,
  work: (deps: OpenDependencies, organizationId: string) => Promise<void>,
): Promise<void> {
  return withDependencies(async (deps) => {
    const found = slug === undefined ? await onlyOrganization(deps) : await locateOrganization(deps.store.db, slug);
    if (found === undefined) throw new Fault('not-found', `There is no organization "${slug}".`);
    await work(deps, found);
  });
}

export function withTenant(
  slug: string | undefined,
  work: (deps: OpenDependencies, tx: TenantTransaction) => Promise<void>,
): Promise<void> {
  return withOrganization(slug, (deps, organizationId) =>
    inTenant(deps.store.db, organizationId, COMMAND, (tx) => work(deps, tx)),
  );
}

async function onlyOrganization(deps: OpenDependencies): Promise<string | undefined> {
  const ids = await locateOrganizations(deps.store.db);
  if (ids.length === 1) return ids[0];
  const remedy = ids.length === 0 ? 'Make one with: drawbridge apply FILE.' : 'Say which with --organization.';
  throw new Fault('invalid-input', `There are ${ids.length} organizations.`, { remedy });
}

/** Says in one line what went wrong, with every problem where there are several; the exit code is then 1. */
export async function report(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    process.exitCode = 1;
    const fault = error instanceof Fault ? error : awayFault(error);
    if (fault === undefined) throw error;
    process.stderr.write(`drawbridge: ${fault.toLine()}\n`);
    const { problems } = fault.extra;
    if (Array.isArray(problems) && problems.length > 1) {
      for (const problem of problems) process.stderr.write(`  ${problemLine(problem)}\n`);
    }
  }
}

function problemLine(problem: Readonly<Record<string, unknown>>): string {
  const place = problem['line'] === undefined ? '' : `line ${problem['line']}:${problem['column'] ?? 1} `;
  return `${place}${[problem['field'], problem['reason']].filter(Boolean).join(': ')}`;
}

export function untilTold(): Promise<void> {
  return new Promise((done) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => done());
  });
}

export function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? 'unknown reason';
    throw new Fault('invalid-input', `The file ${file} can't be read: ${code}.`, { cause });
  }
}

export function collect(pair: string, before: Record<string, string>): Record<string, string> {
  const at = pair.indexOf('=');
  if (at < 1) throw new Fault('invalid-input', `"${pair}" is not of the form NAME=value.`);
  return { ...before, [pair.slice(0, at)]: pair.slice(at + 1) };
}

export function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
