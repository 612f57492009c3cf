/** The platform's end of a webhook: keeps what came, and verifies it by an independent library of Standard Webhooks. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';

export interface Received {
  readonly id: string;
  readonly body: { readonly type: string; readonly data: Readonly<Record<string, unknown>> };
}

export interface WebhookReceiver {
  readonly url: string;
  readonly secret: string;
  /** What came with a true signature, in order. */
  readonly received: Received[];
  /** Status codes that the next messages are answered with; 204 afterwards. */
  answerWith(...statuses: number[]): void;
  close(): Promise<void>;
}

export async function startWebhookReceiver(): Promise<WebhookReceiver> {
  const secret = `whsec_${Buffer.alloc(32, 3).toString('base64')}`;
  const received: Received[] = [];
  const statuses: number[] = [];
  const http = createServer(async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const text = Buffer.concat(parts).toString('utf8');
    const body = new Webhook(secret).verify(text, request.headers as Record<string, string>) as Received['body'];
    received.push({ id: String(request.headers['webhook-id']), body });
    response.writeHead(statuses.shift() ?? 204).end();
  });
  await new Promise<void>((done) => http.listen(0, '127.0.0.1', done));
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/webhooks`,
    secret,
    received,
    answerWith: (...next) => void statuses.push(...next),
    close: async () => {
      http.closeAllConnections();
      await new Promise((done) => http.close(done));
    },
  };
}
