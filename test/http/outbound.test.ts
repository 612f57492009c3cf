/** Where configured addresses may lead (security: outbound). */
import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, describe, it } from 'node:test';
import fc from 'fast-check';
import { isInside, outboundFetch } from '../../src/http/outbound.ts';

const send = outboundFetch({ allowPrivateNetwork: false, timeout: 2000 });
const inner = outboundFetch({ allowPrivateNetwork: true, timeout: 300 });

async function serve(handle: (server: Server) => void): Promise<string> {
  const server = createServer();
  handle(server);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** The fault somewhere in the chain of causes. */
function faultIn(error: unknown): { code?: string; message: string } | undefined {
  for (let each = error; each instanceof Error; each = each.cause) {
    if ((each as { code?: string }).code === 'upstream-failed') return each;
  }
  return undefined;
}

describe('OUT-1: an address inside', () => {
  const inside = [
    'https://127.0.0.1/',
    'https://127.8.8.8/',
    'https://10.0.0.1/',
    'https://172.16.0.1/',
    'https://172.31.255.255/',
    'https://192.168.1.1/',
    'https://169.254.169.254/latest/meta-data/',
    'https://100.64.0.1/',
    'https://0.0.0.0/',
    'https://[::1]/',
    'https://[::ffff:127.0.0.1]/',
    'https://[::ffff:7f00:1]/',
    'https://[fe80::1]/',
    'https://[fd00::1]/',
    'https://2130706433/',
    'https://0x7f000001/',
    'https://0177.0.0.1/',
    'https://127.1/',
    'https://localhost/',
    'http://example.com/',
    'file:///etc/passwd',
  ];
  for (const address of inside) {
    it(`given ${address}, then it is refused before anything is sent`, async () => {
      await assert.rejects(send(address), (error) => faultIn(error) !== undefined);
    });
  }

  it('given any address of the private networks, in any spelling of IPv6, then it is known as inside; public ones are not', () => {
    const byte = fc.integer({ min: 0, max: 255 });
    fc.assert(
      fc.property(byte, byte, byte, (b, c, d) => {
        for (const address of [`10.${b}.${c}.${d}`, `127.${b}.${c}.${d}`, `192.168.${c}.${d}`, `169.254.${c}.${d}`]) {
          if (!isInside(address) || !isInside(`::ffff:${address}`)) return false;
        }
        return true;
      }),
    );
    for (const address of ['8.8.8.8', '93.184.216.34', '172.32.0.1', '2606:4700:4700::1111'])
      assert.equal(isInside(address), false);
  });
});

describe('an address outside', () => {
  it('OUT-1 given a redirect, then it is not followed', async () => {
    const url = await serve((server) => {
      server.on('request', (_request, response) =>
        response.writeHead(302, { location: 'http://169.254.169.254/' }).end(),
      );
    });
    assert.equal((await inner(url)).status, 302);
  });

  it('OUT-2 given a receiver that hangs, then it is given up after its time', async () => {
    const url = await serve((server) => {
      server.on('request', () => undefined);
    });
    await assert.rejects(inner(url), /timeout|aborted/i);
  });
});
