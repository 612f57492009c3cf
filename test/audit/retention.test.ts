/** How long events are kept: months that nobody asks for are dropped, and what remains still proves itself. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sql } from 'kysely';
import { keepAuditMonths, letGo } from '../../src/audit/retention.ts';
import { verifyOrganization } from '../../src/audit/verify.ts';
import { startSession } from '../../src/credentials/session.ts';
import { type Company, makeCompany } from '../harness/company.ts';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';
import { signedIn } from '../harness/signed-in.ts';
import { asSuperuser, sealWhole } from './arrange.ts';

const database = await openTestDatabase();
const server = await startTestServer(database);

/** Makes the partitions of so many months back, as the clock of that time would have. */
async function monthsBack(from: number, to: number): Promise<void> {
  for (let ago = from; ago >= to; ago -= 1) {
    const month = `(date_trunc('month', now() AT TIME ZONE 'UTC') - interval '${ago} months')::date`;
    await asSuperuser(
      database,
      `SELECT make_audit_month('audit_events', 'at', ${month})`,
      `SELECT make_audit_month('audit_seals', 'event_at', ${month})`,
    );
  }
}

/** Three events in each of the months, sealed; within the months' order one event of each is late. What is not sealed yet was before. */
async function past(made: Company, from: number, to: number): Promise<void> {
  await asSuperuser(
    database,
    `UPDATE audit_events SET at = date_trunc('month', now()) - interval '${from} months' WHERE organization_id = '${made.id}'
      AND id > (SELECT coalesce(max(event_id), 0) FROM audit_seals WHERE organization_id = '${made.id}')`,
  );
  for (let ago = from; ago >= to; ago -= 1) {
    const at = (days: number) => `date_trunc('month', now()) - interval '${ago} months' + interval '${days} days'`;
    for (const days of [20, 32, 21]) {
      await asSuperuser(
        database,
        `INSERT INTO audit_events (organization_id, at, actor_kind, actor_id, actor_label, action, resource_type, resource_id, outcome)
          VALUES ('${made.id}', ${at(days)}, 'system', 'x', 'x', 'past.event', 'past', '${ago}', 'success')`,
      );
    }
  }
  await sealWhole(server, made);
}

async function partitions(): Promise<string[]> {
  const rows = await asSuperuser<{ name: string }>(
    database,
    `SELECT relname AS name FROM pg_class WHERE relnamespace = 'audit_months'::regnamespace AND relkind = 'r' ORDER BY 1`,
  );
  return rows.map(({ name }) => name);
}

async function pastEvents(made: Company): Promise<number> {
  const { rows } = await made.within(({ db }) =>
    sql<{ n: number }>`SELECT count(*) AS n FROM audit_events WHERE action = 'past.event'`.execute(db),
  );
  return rows[0]?.n ?? 0;
}

/** The companies of one test keep to themselves: what others hold on to would keep the months. */
const company = () => makeCompany(server, database);

describe('retention', () => {
  it('given the clock, then this month and the next two are there; nothing is let go where nobody said how long', async () => {
    const made = await company();
    await monthsBack(10, 8);
    await past(made, 10, 8);
    await keepAuditMonths(server.deps, new Date(Date.UTC(2026, 0, 1, 0, 23)));
    const there = await partitions();
    for (const ahead of [0, 1, 2]) {
      const now = new Date();
      const month = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + ahead, 1)).toISOString().slice(0, 7);
      assert.ok(there.includes(`audit_events_${month.replace('-', '_')}`), month);
    }
    assert.equal(await pastEvents(made), 9);
  });

  it('given no month for an event, then it is written all the same, and put into its month when that is made', async () => {
    const made = await company();
    await past(made, 30, 30);
    assert.equal(await pastEvents(made), 3);
    await monthsBack(30, 29);
    const rows = await asSuperuser<{ n: string }>(
      database,
      `SELECT count(*) AS n FROM audit_months.audit_events_other WHERE organization_id = '${made.id}'`,
    );
    assert.equal(rows[0]?.n, '0');
    assert.partialDeepStrictEqual(await verifyOrganization(server.deps, made.id), { ok: true, broken: null });
  });

  it('given a retention, then only the operator sets it, never below six months, and it is audited', async () => {
    const made = await makeCompany(server, database, { model: 'fastn' });
    made.write('E1,owner@acme.example,Owner,Board,Owner,active');
    await made.sync();
    await made.api('post', '/memberships').send({ user: 'owner@acme.example', role: 'owner', scope: 'organization' });
    const userId = await made.person('owner@acme.example');
    const { token } = await made.within((tx) =>
      startSession(tx, { userId, connectionId: null, authenticatedBy: 'saml' }),
    );
    const owner = signedIn(server, token);
    const path = `/organizations/${made.slug}/audit-retention`;
    await owner('put', path).send({ months: 6 }).expect(403);
    await made.api('put', '/audit-retention').send({ months: 5 }).expect(400);
    await made.api('put', '/audit-retention').send({ months: 24 }).expect(200);
    const { body } = await owner('get', path).expect(200);
    assert.deepEqual(body, { months: 24, effectiveMonths: 24, letGo: null });
    await made.api('put', '/audit-retention').send({ months: null }).expect(200);
    const told = await made.api('get', '/audit-events?action=audit.retention_changed').expect(200);
    assert.deepEqual(
      told.body.events.map(({ detail }: { detail: unknown }) => detail),
      [
        { before: 24, months: null },
        { before: null, months: 24 },
      ],
    );
  });

  it('given two organizations of which one keeps less, then its events go, the other’s stay, and both chains verify from where they begin', async () => {
    const [brief, long] = [await company(), await company()];
    await monthsBack(14, 0);
    for (const each of [brief, long]) await past(each, 14, 1);
    await brief.api('put', '/audit-retention').send({ months: 6 }).expect(200);
    await letGo(server.deps);
    // Fourteen months of three; those of month 7 that are late, or come before a late one, wait for the next time.
    assert.ok((await pastEvents(brief)) < 23 && (await pastEvents(brief)) >= 18, `${await pastEvents(brief)}`);
    assert.equal(await pastEvents(long), 42);
    await sealWhole(server, brief);
    const verified = await verifyOrganization(server.deps, brief.id);
    assert.partialDeepStrictEqual(verified, { ok: true, unsealed: 0 });
    assert.ok((verified.expired?.position ?? 0) >= 19);
    assert.partialDeepStrictEqual(await verifyOrganization(server.deps, long.id), { ok: true, expired: null });
    const { body } = await brief.api('get', '/audit-events?action=audit.expired').expect(200);
    assert.equal(body.events[0].detail.position, verified.expired?.position);
  });

  it('given nobody keeps a month any longer, then it is dropped as a whole; what was witnessed later still holds', async () => {
    const rows = await asSuperuser<{ slug: string }>(database, 'SELECT slug FROM organizations');
    for (const { slug } of rows) {
      await server.api('put', `/organizations/${slug}/audit-retention`).send({ months: 12 }).expect(200);
    }
    const before = await partitions();
    const made = await company();
    await past(made, 20, 20);
    const installation = { ...server.deps, settings: { ...server.deps.settings, audit: { retentionMonths: 7 } } };
    await letGo(installation);
    const after = await partitions();
    const dropped = before.filter((name) => !after.includes(name));
    assert.ok(dropped.length >= 4, dropped.join());
    assert.ok(dropped.every((name) => /_\d{4}_\d{2}$/.test(name)));
    await letGo(installation);
    assert.deepEqual(await partitions(), after, 'once is enough');
    for (const { slug, id } of await asSuperuser<{ slug: string; id: string }>(
      database,
      'SELECT slug, id FROM organizations',
    )) {
      const { broken } = await verifyOrganization(server.deps, id);
      assert.equal(broken, null, slug);
    }
  });

  it('given somebody removes the beginning of a chain and pretends that it was let go, or plants an event there, then it is told', async () => {
    const made = await company();
    await past(made, 3, 1);
    const where = `organization_id = '${made.id}'`;
    await asSuperuser(
      database,
      `INSERT INTO audit_horizons SELECT organization_id, now(), position, event_id, event_xid, hash FROM audit_seals WHERE ${where} AND position = 4`,
      `DELETE FROM audit_events WHERE ${where} AND id IN (SELECT event_id FROM audit_seals WHERE ${where} AND position <= 4)`,
      `DELETE FROM audit_seals WHERE ${where} AND position <= 4`,
    );
    const { broken } = await verifyOrganization(server.deps, made.id);
    assert.deepEqual([broken?.kind, broken?.position], ['removed', 4]);

    const other = await company();
    await past(other, 12, 9);
    await other.api('put', '/audit-retention').send({ months: 6 }).expect(200);
    await letGo(server.deps);
    assert.equal((await verifyOrganization(server.deps, other.id)).ok, true);
    const [planted] = await asSuperuser<{ id: string }>(
      database,
      `INSERT INTO audit_events (organization_id, actor_kind, actor_id, actor_label, action, resource_type, resource_id, outcome, xid)
        VALUES ('${other.id}', 'system', 'x', 'x', 'past.planted', 'past', 'x', 'success', '1') RETURNING id`,
    );
    const found = (await verifyOrganization(server.deps, other.id)).broken;
    assert.deepEqual([found?.kind, found?.eventId], ['inserted', Number(planted?.id)]);
  });
});
