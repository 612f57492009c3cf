/** Puts a made-up HTTP service on a port of its own, and in front of it the faults that real ones have. */
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

export interface HttpRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface HttpAnswer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** A text goes out as it is, anything else as JSON. */
  readonly body?: unknown;
}

/**
 * `cut-off`: the connection ends in the middle; `truncated`: half the answer, as if that were all of it; `login-page`: 200 with HTML;
 * `repeat`: the page before, again; `hang`: no answer; `trickle`: a byte now and then, for ever; `denied`: 401; `rate-limit`: 429 with a
 * `Retry-After` of 7 seconds; `huge`: 200 and 1 MiB.
 */
export type HttpFault =
  | 'cut-off'
  | 'truncated'
  | 'login-page'
  | 'repeat'
  | 'server-error'
  | 'rate-limit'
  | 'hang'
  | 'trickle'
  | 'denied'
  | 'huge';

export interface HttpDouble {
  /** Without a slash at its end. */
  readonly url: string;
  /** How many pages it was asked for so far. */
  pages(): number;
  /** Once that many pages were served well, the next so many requests for a page meet this instead. */
  meet(fault: HttpFault, afterPages: number, times: number): void;
  close(): Promise<void>;
}

/** @param isPage which requests ask for records; the others, such as for a token, are never counted and meet no fault */
export async function startHttpDouble(
  answer: (request: HttpRequest) => HttpAnswer | Promise<HttpAnswer>,
  isPage: (request: HttpRequest) => boolean,
): Promise<HttpDouble> {
  let [asked, served] = [0, 0];
  let before: HttpAnswer = {};
  let waiting: { fault: HttpFault; afterPages: number; times: number } | null = null;
  const server = createServer(async (incoming, response) => {
    const { method = 'GET', headers } = incoming;
    const url = new URL(incoming.url ?? '/', double.url);
    const request = { method, url, headers, body: await text(incoming) };
    const answered = await answer(request);
    if (!isPage(request)) return write(response, answered);
    asked += 1;
    if (waiting !== null && served >= waiting.afterPages && waiting.times > 0) {
      waiting.times -= 1;
      return spoil(response, waiting.fault === 'repeat' ? before : answered, waiting.fault);
    }
    served += 1;
    before = answered;
    write(response, answered);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const double: HttpDouble = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    pages: () => asked,
    meet: (fault, afterPages, times) => {
      waiting = { fault, afterPages, times };
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
  return double;
}

function textOf({ body = '' }: HttpAnswer): string {
  return typeof body === 'string' ? body : JSON.stringify(body);
}

function write(response: ServerResponse, answer: HttpAnswer): void {
  const text = Buffer.from(textOf(answer));
  const type = typeof answer.body === 'string' ? 'text/plain' : 'application/json';
  response.writeHead(answer.status ?? 200, { 'content-type': type, 'content-length': text.length, ...answer.headers });
  response.end(text);
}

function spoil(response: ServerResponse, answer: HttpAnswer, fault: HttpFault): void {
  const instead = answerInstead(fault);
  if (instead !== undefined) write(response, instead);
  else if (fault === 'repeat') write(response, answer);
  else if (fault === 'truncated') write(response, { ...answer, body: halfOf(answer) });
  else if (fault === 'cut-off') cutOff(response, answer);
  else if (fault === 'trickle') trickle(response, answer);
}

function answerInstead(fault: HttpFault): HttpAnswer | undefined {
  if (fault === 'login-page') return { body: '<!doctype html><title>Please sign in</title>\n' };
  if (fault === 'server-error') return { status: 500, body: {} };
  if (fault === 'rate-limit') return { status: 429, headers: { 'retry-after': '7' }, body: {} };
  if (fault === 'huge') return { body: 'x'.repeat(1024 * 1024) };
  if (fault === 'denied') return { status: 401, body: {} };
  return undefined;
}

function halfOf(answer: HttpAnswer): string {
  const text = textOf(answer);
  return text.slice(0, Math.floor(text.length / 2));
}

function cutOff(response: ServerResponse, answer: HttpAnswer): void {
  response.writeHead(200, { 'content-length': Buffer.byteLength(textOf(answer)), ...answer.headers });
  response.write(halfOf(answer), () => response.destroy());
}

function trickle(response: ServerResponse, answer: HttpAnswer): void {
  response.writeHead(200, answer.headers ?? {});
  const drip = setInterval(() => response.write(' '), 100);
  response.on('close', () => clearInterval(drip));
}
