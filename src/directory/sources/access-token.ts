/** Access tokens by which a source's API is asked (RFC 6749, 7523): fetched when first needed, and again shortly before they end. */
import { createPrivateKey, type KeyObject, randomUUID } from 'node:crypto';
import { SignJWT } from 'jose';
import { z } from 'zod';
import { Fault } from '../../errors.ts';
import type { Answer, Send } from './http.ts';

/** What a token is asked for with; made anew each time, for what is signed in it is good only once. */
export type TokenForm = () => Promise<Readonly<Record<string, string>>>;

const granted = z.object({ access_token: z.string().min(1), expires_in: z.coerce.number().positive().default(300) });
const refused = z.object({ error: z.string().regex(/^[\w.-]{1,60}$/) });

const EARLY_MS = 60_000;

/** What some token endpoints want otherwise than RFC 6749 has it. */
export interface TokenDialect {
  readonly headers?: Readonly<Record<string, string>>;
  /** Asked with JSON instead of a form. */
  readonly json?: boolean;
  /** Finds the usual members in another answer. */
  readonly grantOf?: (said: unknown) => unknown;
}

/** Gives the token that holds now; another than one that was refused. @throws Fault `upstream-failed` where none is given */
export type AccessTokens = (refused?: string) => Promise<string>;

/** Keeps one for a client. */
export function accessTokens(
  send: Send,
  now: () => Date,
  url: string,
  form: TokenForm,
  dialect: TokenDialect = {},
): AccessTokens {
  let token = '';
  let until = 0;
  let asking: Promise<void> | undefined;
  const ask = async () => {
    const { access_token, expires_in } = readGrant(url, await send(url, request(await form(), dialect)), dialect);
    token = access_token;
    // Some last only a minute.
    until = now().getTime() + expires_in * 1000 - Math.min(EARLY_MS, expires_in * 500);
  };
  return async (refused) => {
    if (now().getTime() < until && token !== refused) return token;
    // Whoever needs one meanwhile waits for the same.
    asking ??= ask().finally(() => {
      asking = undefined;
    });
    await asking;
    return token;
  };
}

function request(form: Readonly<Record<string, string>>, { json = false, headers }: TokenDialect): RequestInit {
  const type = json ? { 'content-type': 'application/json' } : {};
  const body = json ? JSON.stringify(form) : new URLSearchParams(form);
  return { method: 'POST', headers: { accept: 'application/json', ...type, ...headers }, body };
}

function readGrant(
  url: string,
  { status, text }: Answer,
  { grantOf = (given) => given }: TokenDialect,
): z.output<typeof granted> {
  const said = parsed(text);
  const grant = granted.safeParse(grantOf(said));
  if (status === 200 && grant.success) return grant.data;
  const reason = refused.safeParse(said);
  throw new Fault(
    'upstream-failed',
    `The source gives no access token (${status}${reason.success ? `, ${reason.data.error}` : ''}); nothing was changed.`,
    { where: url, remedy: "Check the directory's client and secrets, and what they are allowed at the source." },
  );
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export interface Assertion {
  readonly issuer: string;
  readonly subject: string;
  readonly audience: string;
  readonly claims?: Readonly<Record<string, string | number>>;
  readonly header: Readonly<Record<string, string>> & { readonly alg: string };
}

/** Signs who asks (RFC 7523), for five minutes. */
export function signAssertion(key: KeyObject, now: Date, assertion: Assertion): Promise<string> {
  const seconds = Math.floor(now.getTime() / 1000);
  return new SignJWT({ ...assertion.claims })
    .setProtectedHeader({ typ: 'JWT', ...assertion.header })
    .setIssuer(assertion.issuer)
    .setSubject(assertion.subject)
    .setAudience(assertion.audience)
    .setJti(randomUUID())
    .setIssuedAt(seconds)
    .setExpirationTime(seconds + 300)
    .sign(key);
}

/** A private key as PEM that is kept secret. */
export const privateKeyText = z
  .string()
  .max(20_000)
  .refine(isPrivateKey, 'is not a private key (PEM, without a password)');

/** Whether a text is one. */
export function isPrivateKey(text: string): boolean {
  try {
    createPrivateKey(text);
    return true;
  } catch {
    return false;
  }
}
