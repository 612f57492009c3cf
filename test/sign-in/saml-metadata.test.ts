/** Metadata that is read from an address, again and again: rollover without anybody's doing, and what is not believed of it. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import supertest from 'supertest';
import { createApp } from '../../src/app.ts';
import { Browser } from '../../src/demo/browser.ts';
import { type SelfSigned, selfSigned } from '../../src/demo/idp/certificate.ts';
import { raiseCertificateAlarms } from '../../src/sign-in/saml/certificate-alarm.ts';
import { milliseconds } from '../../src/sign-in/saml/duration.ts';
import { refreshDueMetadata } from '../../src/sign-in/saml/metadata-refresh.ts';
import * as hostile from '../doubles/hostile-saml.ts';
import { metadata, type Published, startMetadataServer } from '../doubles/metadata-server.ts';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';
import { connection, lastEvent, organization, within } from './arrange.ts';
import { hostileIdp } from './hostile-idp.ts';

const database = await openTestDatabase();
const server = await startTestServer(database);
const { deps } = await startTestServer(database);
const twin = supertest(createApp({ ...deps, settings: server.deps.settings }));
const acme = await organization(server, 'acme');
const publisher = await startMetadataServer();
database.onEnd(() => publisher.close());
const first = await selfSigned('first');
const ENTITY = 'https://meta.idp.test/saml';
const HOUR = 3_600_000;

/** Publishes metadata from now on. */
function publish(published: Partial<Published> = {}): void {
  const xml = metadata({ entityId: ENTITY, certificates: [first.certificate], ...published });
  publisher.answer = (_request, response) => response.setHeader('content-type', 'application/xml').end(xml);
}

publish();
const put = (input: Record<string, unknown> = {}) =>
  connection(server, acme, 'meta', { kind: 'saml', metadataUrl: publisher.url, ...input });
const meta = await put();

const shown = async () =>
  (await server.api('get', '/organizations/acme/connections/meta').expect(200)).body as typeof meta;
const refresh = () => server.api('post', '/organizations/acme/connections/meta/metadata/refresh').send({});

async function begin(): Promise<{ browser: Browser; requestId: string }> {
  const browser = new Browser('application/json');
  const sent = await browser.get(meta.serviceProvider.loginUrl, /idp\.test/);
  return { browser, requestId: hostile.requestIdIn(sent.headers.get('location')!) };
}

function responseTo(requestId: string, key: SelfSigned, email = 'mia@acme.test'): string {
  const parts = hostile.goodParts({ ...meta.serviceProvider, issuer: ENTITY, requestId, email });
  return hostile.posted(
    hostile.sign(hostile.response(parts, hostile.assertion(parts)), { privateKey: key.privateKey }),
  );
}

async function signIn(key: SelfSigned): Promise<number> {
  const { browser, requestId } = await begin();
  const page = await browser.post(meta.serviceProvider.acsUrl, { SAMLResponse: responseTo(requestId, key) }, /\/me$/);
  return page.status;
}

/** As if the metadata had been read so long ago. */
const readAgo = (interval: string) =>
  within(
    server.deps,
    acme,
    sql`UPDATE saml_metadata_sources SET asked_at = now() - ${interval}::interval, settled_at = now() - ${interval}::interval,
      next_at = next_at - ${interval}::interval`,
  );

describe('metadata by address', () => {
  it('given the address, then the connection is what it says, and says when it is read next', async () => {
    assert.partialDeepStrictEqual(meta, {
      config: { entityId: ENTITY, ssoUrl: 'https://meta.idp.test/sso', metadataUrl: publisher.url },
      metadata: { url: publisher.url, failure: null, waiting: null },
    });
    assert.equal(meta.certificates.length, 1);
    assert.ok(meta.certificates[0]!.daysLeft > 360);
    const pause = Date.parse(meta.metadata!.nextAt) - Date.parse(meta.metadata!.readAt);
    assert.ok(Math.abs(pause - 12 * HOUR) < 5000);
    assert.equal(await signIn(first), 303);
  });

  for (const [attributes, hours] of [
    ['cacheDuration="PT2H"', 2],
    ['cacheDuration="PT5M"', 1],
    ['cacheDuration="P30D"', 24],
    [`validUntil="${new Date(Date.now() + 8 * HOUR).toISOString()}"`, 4],
  ] as const) {
    it(`given ${attributes.split('T')[0]}..., then it is read again in ${hours} hours`, async () => {
      publish({ attributes });
      await refresh().expect(200);
      const { nextAt, readAt } = (await shown()).metadata!;
      assert.ok(Math.abs(Date.parse(nextAt) - Date.parse(readAt) - hours * HOUR) < 10_000);
    });
  }

  it('given durations as XML Schema writes them, then they are understood', () => {
    assert.equal(milliseconds('PT1H30M'), 1.5 * HOUR);
    assert.equal(milliseconds('P1DT0.5S'), 24 * HOUR + 500);
    for (const none of ['', 'P', 'PT', '1H', 'PT-1H', 'P1H']) assert.equal(milliseconds(none), undefined);
  });

  it('given it wishes requests signed, then they are', async () => {
    publish({ wantsSignedRequests: true });
    await refresh().expect(200);
    const sent = await new Browser().get(meta.serviceProvider.loginUrl, /idp\.test/);
    assert.ok(new URL(sent.headers.get('location')!).searchParams.get('Signature'));
    publish();
    await refresh().expect(200);
  });
});

describe('a key that rolls over', () => {
  it('given a new certificate is published, when it is read on schedule, then both keys sign people in, and the trust stays tested', async () => {
    publish();
    await refresh().expect(200);
    assert.equal(await signIn(first), 303);
    const second = await selfSigned('second');
    publish({ certificates: [second.certificate] });
    await refreshDueMetadata(server.deps);
    assert.equal((await shown()).certificates.length, 1, 'not due yet');
    await readAgo('13 hours');
    await refreshDueMetadata(server.deps);
    const after = await shown();
    assert.equal(after.certificates.length, 2);
    assert.equal((after as unknown as { tested: boolean }).tested, true);
    assert.deepEqual([await signIn(first), await signIn(second)], [303, 303]);
    const event = await lastEvent(server, acme, 'connection.metadata_refreshed');
    assert.partialDeepStrictEqual(event, { outcome: 'success', detail: { added: 1, certificates: 2 } });
  });

  it('given the same is applied again by hand, then nothing changes', async () => {
    assert.equal((await put()).action, 'keep');
    assert.equal((await shown()).certificates.length, 2);
  });

  it('given fifty people sign in on two instances just as the key changes, then the metadata is read once and all are let in', async () => {
    await readAgo('2 minutes');
    const third = await selfSigned('third');
    const begun = await Promise.all(Array.from({ length: 50 }, () => begin()));
    const xml = metadata({ entityId: ENTITY, certificates: [third.certificate] });
    publisher.answer = (_request, response) => void sleep(300).then(() => response.end(xml));
    const before = publisher.asked;
    const path = new URL(meta.serviceProvider.acsUrl).pathname;
    const answers = await Promise.all(
      begun.map(({ browser, requestId }, at) =>
        (at % 2 === 0 ? server.http : twin)
          .post(path)
          .set('Cookie', `drawbridge-login=${browser.cookies(server.url).get('drawbridge-login')}`)
          .type('form')
          .send({ SAMLResponse: responseTo(requestId, third, `p${at}@acme.test`) }),
      ),
    );
    assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([303]));
    assert.equal(publisher.asked - before, 1);
  });

  it('SAML-2 given a stranger signs again and again, then the address is asked once a minute at most', async () => {
    await readAgo('2 minutes');
    const stranger = await selfSigned('stranger');
    const before = publisher.asked;
    for (let at = 0; at < 5; at++) assert.equal(await signIn(stranger), 403);
    assert.equal(publisher.asked - before, 1);
  });

  it('SAML-28 given the certificate of a stranger comes in the message, then it counts for nothing', async () => {
    const stranger = await selfSigned('stranger');
    const { browser, requestId } = await begin();
    const parts = hostile.goodParts({ ...meta.serviceProvider, issuer: ENTITY, requestId, email: 'mia@acme.test' });
    const xml = hostile.sign(hostile.response(parts, hostile.assertion(parts)), stranger);
    const page = await browser.post(meta.serviceProvider.acsUrl, { SAMLResponse: hostile.posted(xml) }, /\/me$/);
    assert.equal(page.status, 403);
  });

  it('given another entityID is published, then it waits for approval, and what was trusted stays', async () => {
    const other = await selfSigned('other');
    publish({ entityId: 'https://other.idp.test/saml', certificates: [other.certificate] });
    const { body } = await refresh().expect(200);
    assert.equal(body.metadata.waiting.entityId, 'https://other.idp.test/saml');
    assert.equal((await shown()).config['entityId'], ENTITY);
    assert.equal(await signIn(other), 403);
    assert.equal((await lastEvent(server, acme, 'connection.metadata_waiting'))?.outcome, 'failure');
    assert.equal((await put()).config['entityId'], ENTITY, 'putting the same again approves nothing');
    const approve = () => server.api('post', '/organizations/acme/connections/meta/metadata/approve').send({});
    await approve().expect(200);
    const after = await shown();
    assert.equal(after.config['entityId'], 'https://other.idp.test/saml');
    assert.equal((after as unknown as { tested: boolean }).tested, false, 'another trust is to be tested');
    assert.equal((await approve()).status, 409);
    assert.equal((await lastEvent(server, acme, 'connection.metadata_approved'))?.outcome, 'success');
  });
});

describe('metadata that is not believed', () => {
  const GOOD = () => metadata({ entityId: 'https://other.idp.test/saml', certificates: [first.certificate] });
  const cases: readonly [what: string, answer: typeof publisher.answer, sentence: RegExp][] = [
    ['an error', (_, response) => response.writeHead(500).end(), /answers 500/],
    [
      'a redirect to a private address',
      (_, response) => response.writeHead(302, { location: 'http://169.254.169.254/' }).end(),
      /answers 302/,
    ],
    [
      'a page for people',
      (_, response) => response.end('<!doctype html><title>Sign in</title>'),
      /document type|DOCTYPE/i,
    ],
    [
      '100 MiB',
      (_, response) => {
        const more = () => {
          while (!response.destroyed && response.write(' '.repeat(65_536)));
          response.once('drain', more);
        };
        more();
      },
      /larger than 1 MiB/,
    ],
    [
      'two identity providers',
      (_, response) => response.end(GOOD().replace(/(<IDPSSO[\s\S]*<\/IDPSSODescriptor>)/, '$1$1')),
      /2 identity providers/,
    ],
    [
      'several entities',
      (_, response) =>
        response.end(
          `<EntitiesDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata">${GOOD()}${GOOD()}</EntitiesDescriptor>`,
        ),
      /not the metadata of one entity/,
    ],
    [
      'a validUntil that is past',
      (_, response) => response.end(GOOD().replace('entityID', 'validUntil="2020-01-01T00:00:00Z" entityID')),
      /valid until 2020/,
    ],
    [
      'a validUntil that is none',
      (_, response) => response.end(GOOD().replace('entityID', 'validUntil="soon" entityID')),
      /valid until soon/,
    ],
    [
      'no certificate',
      (_, response) => response.end(GOOD().replace(/<KeyDescriptor[\s\S]*<\/KeyDescriptor>/, '')),
      /no signing certificate/,
    ],
    ['bytes that are not UTF-8', (_, response) => response.end(Buffer.from([0x3c, 0xff, 0xfe])), /UTF-8/],
    [
      'an answer that breaks off',
      (_, response) => {
        response.write('<Entity');
        response.destroy();
      },
      /reached/,
    ],
  ];

  for (const [what, answer, sentence] of cases) {
    it(`SAML-49 given the address answers with ${what}, then what was trusted stays, and the failure is told`, async () => {
      const before = (await shown()).config;
      publisher.answer = answer;
      const { body } = await refresh().expect(200);
      assert.match(body.metadata.failure, sentence);
      assert.deepEqual((await shown()).config, before);
      publish({ entityId: 'https://other.idp.test/saml' });
      assert.equal((await refresh().expect(200)).body.metadata.failure, null);
    });
  }

  it('SAML-49 given a new connection and an address that gives none, then it is refused, and nothing was made', async () => {
    publisher.answer = (_, response) => response.writeHead(404).end();
    const { status, body } = await server
      .api('put', '/organizations/acme/connections/never')
      .send({ kind: 'saml', metadataUrl: publisher.url });
    assert.equal(status, 502, JSON.stringify(body));
    assert.match(body.detail, /answers 404/);
    assert.equal((await server.api('get', '/organizations/acme/connections/never')).status, 404);
  });

  it('OUT-1 given private addresses may not be reached, then neither is one by name, by number or by http', async () => {
    const strict = await startTestServer(database);
    const settings = { ...strict.deps.settings, allowPrivateNetwork: false };
    const app = supertest(createApp({ ...strict.deps, settings }));
    publish();
    const before = publisher.asked;
    for (const metadataUrl of [
      publisher.url,
      'https://127.0.0.1/metadata',
      'https://localhost/metadata',
      'https://[::ffff:10.0.0.1]/metadata',
      'https://2130706433/metadata',
      'https://169.254.169.254/latest',
    ]) {
      const { status } = await app
        .put('/api/v1/organizations/acme/connections/inside')
        .set('Authorization', server.operator)
        .send({ kind: 'saml', metadataUrl });
      assert.equal(status, 502, metadataUrl);
    }
    assert.equal(publisher.asked, before);
    const plain = metadata({ entityId: ENTITY, certificates: [first.certificate], ssoUrl: 'http://idp.test/sso' });
    const { status, body } = await app
      .put('/api/v1/organizations/acme/connections/plain')
      .set('Authorization', server.operator)
      .send({ kind: 'saml', metadata: plain });
    assert.deepEqual([status, body.where], [400, 'ssoUrl']);
  });
});

describe('a certificate that comes to its end', () => {
  for (const [days, alarmed] of [
    [120, undefined],
    [80, 90],
    [20, 30],
    [5, 7],
    [-0.01, 0],
  ] as const) {
    it(`given it ends in ${days} days, then ${alarmed === undefined ? 'no alarm is raised' : `the alarm of ${alarmed} days is raised, once`}`, async () => {
      const slug = `ends-${String(days).replace(/[^0-9]/g, '')}`;
      const idp = await hostileIdp(server, acme, slug, {}, days);
      const count = async () => {
        const [row] = await within<{ count: string }>(
          server.deps,
          acme,
          sql`SELECT count(*) FROM audit_events WHERE action = 'connection.certificate_ending' AND resource_id = ${idp.connection.id}`,
        );
        return Number(row!.count);
      };
      await raiseCertificateAlarms(server.deps);
      await raiseCertificateAlarms(server.deps);
      assert.equal(await count(), alarmed === undefined ? 0 : 1);
      if (alarmed === undefined) return;
      const event = await lastEvent(server, acme, 'connection.certificate_ending');
      assert.equal(event?.detail['days'], alarmed);
    });
  }
});
