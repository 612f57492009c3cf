/** What an LDAP server, or whoever poses as one, may send: it never crashes, hangs, or makes people look gone. */
import assert from 'node:assert/strict';
import type { AddressInfo } from 'node:net';
import { createServer, type Socket } from 'node:net';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { ProtocolOperation } from 'ldapts';
import { canonicalDn, nameOf } from '../../../src/directory/sources/ldap/distinguished-name.ts';
import { framer } from '../../../src/directory/sources/ldap/framing.ts';
import { type Message, readMessage } from '../../../src/directory/sources/ldap/message.ts';
import { ldap } from '../../../src/directory/sources/ldap.ts';
import { encoded, result, startLdapDouble } from '../../doubles/ldap-server.ts';
import { kitContext, readAll } from './kit.ts';

const BASE = 'dc=acme,dc=example';
const READER = { dn: `cn=reader,${BASE}`, password: 'password' };

function open(url: string, more: object = {}, context: object = {}) {
  const settings = ldap.settings.parse({
    url,
    startTls: false,
    preset: 'openldap',
    bindDn: READER.dn,
    users: { baseDns: [BASE] },
    timeoutSeconds: 1,
    ...more,
  });
  return ldap.open(settings, { ...kitContext().context, ...context, secrets: { password: READER.password } });
}

/** Somebody who answers each message by hand. */
async function answering(answer: (socket: Socket, count: number) => void) {
  const server = createServer((socket) => {
    let count = 0;
    socket.on('error', () => undefined).on('data', () => answer(socket, ++count));
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const url = `ldap://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url, close: () => server.close() };
}

const welcome = () => result(1, ProtocolOperation.LDAP_RES_BIND, 0);
const ana = (at: number) => ({
  dn: `uid=p${at},${BASE}`,
  attributes: { entryUUID: [`id-${at}`], uid: [`p${at}`], mail: [`p${at}@acme.example`] },
});

async function refused(url: string, message: RegExp, more: object = {}, context: object = {}) {
  await assert.rejects(
    readAll(open(url, more, context)),
    (error: { code: string; message: string; cause?: unknown }) => {
      assert.ok(['upstream-failed', 'invalid-feed'].includes(error.code), String(error));
      assert.match(`${error.message} ${error.cause}`, message);
      return true;
    },
  );
}

describe('a hostile LDAP server', () => {
  const cases: readonly (readonly [string, Buffer, RegExp])[] = [
    ['an answer to what was not asked', encoded(99, { entries: [ana(1)] }), /not asked for/],
    ['a notice of disconnection', result(0, ProtocolOperation.LDAP_RES_EXTENSION, 52), /not asked for/],
    ['another kind of answer', result(2, ProtocolOperation.LDAP_RES_COMPARE, 0), /tag 111/],
    ['a length of 2 GiB', Buffer.from([0x30, 0x84, 0x7f, 0xff, 0xff, 0xff]), /bytes/],
    ['a length without end', Buffer.from([0x30, 0x80, 0, 0]), /length/],
    ['HTTP', Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'), /no LDAP message/],
    ['a message of nothing', Buffer.from([0x30, 0x00]), /of nothing/],
    ['a message with a broken inside', Buffer.from([0x30, 0x05, 0x02, 0x01, 0x02, 0x64, 0x7f]), /ends before its time/],
    ['thousands of tiny messages', Buffer.alloc(60_000, Buffer.from([0x30, 0x00])), /of nothing/],
  ];
  for (const [name, bytes, message] of cases) {
    it(`given ${name}, then it is refused`, async () => {
      const server = await answering((socket, count) => socket.write(count === 1 ? welcome() : bytes));
      await refused(server.url, message);
      server.close();
    });
  }

  it('given entries without end in one answer, then it is refused before they fill the memory', async () => {
    const whole = encoded(2, { entries: [{ dn: BASE, attributes: { description: ['x'.repeat(1024 * 1024)] } }] });
    const done = encoded(2, {});
    const one = whole.subarray(0, whole.length - done.length);
    const server = await answering((socket, count) => {
      if (count === 1) return void socket.write(welcome());
      const pour = () => {
        while (!socket.destroyed && socket.write(one));
        socket.once('drain', pour);
      };
      pour();
    });
    await refused(server.url, /more than \d+ bytes/, { timeoutSeconds: 30 });
    server.close();
  });

  it('given pages with nobody on them, without end, then it is refused', async () => {
    const double = await startLdapDouble(
      READER,
      () => ({ cookie: 'more' }),
      () => true,
    );
    await refused(double.url, /second time/, { timeoutSeconds: 30 });
    assert.ok(double.pages() <= 1001);
    await double.close();
  });

  it('given the connection ends between two pages, then it is refused, and never made again without a sign-in', async () => {
    let connections = 0;
    const server = createServer((socket) => {
      connections += 1;
      let count = 0;
      socket.on('data', () => {
        count += 1;
        if (count === 1) socket.write(welcome());
        else if (count === 2) socket.end(encoded(2, { entries: [ana(1)], cookie: 'more' }));
        else if (socket.writable) socket.write(encoded(count, {}));
      });
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    await refused(`ldap://127.0.0.1:${(server.address() as AddressInfo).port}`, /broke off/);
    assert.equal(connections, 1);
    server.close();
  });

  it('given StartTLS is answered with more than the answer, then that is never taken for something said under TLS', async () => {
    const server = await answering((socket) => {
      const yes = result(1, ProtocolOperation.LDAP_RES_EXTENSION, 0);
      socket.write(Buffer.concat([yes, welcome().subarray(0, 5)]));
    });
    await refused(server.url, /ahead of TLS/, { startTls: true });
    server.close();
  });

  it('given StartTLS is refused, then the password is never sent', async () => {
    let asked = 0;
    const server = await answering((socket, count) => {
      asked = count;
      socket.write(result(1, ProtocolOperation.LDAP_RES_EXTENSION, 52));
    });
    await refused(server.url, /result code 52/, { startTls: true });
    assert.equal(asked, 1);
    server.close();
  });

  it('given the server is busy, or closes the door at first, then it is tried again', async () => {
    let calls = 0;
    const busy = () => result(1, ProtocolOperation.LDAP_RES_BIND, 51);
    const server = await answering((socket, count) => {
      if (count > 1) return void socket.write(encoded(count, { entries: [ana(1)] }));
      calls += 1;
      if (calls === 1) socket.resetAndDestroy();
      else socket.write(calls === 2 ? busy() : welcome());
    });
    assert.equal((await readAll(open(server.url))).records.length, 1);
    assert.equal(calls, 3);
    server.close();
  });

  it('given nobody listens, or nobody answers, then that is told in time', async () => {
    await refused('ldap://127.0.0.1:1', /ECONNREFUSED/);
    const silent = await answering(() => undefined);
    await refused(silent.url, /no answer in time/);
    await refused(silent.url.replace('ldap:', 'ldaps:'), /no answer in time/);
    silent.close();
  });
});

describe('where it may go', () => {
  it('given private addresses are out of reach, then so they are by number, by name, and without TLS', async () => {
    const outside = { allowPrivateNetwork: false };
    await refused('ldaps://127.0.0.1', /not a public address/, {}, outside);
    await refused('ldaps://[::1]', /not a public address/, {}, outside);
    await refused('ldaps://localhost', /not a public address/, {}, outside);
    await refused('ldap://93.184.216.34', /in the clear/, {}, outside);
  });
});

describe('LDAP messages out of bytes', () => {
  it('given any messages in any pieces, then each comes once, whole', () => {
    const messages = fc.array(fc.uint8Array({ maxLength: 400 }), { maxLength: 20 });
    fc.assert(
      fc.property(messages, fc.infiniteStream(fc.integer({ min: 1, max: 300 })), (bodies, sizes) => {
        const sent = bodies.map((body) => Buffer.concat([head(body.length), body]));
        const seen: string[] = [];
        const frames = framer(1000, (message) => seen.push(message.toString('hex')));
        const all = Buffer.concat(sent);
        for (let at = 0; at < all.length; ) {
          const size = sizes.next().value ?? 1;
          frames.push(all.subarray(at, at + size));
          at += size;
        }
        assert.deepEqual(
          seen,
          sent.map((message) => message.toString('hex')),
        );
        assert.equal(frames.pending(), 0);
      }),
      { numRuns: 2000 },
    );
  });

  function head(length: number): Buffer {
    if (length < 128) return Buffer.from([0x30, length]);
    return Buffer.from([0x30, 0x82, length >> 8, length & 0xff]);
  }
});

describe('LDAP messages', () => {
  const answer = encoded(7, { entries: [ana(1)], references: ['ldap://elsewhere.test'], cookie: 'more' });

  it('given an answer as it should be, then all of it is read', () => {
    const messages = messagesOf(answer);
    assert.deepEqual(
      messages.map(({ kind, messageId }) => [kind, messageId]),
      [
        ['entry', 7],
        ['reference', 7],
        ['outcome', 7],
      ],
    );
    const [, , outcome] = messages;
    assert.ok(outcome?.kind === 'outcome');
    assert.deepEqual([outcome.status, String(outcome.cookie)], [0, 'more']);
  });

  it('given any bytes, or an answer with some of its bytes changed, then it is read or refused, and it ends', () => {
    const changes = fc.array(fc.tuple(fc.nat(answer.length - 1), fc.nat(255)), { minLength: 1, maxLength: 5 });
    const changed = changes.map((all) => {
      const bytes = Buffer.from(answer);
      for (const [at, value] of all) bytes[at] = value;
      return bytes;
    });
    const any = fc.uint8Array({ maxLength: 100 }).map((bytes) => Buffer.from(bytes));
    fc.assert(
      fc.property(fc.oneof(changed, any), (bytes) => {
        try {
          for (const message of messagesOf(bytes)) assert.equal(typeof message.messageId, 'number');
        } catch (error) {
          assert.ok(error instanceof Error && !(error instanceof RangeError), String(error));
        }
      }),
      { numRuns: 20_000 },
    );
  });

  function messagesOf(bytes: Buffer): Message[] {
    const messages: Message[] = [];
    framer(10_000, (message) => messages.push(readMessage(message))).push(bytes);
    return messages;
  }
});

describe('distinguished names', () => {
  const same: readonly (readonly [string, string])[] = [
    ['uid=ana,ou=People,dc=acme', 'UID=Ana , OU=people,DC=ACME'],
    ['cn=Jones\\, Ana,dc=acme', 'cn=jones\\2C ana,dc=acme'],
    ['cn=\\C3\\84rmel,dc=acme', 'cn=ärmel,dc=acme'],
    ['uid=ana+cn=x,dc=acme', 'cn=x+uid=ana,dc=acme'],
  ];
  for (const [one, other] of same) {
    it(`given ${one} and ${other}, then they are the same`, () => assert.equal(canonicalDn(one), canonicalDn(other)));
  }

  const different: readonly (readonly [string, string])[] = [
    ['cn=a\\,b=c,dc=acme', 'cn=a,b=c,dc=acme'],
    ['cn=a\\+b=c,dc=acme', 'cn=a+b=c,dc=acme'],
    ['cn=a\\5Cb,dc=acme', 'cn=ab,dc=acme'],
    ['uid=ana,dc=acme', 'uid=ana,dc=acme,dc=example'],
  ];
  for (const [one, other] of different) {
    it(`given ${one} and ${other}, then they are not`, () => assert.notEqual(canonicalDn(one), canonicalDn(other)));
  }

  it('given a name with a unique identifier, then the name alone counts', () => {
    assert.equal(nameOf("uid=ana,dc=acme#'0101'B"), 'uid=ana,dc=acme');
    assert.equal(nameOf('uid=ana,dc=acme'), 'uid=ana,dc=acme');
  });
});
