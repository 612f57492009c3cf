/** A request's body as JSON, read strictly: two readers of one body must not be able to understand different things. */
import type { RequestHandler } from 'express';
import express from 'express';
import { Fault } from '../../errors.ts';
import { MAX_BODY_BYTES } from './limits.ts';
import { scimFault } from './scim-fault.ts';

const MEDIA_TYPES = ['application/scim+json', 'application/json'];

/** Puts the parsed body into `request.body`; undefined where there is none. */
export const jsonBody: RequestHandler[] = [
  requireMediaType,
  express.raw({ limit: MAX_BODY_BYTES, type: MEDIA_TYPES }),
  parseBody,
];

function requireMediaType(...[request, _response, next]: Parameters<RequestHandler>): void {
  const charset = /;\s*charset\s*=\s*"?([^";\s]+)/i.exec(request.get('content-type') ?? '')?.[1] ?? 'utf-8';
  if (request.is(MEDIA_TYPES) === false || charset.toLowerCase() !== 'utf-8') {
    throw new Fault('unsupported-media-type', `The body must be ${MEDIA_TYPES.join(' or ')}, in UTF-8.`);
  }
  next();
}

function parseBody(...[request, _response, next]: Parameters<RequestHandler>): void {
  request.body = Buffer.isBuffer(request.body) ? parseJson(request.body) : undefined;
  next();
}

/**
 * Parses JSON (RFC 8259).
 * @throws Fault with scimType `invalidSyntax` where it is none, is no UTF-8, or names a key of one object twice
 */
export function parseJson(bytes: Uint8Array): unknown {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    const value: unknown = JSON.parse(text);
    refuseKeyTwice(text);
    return value;
  } catch (error) {
    if (error instanceof Fault) throw error;
    throw scimFault('invalidSyntax', 'The body is not well-formed JSON.');
  }
}

/** Walks over well-formed JSON by its structure only: a string before a colon is a key of the innermost object. */
function refuseKeyTwice(text: string): void {
  const open: (Set<string> | undefined)[] = [];
  let string = '';
  for (let at = 0; at < text.length; at++) {
    switch (text[at]) {
      case '"': {
        const end = endOfString(text, at);
        string = text.slice(at, end + 1);
        at = end;
        break;
      }
      case '{':
        open.push(new Set());
        break;
      case '[':
        open.push(undefined);
        break;
      case '}':
      case ']':
        open.pop();
        break;
      case ':':
        addKey(open.at(-1), string);
    }
  }
}

function addKey(keys: Set<string> | undefined, string: string): void {
  const key = String(JSON.parse(string));
  if (keys?.has(key))
    throw scimFault('invalidSyntax', `The body names "${key.slice(0, 100)}" twice.`, key.slice(0, 100));
  keys?.add(key);
}

function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
  return at;
}
