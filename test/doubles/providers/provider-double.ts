/** What every made-up provider is to the tests: it gives a leaver something, tells whether that still works, and can lie. */
import type { HttpAnswer, HttpDouble, HttpRequest } from '../http-double.ts';

export interface ProviderDouble extends HttpDouble {
  /** What an administrator says of it to Drawbridge, secrets among it. */
  readonly said: Readonly<Record<string, unknown>>;
  /** Gives somebody a token, or an account (null). */
  give(email: string): string | null;
  /** Whether somebody can still do something with what they were given. */
  works(email: string): boolean;
  /** Somebody else ends it. */
  end(email: string): void;
  /** From now on it says that it is done, and does nothing. */
  lie(): void;
}

/** What of a provider's behaviour each of them has: who was given what, and whether ending really ends. */
export function holdings() {
  const tokens = new Map<string, string>();
  const live = new Set<string>();
  let lies = false;
  return {
    give: (email: string, token: string) => {
      tokens.set(email, token);
      live.add(token);
      return token;
    },
    works: (email: string) => live.has(tokens.get(email) ?? ''),
    isLive: (token: string | undefined) => token !== undefined && live.has(token),
    end: (email: string) => void live.delete(tokens.get(email) ?? ''),
    /** As asked by us. */
    asked: (token: string) => {
      if (!lies) live.delete(token);
    },
    lie: () => {
      lies = true;
    },
  };
}

export function formOf({ body }: HttpRequest): Record<string, string> {
  return Object.fromEntries(new URLSearchParams(body));
}

export function jsonOf({ body }: HttpRequest): Record<string, unknown> {
  return JSON.parse(body === '' ? '{}' : body) as Record<string, unknown>;
}

export function bearerOf({ headers }: HttpRequest): string | undefined {
  return /^Bearer (.+)$/.exec(headers.authorization ?? '')?.[1];
}

/** Both may be form-encoded, as RFC 6749 has it (2.3.1). */
export function isBasic({ headers }: HttpRequest, user: string, password: string): boolean {
  const encoded = /^Basic (.+)$/.exec(headers.authorization ?? '')?.[1] ?? '';
  return decodeURIComponent(Buffer.from(encoded, 'base64').toString()) === `${user}:${password}`;
}

export const NOT_FOUND: HttpAnswer = { status: 404, body: { message: 'Not Found' } };
