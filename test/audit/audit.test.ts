import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sql } from 'kysely';
import { record } from '../../src/audit/record.ts';
import { verifyOrganization } from '../../src/audit/verify.ts';
import { type Company, makeCompany } from '../harness/company.ts';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';
import { companyWithHistory } from './arrange.ts';

const database = await openTestDatabase();
const server = await startTestServer(database);

const company = () => companyWithHistory(server, database);
const verify = (made: Company) => verifyOrganization(server.deps, made.id);

describe('the audit', () => {
  it('given a change that fails halfway, then neither it nor its event remains', async () => {
    const made = await company();
    const before = await verify(made);
    await assert.rejects(
      made.within(async (tx) => {
        await record(tx, { action: 'workspace.created', resource: { type: 'workspace', id: 'x' } });
        throw new Error('the work fails');
      }),
    );
    assert.deepEqual(await verify(made), before);
  });

  it('given each change of an organization’s things, then it is told once by whom, what and of what; what stays is not told', async () => {
    const made = await makeCompany(server, database);
    const count = async () => (await made.api('get', '/audit-events?limit=500')).body.events.length;
    const steps: readonly [Parameters<Company['api']>[0], path: string, body: object, events: readonly string[]][] = [
      ['patch', '', { name: 'Renamed' }, ['organization.updated organization']],
      ['patch', '', { name: 'Renamed' }, []],
      ['put', '/workspaces/lab', { environment: 'staging' }, ['workspace.created workspace']],
      ['put', '/workspaces/lab', { environment: 'staging' }, []],
      ['put', '/workspaces/lab', { environment: 'production' }, ['workspace.updated workspace']],
      ['put', '/workspaces/lab/products/probe', { seats: 3 }, ['product.created product']],
      ['put', '/workspaces/lab/products/probe', { seats: 4 }, ['product.updated product']],
      ['put', '/workspaces/lab/products/probe', { seats: 4 }, []],
      ['delete', '/workspaces/lab/products/probe', {}, ['product.deleted product']],
      ['delete', '/workspaces/lab', {}, ['workspace.deleted workspace']],
      ['put', '/domains/told.example', {}, ['domain.claimed domain']],
      ['put', '/domains/told.example', { verified: true }, ['domain.verified domain']],
      ['put', '/domains/told.example', { verified: true }, []],
      ['delete', '/domains/told.example', {}, ['domain.deleted domain']],
      ['delete', '/workspaces/nowhere', {}, []],
    ];
    for (const [method, path, body, expected] of steps) {
      const before = await count();
      await made.api(method, path).set('X-Request-Id', `change-${before}`).send(body);
      const fresh = (await made.api('get', `/audit-events?limit=${(await count()) - before || 1}`)).body.events;
      const told = (await count()) === before ? [] : fresh;
      const named = told.map((each: { action: string; resourceType: string }) => `${each.action} ${each.resourceType}`);
      assert.deepEqual(named, expected, `${method} ${path}`);
      for (const event of told) {
        assert.partialDeepStrictEqual(event, {
          actorKind: 'operator',
          actorLabel: 'operator',
          outcome: 'success',
          requestId: `change-${before}`,
        });
      }
    }
  });

  it('given a rule of each kind, then what wrote it and what it gave are told in one transaction', async () => {
    const made = await company();
    const rule = { condition: '$.department == "Sales"', scope: { workspace: 'main' }, role: 'member' };
    await made.api('put', '/mapping-rules/sales').send(rule).expect(200);
    await made
      .api('put', '/mapping-rules/sales')
      .send({ ...rule, position: 5 })
      .expect(200);
    await made.api('delete', '/mapping-rules/sales').expect(200);
    const { rows } = await made.within(({ db }) =>
      sql<{ action: string; together: number }>`
        SELECT e.action, (SELECT count(*)::int FROM audit_events o WHERE o.xid = e.xid AND o.action LIKE 'membership.%') AS together
        FROM audit_events e WHERE e.action LIKE 'mapping_rule.%' ORDER BY e.id`.execute(db),
    );
    assert.deepEqual(rows, [
      { action: 'mapping_rule.created', together: 30 },
      { action: 'mapping_rule.updated', together: 0 },
      { action: 'mapping_rule.deleted', together: 30 },
    ]);
  });

  it('given a whole chain, then it verifies; new events wait unsealed and are no fault', async () => {
    const made = await company();
    const good = await verify(made);
    assert.partialDeepStrictEqual(good, { ok: true, unsealed: 0, broken: null });
    assert.ok(good.verified > 30);
    await made.api('put', '/workspaces/new').send({}).expect(200);
    assert.partialDeepStrictEqual(await verify(made), { ok: true, verified: good.verified, unsealed: 1 });
  });

  it('given two organizations, then each has a chain and a search of its own', async () => {
    const [one, two] = [await company(), await company()];
    const seen = await one.api('get', '/audit-events?limit=500').expect(200);
    const foreign = await two.person('person1@acme.example');
    assert.ok(!JSON.stringify(seen.body).includes(foreign));
    assert.equal((await one.api('get', `/audit-events?resourceId=${foreign}`).expect(200)).body.events.length, 0);
  });

  it('given filters, then search and export agree; CSV is safe in a spreadsheet', async () => {
    const made = await company();
    await made.within((tx) =>
      record(tx, {
        action: 'note.taken',
        resource: { type: 'note', id: '1' },
        reason: '=HYPERLINK("http://x")',
        outcome: 'denied',
      }),
    );
    const search = await made.api('get', '/audit-events?action=user.created&limit=10').expect(200);
    assert.equal(search.body.events.length, 10);
    const next = await made
      .api('get', `/audit-events?action=user.created&limit=500&cursor=${search.body.next}`)
      .expect(200);
    assert.equal(next.body.events.length, 20);
    assert.equal((await made.api('get', '/audit-events?outcome=denied').expect(200)).body.events.length, 1);
    assert.equal((await made.api('get', '/audit-events?to=2020-01-01T00:00:00Z').expect(200)).body.events.length, 0);
    const found = async (filter: string) =>
      (await made.api('get', `/audit-events?limit=500&${filter}`).expect(200)).body.events.length;
    assert.equal(await found('actor=nobody'), 0);
    assert.ok((await found('actor=operator')) > 0);
    assert.equal(await found('actor=operator&resourceType=note'), 0, 'several conditions hold together');
    assert.equal(await found('resourceType=note&resourceId=1'), 1);
    assert.equal(await found('action=note.*'), 1);
    assert.equal(await found('action=no.*'), 0, 'an area is whole words');
    assert.equal(await found('from=2999-01-01T00:00:00Z'), 0);
    assert.equal(await found('from=2020-01-01T00:00:00Z'), await found('to=2999-01-01T00:00:00Z'));
    await made.api('get', '/audit-events?outcome=perhaps').expect(400);
    await made.api('get', '/audit-events?from=yesterday').expect(400);
    const csv = await made.api('get', '/audit-events/export?format=csv&action=note.taken').expect(200);
    assert.match(csv.headers['content-type'] ?? '', /text\/csv/);
    assert.doesNotMatch(csv.text, /,"?=HYPERLINK/, 'no cell begins with a formula');
    const path = `/api/v1/organizations/${made.slug}/audit-events/export?format=ndjson&action=user.created`;
    const ndjson = await fetch(server.url + path, { headers: { authorization: server.operator } });
    assert.equal((await ndjson.text()).trim().split('\n').length, 30);
  });
});
