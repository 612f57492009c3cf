/** What leaves by an export: OCSF as its schema asks, CSV that no spreadsheet takes for formulas, and never more at once than a page. */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { csvLine } from '../../src/audit/csv.ts';
import { asOcsf } from '../../src/audit/ocsf.ts';
import type { ShownEvent } from '../../src/audit/search.ts';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';
import { asSuperuser, companyWithHistory } from './arrange.ts';

const database = await openTestDatabase();
const server = await startTestServer(database);

/** What OCSF 1.5 asks of each class beyond every event's own: required attributes, and activities besides 0 and 99. */
const EVERY = ['activity_id', 'category_uid', 'class_uid', 'metadata', 'severity_id', 'time', 'type_uid'];
const CLASSES: Record<number, { required: string[]; activities: number; oneOf?: string[] }> = {
  3001: { required: ['user'], activities: 11 },
  3002: { required: ['user'], activities: 5, oneOf: ['service', 'dst_endpoint'] },
  3004: { required: ['entity'], activities: 4 },
  3005: { required: ['user', 'privileges'], activities: 4 },
  3006: { required: ['group'], activities: 6, oneOf: ['privileges', 'user'] },
  6003: { required: ['actor', 'api', 'src_endpoint'], activities: 4 },
};
/** Of these objects at least one attribute must be there. */
const OBJECTS: Record<string, string[]> = {
  user: ['account', 'name', 'uid', 'email_addr'],
  entity: ['name', 'uid'],
  group: ['name', 'uid'],
  actor: ['user', 'process', 'session', 'app_name'],
  src_endpoint: ['ip', 'name', 'uid', 'svc_name', 'hostname'],
  service: ['name', 'uid'],
  api: ['operation'],
};

function checkOcsf(event: Record<string, unknown>): void {
  const { class_uid, activity_id, category_uid, type_uid, metadata, time, severity_id } = event as Record<
    string,
    number
  > & {
    metadata: { version?: string; product?: { name?: string } };
  };
  const asked = CLASSES[class_uid ?? 0];
  assert.ok(asked, `class ${class_uid}`);
  for (const name of [...EVERY, ...asked.required])
    assert.ok(event[name] !== undefined, `${class_uid} without ${name}`);
  if (asked.oneOf)
    assert.ok(
      asked.oneOf.some((name) => event[name] !== undefined),
      `${class_uid}: none of ${asked.oneOf}`,
    );
  assert.ok(activity_id === 99 || (Number(activity_id) >= 1 && Number(activity_id) <= asked.activities));
  assert.equal(category_uid, Math.floor(Number(class_uid) / 1000));
  assert.equal(type_uid, Number(class_uid) * 100 + Number(activity_id));
  assert.ok(Number.isSafeInteger(time) && [1, 2, 3, 4, 5, 6, 99].includes(Number(severity_id)));
  assert.ok(metadata.version === '1.5.0' && metadata.product?.name);
  for (const [name, some] of Object.entries(OBJECTS)) {
    const object = event[name] as Record<string, unknown> | undefined;
    if (object === undefined) continue;
    assert.ok(
      some.some((key) => typeof object[key] === 'string' || typeof object[key] === 'object'),
      `${name} is empty`,
    );
  }
}

/** Every action that the program's source names. */
const ACTIONS = new Set(
  globSync('src/**/*.ts').flatMap((file) =>
    [...readFileSync(file, 'utf8').matchAll(/(?:action: |SELECT )'([a-z_]+\.[a-z_]+)'/g)].map(
      ([, action]) => action ?? '',
    ),
  ),
);

const EVENT: ShownEvent = {
  id: 7,
  at: '2026-05-01T10:00:00.123456Z',
  actorKind: 'user',
  actorId: 'a1',
  actorLabel: 'ana@acme.example',
  action: 'x.y',
  resourceType: 'membership',
  resourceId: 'm1',
  outcome: 'success',
  reason: '',
  detail: {},
  requestId: null,
  address: null,
};

describe('exports', () => {
  it('given each action that there is, with much or little said of it, then it is what the schema of its OCSF class asks', () => {
    assert.ok(ACTIONS.size > 60, `${ACTIONS.size} actions`);
    for (const action of ACTIONS) {
      for (const outcome of ['success', 'failure', 'denied']) {
        checkOcsf(asOcsf('o1', { ...EVENT, action, outcome }));
        const more = {
          detail: { user: 'u1', email: 'u@x.example', role: 'member', slug: 's' },
          requestId: 'r',
          address: '::1',
          reason: 'why',
        };
        checkOcsf(asOcsf('o1', { ...EVENT, ...more, action, outcome }));
      }
    }
  });

  it('given what matters most, then it is the class and activity that a SIEM looks for', () => {
    const typeOf = (action: string) => asOcsf('o1', { ...EVENT, action })['type_uid'];
    const expected = {
      'sign_in.succeeded': 300201,
      'sign_in.refused': 300201,
      'session.ended': 300202,
      'user.created': 300101,
      'user.suspended': 300105,
      'user.deprovisioned': 300106,
      'password.set': 300103,
      'second_factor.added': 300110,
      'membership.granted': 300503,
      'membership.removed': 300504,
      'directory_group.created': 300606,
      'api_key.created': 300401,
      'api_key.revoked': 300404,
      'connection.updated': 300403,
      'audit.exported': 600302,
    };
    for (const [action, type] of Object.entries(expected)) assert.equal(typeOf(action), type, action);
  });

  it('given a company’s whole history, then its OCSF export is complete and valid', async () => {
    const acme = await companyWithHistory(server, database);
    const path = `/api/v1/organizations/${acme.slug}/audit-events/export?format=ocsf`;
    const answer = await fetch(server.url + path, { headers: { authorization: server.operator } });
    assert.match(answer.headers.get('content-disposition') ?? '', /audit-events\.ocsf\.ndjson/);
    const events = (await answer.text())
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    const all = await acme.api('get', '/audit-events?limit=500').expect(200);
    assert.equal(events.length, all.body.events.length - 1, 'all but the export itself');
    events.forEach(checkOcsf);
    assert.ok(events.every(({ metadata }) => metadata.tenant_uid === acme.id));
  });

  it('WEB-14 given any text in any field, then a spreadsheet sees no formula, and nothing is lost', () => {
    const field = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('=1+1', '+1', '-1', '@SUM(A1)', '\t=1', '\r=1', ' =1', '＝1', '﻿=1'),
    );
    const property = fc.property(fc.array(field, { minLength: 1, maxLength: 5 }), (fields) => {
      const [read] = parse(csvLine(fields), { relax_column_count: true }) as string[][];
      assert.equal(read?.length, fields.length);
      for (const [at, text] of (read ?? []).entries()) {
        assert.doesNotMatch(text, /^[\s﻿]*[=+\-@＝＋－＠]/);
        assert.ok(text === fields[at] || text === `'${fields[at]}`);
      }
    });
    fc.assert(property, { numRuns: 500 });
  });

  it('given a reader that is slow, then the server reads no further ahead than a page or so, and holds no transaction', async () => {
    const acme = await companyWithHistory(server, database);
    await asSuperuser(
      database,
      `INSERT INTO audit_events (organization_id, actor_kind, actor_id, actor_label, action, resource_type, resource_id, outcome, reason)
        SELECT '${acme.id}', 'system', 'x', 'x', 'many.made', 'many', n::text, 'success', repeat('x', 2000) FROM generate_series(1, 12000) n`,
    );
    const before = process.memoryUsage().rss;
    const path = `/api/v1/organizations/${acme.slug}/audit-events/export?format=ocsf&action=many.made`;
    const answer = await fetch(server.url + path, { headers: { authorization: server.operator } });
    await wait(300);
    const waiting = await asSuperuser<{ n: string }>(
      database,
      `SELECT count(*) AS n FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'`,
    );
    assert.equal(waiting[0]?.n, '0');
    let bytes = 0;
    for await (const chunk of answer.body ?? []) bytes += (chunk as Uint8Array).length;
    assert.ok(bytes > 12_000 * 2000);
    assert.ok(process.memoryUsage().rss - before < 150_000_000, 'both ends together');
  });
});
