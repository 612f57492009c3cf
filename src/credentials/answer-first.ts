/**
 * The one question that a platform asks at each of its own requests, answered before express is asked: `POST /access/v1/evaluation` with
 * an API key. Whatever is unusual about a request (another caller, another form, anything to refuse) goes on to the route, which says so.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Decisions } from '../access/evaluation.ts';
import { evaluationRequest } from '../access/evaluation-request.ts';
import { shownAnswer } from '../access/shown-answer.ts';
import { harmlessRequestId } from '../http/request-context.ts';
import { sendJson } from '../http/send-json.ts';
import type { NoteUse } from './key-uses.ts';
import { actorOfKey, type FindKey, liveScopes } from './known-keys.ts';

const PATH = '/access/v1/evaluation';
const MOST_BYTES = 64 * 1024;
const BEARER = /^bearer ([^ ]+)$/i;

export interface AnswerFirstDependencies {
  readonly decisions: Decisions;
  readonly findKey: FindKey;
  readonly noteUse: NoteUse;
  readonly trustProxy: boolean;
}

type Listener = (request: IncomingMessage & { body?: unknown }, response: ServerResponse, goOn: () => void) => void;

/** What is asked before the application is; it is given whatever is not answered here. */
export function answerFirst(deps: AnswerFirstDependencies): Listener {
  return (request, response, goOn) => {
    const presented = isUsual(request) ? BEARER.exec(request.headers.authorization ?? '')?.[1] : undefined;
    if (presented === undefined) return goOn();
    answer(deps, request, response, presented).then(
      (answered) => answered || goOn(),
      // Met again by the route, which tells what it is.
      () => goOn(),
    );
  };
}

function isUsual({ method, url, headers }: IncomingMessage): boolean {
  return (
    url === PATH &&
    method === 'POST' &&
    headers['content-type'] === 'application/json' &&
    headers['content-encoding'] === undefined &&
    Number(headers['content-length']) <= MOST_BYTES
  );
}

/** @returns whether it has answered, or nobody waits for an answer any more */
async function answer(
  { decisions, findKey, noteUse, trustProxy }: AnswerFirstDependencies,
  request: IncomingMessage & { body?: unknown },
  response: ServerResponse,
  presented: string,
): Promise<boolean> {
  const known = await findKey(presented);
  if (known === undefined || liveScopes(known, new Date())?.includes('access:evaluate') !== true) return false;
  const text = await bodyOf(request);
  if (text === undefined) return true;
  request.body = jsonOf(text);
  const asked = evaluationRequest.safeParse(request.body);
  if (!asked.success) return false;
  const requestId = harmlessRequestId(request.headers['x-request-id']);
  const address = addressOf(request, trustProxy);
  const asker = {
    organizationId: known.key.organization_id,
    origin: { actor: actorOfKey(known.key), requestId, address },
  };
  const [found] = await decisions.evaluate(asker, [asked.data]);
  if (found === undefined) return false;
  noteUse(known, { endpoint: `POST ${PATH}`, address });
  response.setHeader('X-Request-Id', requestId);
  sendJson(response, shownAnswer(found));
  return true;
}

/** Undefined where the caller has gone. */
function bodyOf(request: IncomingMessage): Promise<string | undefined> {
  return new Promise((done) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => done(Buffer.concat(parts).toString('utf8')));
    request.on('close', () => done(undefined));
  });
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** As express's `request.ip` with the same setting. */
function addressOf({ headers, socket }: IncomingMessage, trustProxy: boolean): string | undefined {
  const forwarded = trustProxy
    ? String(headers['x-forwarded-for'] ?? '')
        .split(',', 1)[0]
        ?.trim()
    : undefined;
  return forwarded || socket.remoteAddress;
}
