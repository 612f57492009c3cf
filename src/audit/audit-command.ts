/** `drawbridge audit verify` and `drawbridge audit export`. */
import type { Writable } from 'node:stream';
import { Fault } from '../errors.ts';
import { faultOf } from '../http/problem.ts';
import type { Store } from '../store/database.ts';
import { locateOrganization, locateOrganizations } from '../store/locate.ts';
import { inTenant, type Origin } from '../store/tenant.ts';
import { type ExportFormat, exportEvents } from './export.ts';
import { type AuditFilter, auditFilter } from './search.ts';
import { type Verification, verifyOrganization } from './verify.ts';

interface CommandDependencies {
  readonly store: Pick<Store, 'db'>;
}

const COMMAND: Origin = { actor: { kind: 'operator', id: 'command-line', label: 'command line' } };

/**
 * Verifies the chain of one organization, or of all.
 * @returns a line for each, and whether all of them hold
 * @throws Fault `not-found` where there is no such organization
 */
export async function auditVerify(
  deps: CommandDependencies,
  organizationSlug?: string,
): Promise<{ lines: string[]; ok: boolean }> {
  const ids =
    organizationSlug === undefined
      ? await locateOrganizations(deps.store.db)
      : [await organizationId(deps, organizationSlug)];
  const lines: string[] = [];
  let ok = true;
  for (const id of ids) {
    const verification = await verifyOrganization(deps, id);
    lines.push(lineOf(await slugOf(deps, id), verification));
    ok &&= verification.ok;
  }
  return { lines: lines.length === 0 ? ['There is no organization yet.'] : lines, ok };
}

/**
 * Exports one organization's events.
 * @param options `format` (ndjson if left out) and the filter's fields, as the API takes them
 * @throws Fault `not-found`, `invalid-input`
 */
export async function auditExport(
  deps: CommandDependencies,
  organizationSlug: string,
  options: { readonly format?: string } & { readonly [K in keyof AuditFilter]?: string },
  writable: Writable,
): Promise<void> {
  const { format = 'ndjson', ...rest } = options;
  if (format !== 'ndjson' && format !== 'csv') {
    throw new Fault('invalid-input', `There is no format "${format}".`, {
      where: 'format',
      remedy: 'Use ndjson or csv.',
    });
  }
  const parsed = auditFilter.strict().safeParse(rest);
  if (!parsed.success) throw faultOf(parsed.error, 'filter');
  const chosen: { format: ExportFormat; filter: AuditFilter } = { format, filter: parsed.data };
  await exportEvents(deps, await organizationId(deps, organizationSlug), COMMAND, chosen, writable);
}

async function organizationId(deps: CommandDependencies, slug: string): Promise<string> {
  const id = await locateOrganization(deps.store.db, slug);
  if (id === undefined) throw new Fault('not-found', `There is no organization "${slug}".`);
  return id;
}

async function slugOf(deps: CommandDependencies, id: string): Promise<string> {
  const found = await inTenant(
    deps.store.db,
    id,
    COMMAND,
    (tx) => tx.db.selectFrom('organizations').select('slug').where('id', '=', id).executeTakeFirst(),
    'reader',
  );
  return found?.slug ?? id;
}

function lineOf(slug: string, { verified, unsealed, head, broken }: Verification): string {
  const count = `${verified} sealed ${verified === 1 ? 'event' : 'events'} verified`;
  const waiting = unsealed === 0 ? '' : `, ${unsealed} not sealed yet`;
  const end = head === null ? '' : `; head ${head.position} ${head.hash}`;
  if (broken === null) return `${slug}: ok, ${count}${waiting}${end}`;
  return `${slug}: BROKEN at event ${broken.eventId} (${broken.kind}). ${broken.finding} ${count} before it.`;
}
