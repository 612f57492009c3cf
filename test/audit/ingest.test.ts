/** The platform's own events among ours: told by whom, once each, and never in our name. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Company, makeCompany } from '../harness/company.ts';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';
import { asSuperuser } from './arrange.ts';

const database = await openTestDatabase();
const server = await startTestServer(database);

async function company() {
  const made = await makeCompany(server, database, { model: 'fastn' });
  made.write('E1,ana@acme.example,Ana,Sales,Agent,active');
  await made.sync();
  return { made, ana: await made.person('ana@acme.example') };
}

const event = (id: string, more: object = {}) => ({
  ...{ id, occurredAt: '2026-05-01T10:00:00Z', actor: { label: 'nightly job' } },
  ...{ action: 'report.exported', resource: { type: 'report', id: 'q1' }, ...more },
});

async function keyOf(made: Company, scopes: string[]): Promise<string> {
  const answer = await made.api('post', '/api-keys').send({ name: scopes.join(), kind: 'service', scopes });
  assert.equal(answer.status, 201, answer.text);
  return answer.body.key;
}

describe('events of the platform', () => {
  it('given a key with the scope, then its events stand in the audit with their actor and who told them; told again they add nothing', async () => {
    const { made, ana } = await company();
    const key = await keyOf(made, ['audit:write']);
    const tell = (events: object[]) =>
      server.http
        .post(`/api/v1/organizations/${made.slug}/audit-events`)
        .set('Authorization', `Bearer ${key}`)
        .send({ events });
    const events = [
      event('1', { actor: { user: ana }, detail: { rows: 7 }, address: '203.0.113.9' }),
      event('2', { outcome: 'denied' }),
      event('2'),
    ];
    const first = await tell(events);
    assert.deepEqual([first.status, first.body], [200, { recorded: 2, repeated: 1 }], first.text);
    assert.deepEqual((await tell([...events, event('3')])).body, { recorded: 1, repeated: 3 });
    const { body } = await made.api('get', '/audit-events?action=platform.*').expect(200);
    assert.deepEqual(
      body.events.map(({ detail }: { detail: { externalId: string } }) => detail.externalId),
      ['3', '2', '1'],
    );
    assert.partialDeepStrictEqual(body.events[2], {
      actorKind: 'user',
      actorId: ana,
      actorLabel: 'ana@acme.example',
      action: 'platform.report.exported',
      address: '203.0.113.9',
      detail: { rows: 7, occurredAt: '2026-05-01T10:00:00Z' },
    });
    assert.match(body.events[2].detail.toldBy, /^api_key audit:write/);
    assert.partialDeepStrictEqual(body.events[1], { actorKind: 'external', outcome: 'denied' });
    assert.equal((await made.api('get', `/audit-events?user=${ana}&action=platform.*`)).body.events.length, 1);
  });

  it('given anything that is not as it should be, then nothing of the batch is recorded', async () => {
    const { made } = await company();
    const stranger = (await company()).ana;
    const bad = {
      'actor.user': event('x', { actor: { user: stranger } }),
      action: event('x', { action: 'Not an action' }),
      occurredAt: event('x', { occurredAt: 'yesterday' }),
      outcome: event('x', { outcome: 'perhaps' }),
      detail: event('x', { detail: { much: 'x'.repeat(9000) } }),
      address: event('x', { address: 'somewhere' }),
      id: event(''),
      resource: event('x', { resource: { type: 'report' } }),
    };
    for (const [where, wrong] of Object.entries(bad)) {
      const answer = await made.api('post', '/audit-events').send({ events: [event('good'), wrong] });
      assert.equal(answer.status, 400, where);
      assert.ok(JSON.stringify(answer.body).includes(where), answer.text);
    }
    await made
      .api('post', '/audit-events')
      .send({ events: Array.from({ length: 501 }, (_, n) => event(`${n}`)) })
      .expect(400);
    assert.equal((await made.api('get', '/audit-events?action=platform.*')).body.events.length, 0);
  });

  it('TEN-1 given a key without the scope, or of another organization, then it is refused', async () => {
    const [one, two] = [await company(), await company()];
    const send = (slug: string, key: string) =>
      server.http
        .post(`/api/v1/organizations/${slug}/audit-events`)
        .set('Authorization', `Bearer ${key}`)
        .send({ events: [event('1')] });
    await send(one.made.slug, await keyOf(one.made, ['access:evaluate'])).expect(403);
    await send(one.made.slug, await keyOf(two.made, ['audit:write'])).expect(404);
  });

  it('given a flood, then it is told when to come again; other organizations are not touched', async () => {
    const [one, two] = [await company(), await company()];
    await one.made
      .api('post', '/audit-events')
      .send({ events: [event('first')] })
      .expect(200);
    await asSuperuser(
      database,
      `UPDATE audit_ingest_windows SET events = 9999 WHERE organization_id = '${one.made.id}'`,
    );
    const answer = await one.made
      .api('post', '/audit-events')
      .send({ events: [event('1'), event('2')] })
      .expect(429);
    assert.ok(Number(answer.headers['retry-after']) > 0);
    await two.made
      .api('post', '/audit-events')
      .send({ events: [event('1')] })
      .expect(200);
    await asSuperuser(database, `UPDATE audit_ingest_windows SET began_at = now() - interval '2 minutes'`);
    await one.made
      .api('post', '/audit-events')
      .send({ events: [event('1')] })
      .expect(200);
  });
});
