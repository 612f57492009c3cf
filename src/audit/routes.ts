/** Audit events in the administration API: search, export, checkpoints, retention. */
import type { Request } from 'express';
import { Fault } from '../errors.ts';
import { callerOf, tenantOf, withinTenant } from '../http/caller.ts';
import { type ApiRouter, apiRouter, endpoint } from '../http/endpoint.ts';
import type { Log } from '../log.ts';
import type { Settings } from '../settings.ts';
import type { Store } from '../store/database.ts';
import type { TenantTransaction } from '../store/tenant.ts';
import { activityAnswer, lastDay } from './activity.ts';
import { checkpointKey, makeCheckpoint } from './checkpoint.ts';
import { type ExportFormat, exportEvents, exportFormat } from './export.ts';
import { type FindPeople, ingest, ingestInput } from './ingest.ts';
import { putRetention, readRetention, retentionInput } from './retention.ts';
import { auditFilter, eventPage, pageInput, searchPage } from './search.ts';

interface Dependencies {
  readonly settings: Settings;
  readonly store: Pick<Store, 'db'>;
  readonly log: Log;
  readonly findPeople: FindPeople;
}

const FILES: Record<ExportFormat, { readonly type: string; readonly ending: string }> = {
  ndjson: { type: 'application/x-ndjson', ending: 'ndjson' },
  csv: { type: 'text/csv', ending: 'csv' },
  ocsf: { type: 'application/x-ndjson', ending: 'ocsf.ndjson' },
};

/** Routes below `/api/v1/organizations/:organization`. */
export function auditRoutes(deps: Dependencies): ApiRouter {
  const api = apiRouter('/api/v1/organizations/:organization');
  declareReading(api, deps);
  declareCheckpoint(api, deps);
  declareRetention(api, deps);
  declareIngest(api, deps);
  return api;
}

function declareReading(api: ApiRouter, deps: Dependencies): void {
  endpoint(
    api,
    {
      method: 'get',
      path: '/audit-events',
      summary: 'Search audit events, newest first',
      area: 'audit',
      query: auditFilter.extend(pageInput.shape),
      answer: eventPage,
    },
    ({ query: { cursor, limit, ...filter } }, request) =>
      withinTenant(deps.store.db, request, (tx) => searchPage(tx, filter, { cursor, limit }), 'reader'),
  );

  endpoint(
    api,
    {
      method: 'get',
      path: '/activity',
      summary: 'How much happened in the last day, hour by hour',
      area: 'audit',
      answer: activityAnswer,
    },
    (_, request) => withinTenant(deps.store.db, request, lastDay, 'reader'),
  );

  endpoint(
    api,
    {
      method: 'get',
      path: '/audit-events/export',
      summary: 'Export audit events, oldest first, as NDJSON, CSV, or OCSF in NDJSON',
      area: 'audit',
      query: auditFilter.extend({ format: exportFormat.default('ndjson') }),
      status: 200,
    },
    async ({ query: { format, ...filter } }, request, response) => {
      const { organizationId, origin } = tenantOf(request);
      response.status(200).type(FILES[format].type);
      response.set('Content-Disposition', `attachment; filename="audit-events.${FILES[format].ending}"`);
      response.set('Cache-Control', 'no-store');
      await exportEvents(deps, organizationId, origin, { format, filter }, response).catch((error: unknown) => {
        // Once lines have left, the only honest sign of a failure is an answer that breaks off.
        if (!response.headersSent) throw error;
        deps.log.warn({ error }, 'an audit export broke off');
        response.destroy();
      });
    },
  );
}

function declareCheckpoint(api: ApiRouter, { settings, store }: Dependencies): void {
  const { current } = settings.secrets.sealingKeys;
  endpoint(
    api,
    {
      method: 'get',
      path: '/audit-checkpoint',
      summary: 'Where the chain of audit events ends now, signed (JWS), to be kept elsewhere; and the public key',
      area: 'audit',
    },
    async (_, request) => {
      const sign = (tx: TenantTransaction) => makeCheckpoint(tx, current, settings.http.baseUrl);
      const checkpoint = await withinTenant(store.db, request, sign, 'reader');
      return { checkpoint: checkpoint ?? null, key: await checkpointKey(current) };
    },
  );
}

function declareRetention(api: ApiRouter, { settings, store }: Dependencies): void {
  const path = '/audit-retention';
  endpoint(
    api,
    { method: 'get', path, summary: 'How long audit events are kept, and what was let go', area: 'audit' },
    (_, request) => withinTenant(store.db, request, (tx) => readRetention(tx, settings), 'reader'),
  );
  endpoint(
    api,
    { method: 'put', path, summary: "Set how long audit events are kept; the operator's alone", body: retentionInput },
    async ({ body }, request) => {
      requireOperator(request);
      return withinTenant(store.db, request, async (tx) => {
        await putRetention(tx, body.months);
        return readRetention(tx, settings);
      });
    },
  );
}

/** An administrator must not be able to hasten the end of what is told of them. */
function requireOperator(request: Request): void {
  if (callerOf(request).actor.kind === 'operator') return;
  throw new Fault('forbidden', "How long audit events are kept is the operator's to say.");
}

function declareIngest(api: ApiRouter, { store, findPeople }: Dependencies): void {
  endpoint(
    api,
    {
      method: 'post',
      path: '/audit-events',
      summary: "Record the platform's own events; takes a key with the scope audit:write, or the operator",
      body: ingestInput,
      status: 200,
    },
    async ({ body }, request) => {
      if (!callerOf(request).hasScope('audit:write')) {
        throw new Fault('forbidden', 'This needs a key with the scope audit:write.');
      }
      return withinTenant(store.db, request, (tx) => ingest(tx, findPeople, body.events));
    },
  );
}
