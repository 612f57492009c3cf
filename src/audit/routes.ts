/** Audit events in the administration API: search and export. */
import { z } from 'zod';
import { tenantOf, withinTenant } from '../http/caller.ts';
import { type ApiRouter, apiRouter, endpoint } from '../http/endpoint.ts';
import type { Log } from '../log.ts';
import type { Store } from '../store/database.ts';
import { type ExportFormat, exportEvents } from './export.ts';
import { auditFilter, pageOfEvents } from './search.ts';

const MEDIA_TYPE: Record<ExportFormat, string> = { ndjson: 'application/x-ndjson', csv: 'text/csv' };

/** Routes below `/api/v1/organizations/:organization`. */
export function auditRoutes(deps: { readonly store: Pick<Store, 'db'>; readonly log: Log }): ApiRouter {
  const api = apiRouter('/api/v1/organizations/:organization');
  endpoint(
    api,
    {
      method: 'get',
      path: '/audit-events',
      summary: 'Search audit events, newest first',
      area: 'audit',
      query: auditFilter.extend({
        /** `next` of the page before. */
        cursor: z.coerce.number().int().min(0).optional(),
        limit: z.coerce.number().int().min(1).max(500).default(100),
      }),
    },
    async ({ query: { cursor, limit, ...filter } }, request) => {
      const page = { limit, ...(cursor === undefined ? {} : { before: cursor }) };
      const search = withinTenant(deps.store.db, request, (tx) => pageOfEvents(tx, filter, page), 'reader');
      const events = await search;
      return { events, next: events.length === limit ? (events.at(-1)?.id ?? null) : null };
    },
  );

  endpoint(
    api,
    {
      method: 'get',
      path: '/audit-events/export',
      summary: 'Export audit events, oldest first, as NDJSON or CSV',
      area: 'audit',
      query: auditFilter.extend({ format: z.enum(['ndjson', 'csv']).default('ndjson') }),
      status: 200,
    },
    async ({ query: { format, ...filter } }, request, response) => {
      const { organizationId, origin } = tenantOf(request);
      response.status(200).type(MEDIA_TYPE[format]);
      response.set('Content-Disposition', `attachment; filename="audit-events.${format}"`);
      response.set('Cache-Control', 'no-store');
      await exportEvents(deps, organizationId, origin, { format, filter }, response).catch((error: unknown) => {
        // Once lines have left, the only honest sign of a failure is an answer that breaks off.
        if (!response.headersSent) throw error;
        deps.log.warn({ error }, 'an audit export broke off');
        response.destroy();
      });
    },
  );
  return api;
}
