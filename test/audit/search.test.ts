/** Finding events among very many: every filter, page by page, by the API, the command line and the exports alike. */
import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { describe, it } from 'node:test';
import { sql } from 'kysely';
import { auditExport, auditSearch } from '../../src/audit/audit-command.ts';
import { type AuditFilter, pageOfEvents, type ShownEvent } from '../../src/audit/search.ts';
import { makeCompany } from '../harness/company.ts';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';
import { asSuperuser } from './arrange.ts';

const EVENTS = Number(process.env['AUDIT_EVENTS'] ?? 30_000);
const database = await openTestDatabase();
const server = await startTestServer(database);
const acme = await makeCompany(server, database);

// A year of history: most of it one loud action, some of everything else, one needle.
const months = Array.from(
  { length: 12 },
  (_, ago) => `(date_trunc('month', now()) - interval '${ago + 1} months')::date`,
);
await asSuperuser(
  database,
  ...months.map((month) => `SELECT make_audit_month('audit_events', 'at', ${month})`),
  `INSERT INTO audit_events (organization_id, at, actor_kind, actor_id, actor_label, action, resource_type, resource_id, outcome, detail, request_id)
    SELECT '${acme.id}', now() - interval '1 year' + (n * (interval '364 days' / ${EVENTS})), 'user', 'u' || n % 500, 'p' || n % 500 || '@acme.example',
      CASE WHEN n % 1000 = 7 THEN 'session.ended' WHEN n % 1000 = 8 THEN 'sessions.ended' ELSE 'grant.issued' END,
      CASE WHEN n = 99 THEN 'needle' ELSE 'grant' END, 'r' || n, CASE n % 400 WHEN 0 THEN 'denied' ELSE 'success' END,
      jsonb_build_object('user', 'u' || n % 300), 'request-' || n / 3
    FROM generate_series(1, ${EVENTS}) n`,
  'ANALYZE audit_events',
);

const search = async (query: string) => (await acme.api('get', `/audit-events?${query}`).expect(200)).body;

const FILTERS: readonly [query: string, matches: (event: ShownEvent) => boolean][] = [
  ['user=u7', ({ actorId, detail }) => actorId === 'u7' || (detail as { user?: string }).user === 'u7'],
  ['actor=u7', ({ actorId }) => actorId === 'u7'],
  ['actor=p7@acme.example', ({ actorLabel }) => actorLabel === 'p7@acme.example'],
  ['action=session.ended', ({ action }) => action === 'session.ended'],
  ['action=session.*', ({ action }) => action.startsWith('session.')],
  ['resourceType=needle', ({ resourceType }) => resourceType === 'needle'],
  ['resourceType=needle&resourceId=r99', ({ resourceId }) => resourceId === 'r99'],
  ['outcome=denied', ({ outcome }) => outcome === 'denied'],
  ['requestId=request-50', ({ requestId }) => requestId === 'request-50'],
  [
    'user=u8&outcome=denied&action=grant.*',
    (event) => event.outcome === 'denied' && (event.detail as { user?: string }).user === 'u8',
  ],
];

describe('among very many audit events', () => {
  it('given a filter, then search by API and command line and the exports find exactly what it names, page by page', async () => {
    const everything: ShownEvent[] = [];
    for (let cursor: number | null = null; ; ) {
      const page: { events: ShownEvent[]; next: number | null } = await search(
        `limit=500${cursor === null ? '' : `&cursor=${cursor}`}`,
      );
      everything.push(...page.events);
      cursor = page.next;
      if (cursor === null || everything.length >= 30_000) break;
    }
    assert.ok(everything.length >= Math.min(EVENTS, 30_000));
    if (EVENTS > 30_000) return;
    for (const [query, matches] of FILTERS) {
      const expected = everything.filter(matches).map(({ id }) => id);
      const found: number[] = [];
      for (let cursor: string | undefined; ; ) {
        const page = await search(`${query}&limit=40${cursor === undefined ? '' : `&cursor=${cursor}`}`);
        found.push(...page.events.map(({ id }: ShownEvent) => id));
        if (page.next === null) break;
        cursor = page.next;
      }
      assert.deepEqual(found, expected, query);
      const filter = Object.fromEntries(new URLSearchParams(query)) as { [K in keyof AuditFilter]?: string };
      const page = await auditSearch(server.deps, acme.slug, { ...filter, limit: '40' });
      assert.deepEqual(
        page.events.map(({ id }) => id),
        expected.slice(0, 40),
        `${query} by the command line`,
      );
      const exported = new PassThrough();
      const [lines] = await Promise.all([text(exported), auditExport(server.deps, acme.slug, filter, exported)]);
      const ids = lines
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line).id);
      assert.deepEqual(ids, expected.toReversed(), `${query} exported`);
    }
  });

  it('given a filter that names few, then a page of them costs little, however many others there are', async () => {
    for (const [query] of FILTERS) {
      const filter = Object.fromEntries(new URLSearchParams(query)) as AuditFilter;
      const pages = await acme.within(async (tx) => {
        const before = await blocks(tx);
        await pageOfEvents(tx, filter, { limit: 20 });
        return (await blocks(tx)) - before;
      });
      // Without an index it would be a block for every thirty events and more.
      assert.ok(pages < 300 + EVENTS / 300, `${query}: ${pages} blocks`);
    }
  });

  it('given a range of dates, then only its months are looked at', async () => {
    const range = await search('from=2999-01-01T00:00:00Z&to=2999-02-01T00:00:00Z');
    assert.deepEqual(range, { events: [], next: null });
    const [from, to] = [400, 30].map((days) => new Date(Date.now() - days * 86_400_000).toISOString());
    const filter = { from, to } as AuditFilter;
    const page = await acme.within((tx) => pageOfEvents(tx, filter, { limit: 5 }));
    assert.ok(page.length === 5 && page.every(({ at }) => at < (to ?? '')));
  });

  it('given what is no filter, then it is refused by name', async () => {
    for (const query of [
      'user=',
      'outcome=perhaps',
      'from=yesterday',
      'action=;drop',
      'limit=501',
      'cursor=-1',
      `requestId=${'x'.repeat(101)}`,
    ]) {
      const { body } = await acme.api('get', `/audit-events?${query}`).expect(400);
      assert.match(body.detail, new RegExp(query.split('=')[0] ?? ''));
    }
    await assert.rejects(auditSearch(server.deps, acme.slug, { limit: 'many' }), /limit/);
  });
});

/** Blocks that this connection's transaction has asked for. */
async function blocks({ db }: { db: Parameters<ReturnType<typeof sql>['execute']>[0] }): Promise<number> {
  const { rows } = await sql<{ blocks: number }>`
    SELECT sum(pg_stat_get_xact_blocks_fetched(c.oid))::bigint AS blocks FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'audit_months'`.execute(db);
  return rows[0]?.blocks ?? 0;
}
