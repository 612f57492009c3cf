/**
 * Writes audit events out as NDJSON, CSV or OCSF, a page at a time: whoever reads slowly holds no connection and no transaction. An export
 * is itself an event, recorded before the first line leaves.
 */
import { Readable, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import type { Store } from '../store/database.ts';
import { inTenant, type Origin } from '../store/tenant.ts';
import { csvLine } from './csv.ts';
import { asOcsf } from './ocsf.ts';
import { record } from './record.ts';
import { type AuditFilter, newestEvent, pageOfEvents, type ShownEvent } from './search.ts';

export const exportFormat = z.enum(['ndjson', 'csv', 'ocsf']);
export type ExportFormat = z.output<typeof exportFormat>;

const PAGE = 1000;
const CSV_COLUMNS = [
  'id',
  'at',
  'actorKind',
  'actorId',
  'actorLabel',
  'action',
  'resourceType',
  'resourceId',
  'outcome',
  'reason',
  'detail',
  'requestId',
  'address',
] as const satisfies readonly (keyof ShownEvent)[];

/**
 * Exports the events that exist at this moment and match the filter, oldest first.
 * @param to is ended when the last line is written; where it breaks off, the promise rejects
 */
export async function exportEvents(
  deps: { readonly store: Pick<Store, 'db'> },
  organizationId: string,
  origin: Origin,
  options: { readonly format: ExportFormat; readonly filter: AuditFilter },
  to: Writable,
): Promise<void> {
  const { format, filter } = options;
  const upTo = await inTenant(deps.store.db, organizationId, origin, async (tx) => {
    const newest = await newestEvent(tx);
    const resource = { type: 'organization', id: organizationId };
    await record(tx, { action: 'audit.exported', resource, detail: { format, filter } });
    return newest;
  });
  await pipeline(Readable.from(lines()), to);

  async function* lines(): AsyncGenerator<string> {
    if (format === 'csv') yield csvLine(CSV_COLUMNS);
    let after = 0;
    for (;;) {
      const stretch = { after, upTo, limit: PAGE };
      const read = deps.store.db;
      const page = await inTenant(read, organizationId, origin, (tx) => pageOfEvents(tx, filter, stretch), 'reader');
      if (page.length > 0) yield page.map((event) => lineOf(format, organizationId, event)).join('');
      if (page.length < PAGE) return;
      after = page.at(-1)?.id ?? upTo;
    }
  }
}

function lineOf(format: ExportFormat, organizationId: string, event: ShownEvent): string {
  if (format === 'csv') {
    return csvLine(CSV_COLUMNS.map((column) => (column === 'detail' ? JSON.stringify(event.detail) : event[column])));
  }
  return `${JSON.stringify(format === 'ocsf' ? asOcsf(organizationId, event) : event)}\n`;
}
