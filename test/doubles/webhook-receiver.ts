/** The platform's end of a webhook: keeps what came, and verifies it by an independent library of Standard Webhooks. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { Webhook } from 'standardwebhooks';

export interface Received {
  readonly id: string;
  readonly body: {
    readonly type: string;
    readonly timestamp: string;
    readonly data: Readonly<Record<string, unknown>>;
  };
  /** How many signatures it carried. */
  readonly signatures: number;
}

export interface WebhookReceiver {
  readonly url: string;
  readonly secret: string;
  /** What came with a true signature, in order. */
  readonly received: Received[];
  /** Status codes that the next messages are answered with; 204 afterwards. */
  answerWith(...statuses: number[]): void;
  /** Headers of every answer from now on. */
  answerHeaders(headers: Record<string, string>): void;
  /** The end of every answer from now on: one that never ends, or none at all. */
  misbehave(how: 'endless' | 'break off' | 'not at all'): void;
  /** By which secret signatures are judged from now on. */
  expect(secret: string): void;
  close(): Promise<void>;
}

export async function startWebhookReceiver(): Promise<WebhookReceiver> {
  const secret = `whsec_${Buffer.alloc(32, 3).toString('base64')}`;
  let expected = secret;
  let headers: Record<string, string> = {};
  let manner: Parameters<WebhookReceiver['misbehave']>[0] = 'not at all';
  const received: Received[] = [];
  const statuses: number[] = [];
  const http = createServer(async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const text = Buffer.concat(parts).toString('utf8');
    const body = verified(expected, text, request.headers as Record<string, string>);
    if (body === undefined) return void response.writeHead(401).end();
    const signatures = String(request.headers['webhook-signature']).split(' ').length;
    received.push({ id: String(request.headers['webhook-id']), body, signatures });
    if (manner === 'break off') return void request.socket.destroy();
    response.writeHead(statuses.shift() ?? (manner === 'endless' ? 200 : 204), headers);
    if (manner === 'endless')
      Readable.from(endless())
        .on('error', () => undefined)
        .pipe(response);
    else response.end();
  });
  await new Promise<void>((done) => http.listen(0, '127.0.0.1', done));
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/webhooks`,
    secret,
    received,
    answerWith: (...next) => void statuses.push(...next),
    answerHeaders: (next) => {
      headers = next;
    },
    misbehave: (how) => {
      manner = how;
    },
    expect: (next) => {
      expected = next;
    },
    close: async () => {
      http.closeAllConnections();
      await new Promise((done) => http.close(done));
    },
  };
}

function verified(secret: string, text: string, headers: Record<string, string>): Received['body'] | undefined {
  try {
    return new Webhook(secret).verify(text, headers) as Received['body'];
  } catch {
    return undefined;
  }
}

function* endless() {
  for (;;) yield Buffer.alloc(65_536, 'x');
}
