/** The chain of seals against somebody who owns the database, and the events against the application itself. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { sql } from 'kysely';
import pg from 'pg';
import { auditVerify } from '../../src/audit/audit-command.ts';
import { CHAIN_START, type SealableEvent, sealOf } from '../../src/audit/chain.ts';
import { checkpointKey, makeCheckpoint } from '../../src/audit/checkpoint.ts';
import { sealAll } from '../../src/audit/seal.ts';
import { SEALABLE } from '../../src/audit/sealable.sql.ts';
import { verifyOrganization } from '../../src/audit/verify.ts';
import type { Witness } from '../../src/audit/walk.ts';
import { openLog } from '../../src/log.ts';
import { sealingKeysOf } from '../../src/sealing-keys.ts';
import { run, until } from '../harness/command.ts';
import type { Company } from '../harness/company.ts';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';
import { asSuperuser, companyWithHistory, sealWhole } from './arrange.ts';

const database = await openTestDatabase();
const server = await startTestServer(database);
const acme = await companyWithHistory(server, database);

/** The sealed events in their order. */
async function chainOf(made: Company): Promise<(SealableEvent & { readonly seal: string })[]> {
  const { rows } = await made.within(({ db }) =>
    sql<SealableEvent & { seal: string }>`
      SELECT ${SEALABLE}, encode(s.hash, 'hex') AS seal FROM audit_events e
      JOIN audit_seals s ON s.organization_id = e.organization_id AND s.event_id = e.id ORDER BY s.position`.execute(
      db,
    ),
  );
  return rows;
}

/** Everything back as it was. */
const KEPT = ['audit_events', 'audit_seals'] as const;
const columns = async (table: string) =>
  (
    await asSuperuser<{ list: string }>(
      database,
      `SELECT string_agg(column_name, ',') AS list FROM information_schema.columns
        WHERE table_schema = 'public' AND table_name = '${table}' AND is_generated = 'NEVER'`,
    )
  )[0]?.list;
const restoring: string[] = [];
for (const table of KEPT) {
  const list = await columns(table);
  await asSuperuser(database, `CREATE TABLE audit_months.kept_${table} AS SELECT ${list} FROM ${table}`);
  restoring.push(
    `DELETE FROM ${table}`,
    `INSERT INTO ${table} (${list}) SELECT ${list} FROM audit_months.kept_${table}`,
  );
}

const chain = await chainOf(acme);
const last = chain.length - 1;
const idAt = (at: number) => chain[at]?.id ?? 0;
const event = (at: number) => `organization_id = '${acme.id}' AND id = ${idAt(at)}`;
const seal = (at: number) => `organization_id = '${acme.id}' AND position = ${at + 1}`;
const checkpoint: Witness = { position: chain.length, eventId: idAt(last), hash: chain[last]?.seal ?? '' };

interface Tampering {
  readonly statements: readonly string[];
  /** The event that is named; undefined where its id comes of the last statement. */
  readonly names?: number;
  readonly kind: string;
  readonly witnessed?: true;
}

const COLUMNS: Record<string, string> = {
  at: "at - interval '1 day'",
  actor_kind: "'nobody'",
  actor_id: "actor_id || 'x'",
  actor_label: "'somebody else'",
  action: "action || '.not'",
  resource_type: "'thing'",
  resource_id: "resource_id || ' '",
  outcome: "CASE outcome WHEN 'success' THEN 'denied' ELSE 'success' END",
  reason: "reason || '.'",
  detail: `detail || '{"more": 1}'`,
  request_id: "coalesce(request_id, '') || 'x'",
  address: "coalesce(address, '') || '1'",
};

/** Each way to tamper, at a place between the first and the last but one. */
const TAMPERING = {
  edited: (at: number, pick: number) => {
    const [column, value] = Object.entries(COLUMNS)[pick % 12] ?? [];
    return {
      statements: [`UPDATE audit_events SET ${column} = ${value} WHERE ${event(at)}`],
      names: idAt(at),
      kind: 'edited',
    };
  },
  removed: (at: number) => ({
    statements: [`DELETE FROM audit_events WHERE ${event(at)}`],
    names: idAt(at),
    kind: 'removed',
  }),
  'removed with its seal': (at: number) => ({
    statements: [`DELETE FROM audit_events WHERE ${event(at)}`, `DELETE FROM audit_seals WHERE ${seal(at)}`],
    names: idAt(at + 1),
    kind: 'removed',
  }),
  inserted: () => ({
    statements: [
      `INSERT INTO audit_events (organization_id, actor_kind, actor_id, actor_label, action, resource_type, resource_id, outcome, xid)
        SELECT organization_id, actor_kind, actor_id, actor_label, action, resource_type, 'slipped in', outcome, xid
        FROM audit_events WHERE ${event(0)} RETURNING id`,
    ],
    kind: 'inserted',
  }),
  exchanged: (at: number, pick: number) => {
    const other = at + 1 + (pick % (last - at));
    const exchange = ([one, two]: readonly [number, number]) =>
      ['at', 'resource_id', 'detail', 'action'].map(
        (column) => `UPDATE audit_events SET ${column} = (SELECT ${column} FROM audit_months.kept_audit_events
          WHERE id = ${idAt(two)}) WHERE ${event(one)}`,
      );
    const statements = [...exchange([at, other]), ...exchange([other, at])];
    return { statements, names: idAt(at), kind: 'edited' };
  },
  'put elsewhere': (at: number) => ({
    statements: [
      `UPDATE audit_events SET xid = ((SELECT max(xid) FROM audit_events)::text::bigint + 1)::text::xid8 WHERE ${event(at)}`,
    ],
    names: idAt(at),
    kind: 'reordered',
  }),
  'seal removed': (at: number) => ({
    statements: [`DELETE FROM audit_seals WHERE ${seal(at)}`],
    names: idAt(at),
    kind: 'removed',
  }),
  'seal edited': (at: number) => ({
    statements: [`UPDATE audit_seals SET hash = sha256(hash) WHERE ${seal(at)}`],
    names: idAt(at),
    kind: 'edited',
  }),
  'end cut off': (at: number) => ({
    statements: [
      `DELETE FROM audit_events WHERE organization_id = '${acme.id}' AND (xid, id) > (SELECT xid, id FROM audit_events WHERE ${event(at)})`,
      `DELETE FROM audit_seals WHERE organization_id = '${acme.id}' AND position > ${at + 1}`,
    ],
    names: checkpoint.eventId,
    kind: 'truncated',
    witnessed: true,
  }),
  'rewritten to the end': (at: number) => ({
    statements: [`UPDATE audit_events SET actor_label = 'somebody else' WHERE ${event(at)}`, ...resealed(at)],
    names: checkpoint.eventId,
    kind: 'rewritten',
    witnessed: true,
  }),
} satisfies Record<string, (at: number, pick: number) => Tampering>;
type How = keyof typeof TAMPERING;
const WAYS = Object.keys(TAMPERING) as How[];

/** New seals for an event whose actor is now another, and for all that come after. */
function resealed(at: number): string[] {
  let hash: Buffer = CHAIN_START;
  return chain.map((each, index) => {
    const { seal: _, ...plain } = each;
    hash = sealOf(hash, index === at ? { ...plain, actorLabel: 'somebody else' } : plain);
    return `UPDATE audit_seals SET hash = '\\x${hash.toString('hex')}' WHERE ${seal(index)}`;
  });
}

describe('the chain of seals', () => {
  it('given anybody with all rights tampers at any place in any way, then verification fails and names the first broken event', async () => {
    assert.ok(chain.length > 30);
    const tampering = fc.record({
      how: fc.constantFrom(...WAYS),
      at: fc.nat({ max: last - 2 }),
      pick: fc.nat(),
    });
    const seen = new Set<How>();
    const tamper = async ({ how, at, pick }: { how: How; at: number; pick: number }) => {
      seen.add(how);
      const { statements, names, kind, witnessed } = TAMPERING[how](at, pick) as Tampering;
      const rows = await asSuperuser<{ id?: string }>(database, ...restoring, ...statements);
      const { broken } = await verifyOrganization(server.deps, acme.id, witnessed ? [checkpoint] : []);
      assert.deepEqual([broken?.kind, broken?.eventId], [kind, names ?? Number(rows[0]?.id)], `${how} at ${at}`);
    };
    const examples = WAYS.map((how): [{ how: How; at: number; pick: number }] => [{ how, at: 3, pick: 4 }]);
    await fc.assert(fc.asyncProperty(tampering, tamper), {
      numRuns: Number(process.env['TAMPER_RUNS'] ?? 60),
      examples,
    });
    assert.equal(seen.size, WAYS.length);
    await asSuperuser(database, ...restoring);
    const whole = await verifyOrganization(server.deps, acme.id, [checkpoint]);
    assert.partialDeepStrictEqual(whole, { ok: true, verified: chain.length, broken: null });
  });

  it('given signed checkpoints kept outside, when the end is cut off, then audit verify tells it by them; a foreign one is refused', async () => {
    const made = await companyWithHistory(server, database);
    const file = join(tmpdir(), `checkpoints-${made.id}`);
    const kept = await run(database, ['audit', 'checkpoint']);
    assert.equal(kept.code, 0, kept.stderr);
    assert.equal(kept.stdout.trim().split('\n').length, 2, 'one for each organization');
    writeFileSync(file, kept.stdout);
    const { body } = await made.api('get', '/audit-checkpoint').expect(200);
    assert.equal(JSON.parse(Buffer.from(body.checkpoint.split('.')[1], 'base64url').toString()).sub, made.id);

    await made.api('put', '/workspaces/later').send({}).expect(200);
    await sealWhole(server, made);
    const [cut] = await asSuperuser<{ event: string }>(
      database,
      `DELETE FROM audit_events WHERE organization_id = '${made.id}' AND id > (SELECT max(event_id) - 3 FROM audit_seals WHERE organization_id = '${made.id}')`,
      `DELETE FROM audit_seals s WHERE NOT EXISTS (SELECT 1 FROM audit_events e WHERE e.id = s.event_id) RETURNING event_id AS event`,
    );
    assert.ok(cut);
    assert.equal((await auditVerify(server.deps)).ok, true, 'the chain alone can not know');
    const bad = await run(database, ['audit', 'verify', '--checkpoint', file]);
    assert.equal(bad.code, 1, bad.stderr);
    assert.match(bad.stdout, new RegExp(`${made.slug}: BROKEN at event \\d+ \\(truncated\\)`));

    const foreign = sealingKeysOf([Buffer.alloc(32, 9)]).current;
    const other = (await made.within((tx) => makeCheckpoint(tx, foreign, 'https://other.example'))) ?? '';
    await assert.rejects(
      auditVerify(server.deps, made.slug, { checkpoints: `\n${other}` }),
      /not a checkpoint that this installation has signed/,
    );
    const key = JSON.stringify(await checkpointKey(foreign));
    const trusted = await auditVerify(server.deps, made.slug, { checkpoints: other, key });
    assert.match(trusted.lines.join(), /1 of 1 checkpoints met/, 'with the public key that was kept beside it');
  });

  it('given what happens to no organization, then it is sealed and verified as well', async () => {
    await server
      .api('put', '/apps/insights')
      .send({ name: 'Insights', redirectUris: ['https://insights.example/callback'] })
      .expect(200);
    const proven = async () => {
      await sealAll(server.deps);
      return /the installation: ok, [1-9]\d* sealed/.test((await auditVerify(server.deps)).lines.join('\n'));
    };
    await until(proven, 30, 'the installation is sealed');
  });

  it('given a transaction that never ends, then the delay of the seals is alarmed in the log and once in the audit', async () => {
    const stuck = new pg.Client({ connectionString: database.ownerUrl });
    await stuck.connect();
    await stuck.query('BEGIN');
    await stuck.query('SELECT pg_current_xact_id()');
    const lines: string[] = [];
    const log = openLog('error', { write: (line) => void lines.push(line) });
    await acme.api('put', '/workspaces/waits').send({}).expect(200);
    await asSuperuser(
      database,
      `UPDATE audit_events SET at = at - interval '20 minutes' WHERE action = 'workspace.created' AND detail ->> 'slug' = 'waits'`,
    );
    await sealAll({ ...server.deps, log });
    await sealAll({ ...server.deps, log });
    await stuck.query('ROLLBACK');
    await stuck.end();
    assert.equal(lines.filter((line) => line.includes('wait to be sealed') && line.includes(acme.id)).length, 2);
    const told = await acme.api('get', '/audit-events?action=audit.sealing_delayed').expect(200);
    assert.equal(told.body.events.length, 1);
    await sealWhole(server, acme);
    assert.partialDeepStrictEqual(await verifyOrganization(server.deps, acme.id), { ok: true, unsealed: 0 });
  });
});

describe('the application’s role', () => {
  const attempts = [
    "UPDATE audit_events SET reason = 'x'",
    'DELETE FROM audit_events',
    'TRUNCATE audit_events',
    'ALTER TABLE audit_events DISABLE TRIGGER ALL',
    'ALTER TABLE audit_events DISABLE ROW LEVEL SECURITY',
    'ALTER TABLE audit_events DETACH PARTITION audit_months.audit_events_other',
    'DROP TABLE audit_events',
    "SET session_replication_role = 'replica'",
    "UPDATE audit_seals SET hash = '\\x00'",
    'DELETE FROM audit_seals',
    'TRUNCATE audit_seals',
    'UPDATE audit_horizons SET position = 9',
    'DELETE FROM audit_horizons',
    "SELECT set_config('app.role', 'keeper', true); DELETE FROM audit_events",
    'SELECT 1 FROM audit_months.audit_events_other',
    "SELECT make_audit_month('audit_events', 'at', '2020-01-01')",
    "SELECT move_audit_rows('audit_events', 'audit_events', 'true')",
    'SELECT move_audit_horizon(app_tenant(), now())',
    ...['id, 1', 'at, now()', "xid, '1'"].map((chosen) => {
      const [column, value] = chosen.split(', ');
      return `INSERT INTO audit_events (organization_id, actor_kind, actor_id, actor_label, action, resource_type, resource_id, outcome, ${column})
        VALUES (app_tenant(), 'system', 'x', 'x', 'x', 'x', 'x', 'success', ${value})`;
    }),
  ];
  for (const attempt of attempts) {
    it(`given "${attempt.replaceAll(/\s+/g, ' ')}", then the database refuses`, async () => {
      const before = await verifyOrganization(server.deps, acme.id);
      await assert.rejects(
        acme.within(({ db }) => sql.raw(attempt).execute(db)),
        /permission denied|must be owner/,
      );
      assert.deepEqual(await verifyOrganization(server.deps, acme.id), before);
    });
  }
});
