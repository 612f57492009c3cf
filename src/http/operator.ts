/** The operator: whoever runs this installation. Holds one token from the settings and may act in any organization. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Request } from 'express';
import type { Authenticate, Caller } from './caller.ts';

const OPERATOR: Caller = {
  actor: { kind: 'operator', id: 'operator', label: 'operator' },
  organizationId: null,
  userId: null,
  mayAdminister: () => true,
  hasScope: () => true,
};

/** Recognises the operator's bearer token, in constant time. */
export function authenticateOperator(token: string): Authenticate {
  const expected = digest(token);
  return async (request) => {
    const presented = bearerOf(request);
    return presented !== undefined && timingSafeEqual(digest(presented), expected) ? OPERATOR : undefined;
  };
}

/** The bearer token of a request, if it carries one. */
export function bearerOf(request: Request): string | undefined {
  const [scheme, token] = (request.get('authorization') ?? '').split(' ');
  return scheme?.toLowerCase() === 'bearer' && token ? token : undefined;
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
