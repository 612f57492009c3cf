/** Where the provider sends a browser to find out who sits before it: our own session says so, or the sign-in page finds out. */
import type { Request, Response } from 'express';
import { sql } from 'kysely';
import type Provider from 'oidc-provider';
import type { LiveSession } from '../../credentials/session.ts';
import { Fault } from '../../errors.ts';
import type { Store } from '../../store/database.ts';
import { inTenant } from '../../store/tenant.ts';
import { sessionBehind } from './browser.ts';
import { PROVIDER } from './installation.ts';

/** Why somebody who is signed in must do so again, however short ago that was. */
const ANEW = new Set(['login_prompt', 'id_token_hint']);

type Asked = Awaited<ReturnType<Provider['interactionDetails']>>;

/** Answers `GET /oauth/interaction/:uid`. @throws Fault `sign-in-refused` where the sign-in it belongs to is over */
export async function answerInteraction(
  { store }: { readonly store: Pick<Store, 'db'> },
  provider: Provider,
  request: Request,
  response: Response,
): Promise<void> {
  const asked = await provider.interactionDetails(request, response).catch((cause: unknown) => {
    throw new Fault('sign-in-refused', 'This sign-in was begun in another browser, or too long ago.', {
      cause,
      remedy: 'Go back to the app and start again.',
    });
  });
  const live = sessionBehind(request);
  const session = live && (await signedIn(store, live));
  // Who has signed in since was asked for it here; how long that took is no matter.
  const since = live?.sessionId !== asked.prompt.details['begunWith'];
  if (session === undefined || (!since && mustAnew(asked, session))) {
    response.redirect(303, signInAddress(request.originalUrl, asked.params['login_hint']));
    return;
  }
  if (since && asked.session !== undefined) {
    // The provider's former session went with ours. What it was asked is asked again, of the new one.
    response.redirect(303, `/oauth/authorize?${askedAgain(asked.params)}`);
    return;
  }
  const login = { accountId: session.userId, ts: session.at, amr: amrOf(session.by), acr: acrOf(session.by) };
  const finished = asked.prompt.name === 'login' ? { login } : { consent: {} };
  await provider.interactionFinished(request, response, finished, { mergeWithLastSubmission: true });
}

function mustAnew({ prompt, params }: Asked, { at }: SignedIn): boolean {
  if (prompt.name !== 'login') return false;
  const tooOld = prompt.reasons.includes('max_age') && Date.now() / 1000 - at > Number(params['max_age']);
  return tooOld || prompt.reasons.some((reason) => ANEW.has(reason));
}

interface SignedIn {
  readonly userId: string;
  /** Seconds since 1970. */
  readonly at: number;
  /** `saml`, `oidc`, `password`, `password+totp` ... */
  readonly by: string;
}

async function signedIn({ db }: Pick<Store, 'db'>, session: LiveSession): Promise<SignedIn | undefined> {
  return inTenant(
    db,
    session.organizationId,
    PROVIDER,
    async (tx) => {
      const { rows } = await sql<SignedIn>`
        SELECT user_id AS "userId", floor(extract(epoch FROM created_at))::int AS at, authenticated_by AS by
        FROM sessions WHERE id = ${session.sessionId}`.execute(tx.db);
      return rows[0];
    },
    'reader',
  );
}

function signInAddress(returnTo: string, hint: unknown): string {
  const query = new URLSearchParams({ returnTo });
  if (typeof hint === 'string' && hint.length <= 254) query.set('email', hint);
  return `/sign-in?${query}`;
}

/** The same request without what has been done: the person has signed in anew. */
function askedAgain(params: Readonly<Record<string, unknown>>): URLSearchParams {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    if (value === undefined || value === null) continue;
    const text = name === 'prompt' ? withoutLogin(String(value)) : String(value);
    if (text !== '' && name !== 'max_age') query.set(name, text);
  }
  return query;
}

function withoutLogin(prompt: string): string {
  return prompt
    .split(' ')
    .filter((each) => each !== 'login')
    .join(' ');
}

/** RFC 8176, as far as it has names; `fed` where another provider has seen to it. */
export function amrOf(by: string): string[] {
  const [first, second] = by.split('+');
  const methods = first === 'password' ? ['pwd'] : ['fed'];
  if (second === undefined) return methods;
  return [...methods, second === 'webauthn' ? 'hwk' : 'otp', 'mfa'];
}

/** How surely it is the person, by what was proven here. */
export function acrOf(by: string): string {
  if (by.includes('+')) return 'urn:drawbridge:acr:mfa';
  return by === 'password' ? 'urn:drawbridge:acr:password' : 'urn:drawbridge:acr:federated';
}
