/** Calls the administration API as the person who is signed in. */
import { accessToken, forgetToken } from '../session/token.ts';
import type { Operations } from './operations.ts';

export type Operation = keyof Operations;
export type Answer<K extends Operation> = Operations[K]['answer'];

/** What an operation is given; the organization in its path is the person's own, and filled in here. */
export type Given<K extends Operation> = Filled<'path', Omit<Operations[K]['path'], 'organization'>> &
  Filled<'query', Operations[K]['query']> &
  (Operations[K]['body'] extends undefined ? unknown : { readonly body: Operations[K]['body'] });

/** A member that may be left out where all of its own may. */
type Filled<N extends string, T> = Partial<T> extends T ? { readonly [K in N]?: T } : { readonly [K in N]: T };

/** A refusal, as the server tells it (RFC 9457). */
export class ApiProblem extends Error {
  readonly status: number;
  readonly where: string | undefined;
  readonly remedy: string | undefined;
  readonly requestId: string | null;
  readonly document: Readonly<Record<string, unknown>>;

  constructor(status: number, document: Readonly<Record<string, unknown>>, requestId: string | null) {
    super(String(document['detail'] ?? document['title'] ?? `The server answered ${status}.`));
    this.status = status;
    this.where = document['where'] as string | undefined;
    this.remedy = document['remedy'] as string | undefined;
    this.requestId = requestId;
    this.document = document;
  }
}

/** The organization that the console is in; known as soon as somebody is signed in. */
let organization = '';

export function enterOrganization(id: string): void {
  organization = id;
}

/**
 * Calls one operation.
 * @throws ApiProblem where the server refuses; SignedOut where the session is over
 */
export async function call<K extends Operation>(
  operation: K,
  given: Given<K>,
  signal?: AbortSignal,
): Promise<Answer<K>> {
  const response = await request(operation, given, signal);
  const text = await response.text();
  return (text === '' ? undefined : JSON.parse(text)) as Answer<K>;
}

/** Calls one operation for what it answers as it comes: a file to save, events as they happen. @throws as `call` does */
export async function request<K extends Operation>(
  operation: K,
  given: Given<K>,
  signal?: AbortSignal,
): Promise<Response> {
  const first = await send(operation, given, signal);
  // A token may end before its time: with the session, or with what the person may do. Another is asked for, once.
  if (first.status === 401) forgetToken();
  const response = first.status === 401 ? await send(operation, given, signal) : first;
  if (response.ok) return response;
  throw new ApiProblem(response.status, await documentOf(response), response.headers.get('x-request-id'));
}

async function send(operation: string, given: unknown, signal: AbortSignal | undefined): Promise<Response> {
  const [method = 'get', template = ''] = operation.split(' ');
  const {
    path = {},
    query = {},
    body,
  } = given as {
    path?: Readonly<Record<string, unknown>>;
    query?: Readonly<Record<string, unknown>>;
    body?: unknown;
  };
  return fetch(addressOf(template, path, query), {
    method: method.toUpperCase(),
    headers: {
      authorization: `Bearer ${await accessToken()}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    ...(signal === undefined ? {} : { signal }),
  });
}

function addressOf(
  template: string,
  path: Readonly<Record<string, unknown>>,
  query: Readonly<Record<string, unknown>>,
): string {
  const filled = template.replace(/\{(\w+)\}/g, (_, name: string) =>
    encodeURIComponent(String(name === 'organization' ? organization : path[name])),
  );
  const asked = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== null && value !== '') asked.set(name, String(value));
  }
  return asked.size === 0 ? filled : `${filled}?${asked}`;
}

async function documentOf(response: Response): Promise<Readonly<Record<string, unknown>>> {
  const told: unknown = await response.json().catch(() => ({}));
  return typeof told === 'object' && told !== null ? (told as Readonly<Record<string, unknown>>) : {};
}
