/** Audit events to a SIEM: nothing lost, nothing out of order, whatever becomes of the receiver. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { generate } from 'selfsigned';
import { record } from '../../src/audit/record.ts';
import type { StreamedEvent } from '../../src/audit/streams/cursor.ts';
import { syslogFrame } from '../../src/audit/streams/syslog-message.ts';
import { workStream } from '../../src/audit/streams/work.ts';
import { sealedBy } from '../../src/credentials/sealing.ts';
import { INSTALLATION } from '../../src/store/tenant.ts';
import { startSyslogReceiver } from '../doubles/syslog-receiver.ts';
import { startWebhookReceiver } from '../doubles/webhook-receiver.ts';
import { type Company, makeCompany } from '../harness/company.ts';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';
import { asSuperuser, sealWhole } from './arrange.ts';

const database = await openTestDatabase();
const server = await startTestServer(database);
const deps = { ...server.deps, secrets: sealedBy(server.deps.settings.secrets.sealingKeys) };

async function webhook() {
  const receiver = await startWebhookReceiver();
  database.onEnd(receiver.close);
  const events = () => receiver.received.flatMap(({ body }) => body.data['events'] as StreamedEvent[]);
  return { ...receiver, events };
}

/** Something happens, so many times. */
async function happen(made: Company, count: number, word = 'it'): Promise<void> {
  await made.within((tx) =>
    record(
      tx,
      ...Array.from({ length: count }, (_, n) => ({
        action: 'thing.done',
        resource: { type: 'thing', id: `${word}-${n}` },
      })),
    ),
  );
  await sealWhole(server, made);
}

/** The worker's next round, its pause after a failure over. */
async function round(made: Company | null, id: string): Promise<void> {
  await asSuperuser(database, 'UPDATE audit_stream_cursors SET next_attempt_at = now()');
  await workStream(deps, made?.id ?? INSTALLATION, id);
}

async function put(made: Company, slug: string, body: object) {
  const answer = await made.api('put', `/audit-streams/${slug}`).send(body);
  assert.equal(answer.status, 200, answer.text);
  return answer.body as { id: string; secret?: string };
}

const stateOf = async (made: Company, slug: string) =>
  (await made.api('get', '/audit-streams').expect(200)).body.streams.find(
    (each: { slug: string }) => each.slug === slug,
  );

describe('a stream by webhook', () => {
  it('given events, then they come in batches, signed, in order, with place and hash in the chain', async () => {
    const made = await makeCompany(server, database);
    const siem = await webhook();
    await happen(made, 5, 'before');
    const { id } = await put(made, 'siem', { kind: 'webhook', url: siem.url, secret: siem.secret });
    await happen(made, 700);
    await round(made, id);
    const events = siem.events();
    const things = events.filter(({ action }) => action === 'thing.done').map(({ resourceId }) => resourceId);
    assert.deepEqual(
      things,
      Array.from({ length: 700 }, (_, n) => `it-${n}`),
      'what was before is not sent',
    );
    assert.ok(siem.received.length >= 2);
    assert.deepEqual(
      events.map(({ position }) => position),
      events.map((_, n) => (events[0]?.position ?? 0) + n),
    );
    assert.match(events[0]?.hash ?? '', /^[0-9a-f]{64}$/);
    assert.partialDeepStrictEqual(await stateOf(made, 'siem'), { waiting: 0, lastError: null, failingSince: null });
  });

  it('given a receiver that is down, then nothing is lost: it goes on after what was last acknowledged; how late it is stands in the API', async () => {
    const made = await makeCompany(server, database);
    const siem = await webhook();
    const { id } = await put(made, 'siem', { kind: 'webhook', url: siem.url, secret: siem.secret, from: 'beginning' });
    await happen(made, 3, 'first');
    await round(made, id);
    const taken = siem.received.length;
    siem.answerWith(500, 503);
    await happen(made, 3, 'second');
    await round(made, id);
    const failing = await stateOf(made, 'siem');
    assert.match(failing.lastError, /answered 500/);
    assert.ok(failing.waiting >= 3 && failing.failingSince !== null);
    assert.ok(new Date(failing.nextAttemptAt).getTime() > Date.now() - 1000);
    await workStream(deps, made.id, id);
    assert.equal(siem.received.length, taken + 1, 'not before its pause is over');
    await round(made, id);
    await happen(made, 2, 'third');
    await round(made, id);
    const things = siem.received
      .slice(taken + 2)
      .flatMap(({ body }) => body.data['events'] as StreamedEvent[])
      .filter(({ action }) => action === 'thing.done');
    assert.deepEqual(
      things.map(({ resourceId }) => resourceId),
      ['second-0', 'second-1', 'second-2', 'third-0', 'third-1'],
    );
    const places = siem.received.map(({ id: message, body }) => [message, body.data['from'], body.data['to']]);
    assert.deepEqual(places[taken], places[taken + 1], 'the repetition has the same id');
    assert.partialDeepStrictEqual(await stateOf(made, 'siem'), { waiting: 0, lastError: null, failingSince: null });
  });

  it('given a transaction that commits late, then its events come after those that are out already, never not at all', async () => {
    const made = await makeCompany(server, database);
    const siem = await webhook();
    const { id } = await put(made, 'siem', { kind: 'webhook', url: siem.url, secret: siem.secret });
    await made.within(async (tx) => {
      await record(tx, { action: 'thing.done', resource: { type: 'thing', id: 'late' } });
      await made.within((other) => record(other, { action: 'thing.done', resource: { type: 'thing', id: 'early' } }));
      await round(made, id);
      assert.ok(!siem.events().some(({ resourceId }) => resourceId === 'late'));
    });
    await sealWhole(server, made);
    await round(made, id);
    const things = siem.events().filter(({ action }) => action === 'thing.done');
    assert.deepEqual(new Set(things.map(({ resourceId }) => resourceId)), new Set(['late', 'early']));
    assert.equal(things.length, 2);
  });

  it('given 410, then the stream is switched off, and that is audited; a secret is made, shown once, and never again', async () => {
    const made = await makeCompany(server, database);
    const siem = await webhook();
    const { id } = await put(made, 'siem', { kind: 'webhook', url: siem.url, secret: siem.secret, format: 'ocsf' });
    siem.answerWith(410);
    await happen(made, 1);
    await round(made, id);
    assert.equal((await stateOf(made, 'siem')).enabled, false);
    const told = await made.api('get', '/audit-events?action=audit_stream.disabled').expect(200);
    assert.equal(told.body.events.length, 1);
    assert.equal((siem.events()[0] as unknown as { class_uid: number }).class_uid, 3004);
    const { secret } = await put(made, 'other', { kind: 'webhook', url: siem.url });
    assert.match(secret ?? '', /^whsec_/);
    const everything = JSON.stringify([
      (await made.api('get', '/audit-streams')).body,
      (await made.api('get', '/audit-events?limit=500')).body,
      await asSuperuser(database, 'SELECT * FROM audit_streams'),
    ]);
    for (const hidden of [secret ?? '?', siem.secret]) assert.ok(!everything.includes(hidden));
    await made.api('delete', '/audit-streams/other').expect(204);
    await made.api('delete', '/audit-streams/other').expect(404);
  });

  it('TEN-1 given the operator’s stream, then it carries every organization’s events and the installation’s; an organization’s only its own', async () => {
    const [one, two] = [await makeCompany(server, database), await makeCompany(server, database)];
    const [own, all] = [await webhook(), await webhook()];
    const { id } = await put(one, 'siem', { kind: 'webhook', url: own.url, secret: own.secret });
    const body = { kind: 'webhook', url: all.url, secret: all.secret };
    const made = await server.api('put', '/audit-streams/everything').send(body).expect(200);
    const young = await makeCompany(server, database);
    for (const each of [one, two, young]) await happen(each, 2, each.slug);
    await round(one, id);
    await round(null, made.body.id);
    assert.ok(own.received.every(({ body: { data } }) => data['organization'] === one.id));
    const organizations = new Set(all.received.map(({ body: { data } }) => data['organization']));
    for (const each of [one.id, two.id, young.id, INSTALLATION]) assert.ok(organizations.has(each), each);
    const { body: shown } = await server.api('get', '/audit-streams').expect(200);
    assert.partialDeepStrictEqual(shown.streams[0], { slug: 'everything', lastError: null, failingSince: null });
    await server.api('delete', '/audit-streams/everything').expect(204);
  });

  it('OUT-1 given an address inside, where that is not allowed, then nothing is sent', async () => {
    const made = await makeCompany(server, database);
    const siem = await webhook();
    const plain = await startSyslogReceiver();
    database.onEnd(plain.close);
    const walled = { ...deps, settings: { ...deps.settings, allowPrivateNetwork: false } };
    for (const [slug, body] of Object.entries({
      web: { kind: 'webhook', url: siem.url, secret: siem.secret },
      log: { kind: 'syslog', host: '127.0.0.1', port: plain.port, tls: false },
      tls: { kind: 'syslog', host: 'localhost', port: plain.port },
    })) {
      const { id } = await put(made, slug, body);
      await happen(made, 1, slug);
      await workStream(walled, made.id, id);
      assert.match((await stateOf(made, slug)).lastError, /not a public address/, slug);
    }
    assert.deepEqual([siem.received.length, plain.received.length], [0, 0]);
  });
});

describe('a stream by syslog', () => {
  it('given TLS, then messages are framed and formed as the standards say; a server with another certificate gets nothing', async () => {
    const made = await makeCompany(server, database);
    const { private: key, cert } = await generate([{ name: 'commonName', value: 'siem.example' }], {
      extensions: [{ name: 'subjectAltName', altNames: [{ type: 2, value: 'siem.example' }] }],
    });
    const siem = await startSyslogReceiver({ key, cert });
    database.onEnd(siem.close);
    const target = { kind: 'syslog', host: '127.0.0.1', port: siem.port };
    const { id } = await put(made, 'siem', target);
    await made.within((tx) =>
      record(tx, {
        action: 'sign_in.refused',
        outcome: 'denied',
        resource: { type: 'user', id: 'a"b]c\\d' },
        reason: 'zwei\nZeilen, größer',
      }),
    );
    await sealWhole(server, made);
    await round(made, id);
    assert.match((await stateOf(made, 'siem')).lastError, /certificate|self.signed/i);
    assert.equal(siem.received.length, 0);

    await put(made, 'siem', { ...target, caCertificate: cert, serverName: 'siem.example' });
    await sealWhole(server, made);
    await round(made, id);
    assert.deepEqual(siem.faults, []);
    const refused = siem.received.find(({ messageId }) => messageId === 'sign_in.refused');
    assert.partialDeepStrictEqual(refused, {
      priority: 13 * 8 + 4,
      hostname: 'localhost',
      data: { organization: made.id, resourceId: 'a"b]c\\d', outcome: 'denied' },
      body: { reason: 'zwei\nZeilen, größer' },
    });
    assert.equal((await stateOf(made, 'siem')).waiting, 0);
  });

  it('given a receiver that breaks off or is away, then nothing is lost and the order holds', async () => {
    const made = await makeCompany(server, database);
    const siem = await startSyslogReceiver();
    const { id } = await put(made, 'siem', {
      kind: 'syslog',
      host: '127.0.0.1',
      port: siem.port,
      tls: false,
      format: 'ocsf',
    });
    siem.breakOff(2);
    await happen(made, 600);
    for (let tries = 0; tries < 3; tries += 1) await round(made, id);
    await siem.close();
    await happen(made, 2, 'away');
    await round(made, id);
    assert.match((await stateOf(made, 'siem')).lastError, /ECONNREFUSED/);
    const back = await startSyslogReceiver();
    database.onEnd(back.close);
    await put(made, 'siem', { kind: 'syslog', host: '127.0.0.1', port: back.port, tls: false, format: 'ocsf' });
    await round(made, id);
    assert.deepEqual([...siem.faults, ...back.faults], []);
    const all = [...siem.received, ...back.received].filter(({ messageId }) => messageId === 'thing.done');
    assert.deepEqual(
      all.map(({ data }) => data['resourceId']),
      [...Array.from({ length: 600 }, (_, n) => `it-${n}`), 'away-0', 'away-1'],
    );
  });

  it('given any text in an event, then its frame counts its octets and its structured data reads back', () => {
    const any = fc.string({ unit: 'binary', maxLength: 30 });
    const property = fc.property(any, any, any, (actorLabel, action, resourceId) => {
      const event = {
        at: '2026-05-01T10:00:00.123456Z',
        actorLabel,
        action,
        resourceId,
        outcome: 'success',
        position: 1,
        hash: 'x',
      };
      const frame = syslogFrame(event as StreamedEvent, { organizationId: 'o', hostname: 'h', format: 'drawbridge' });
      const space = frame.indexOf(' ');
      assert.equal(Number(frame.toString('ascii', 0, space)), frame.length - space - 1);
      const text = frame.toString('utf8', space + 1);
      const value = / resourceId="((?:[^"\\\]]|\\.)*)"/su.exec(text)?.[1];
      assert.equal(value?.replaceAll(/\\(["\\\]])/g, '$1'), Buffer.from(resourceId).toString());
    });
    fc.assert(property, { numRuns: 500 });
  });
});
