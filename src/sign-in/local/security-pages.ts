/** `/me/security`: one's own password, second factors and recovery codes. Programs get and send JSON. */
import { type Request, type Response, Router } from 'express';
import { sql } from 'kysely';
import { z } from 'zod';
import type { LiveSession } from '../../credentials/session.ts';
import { Fault } from '../../errors.ts';
import { asFault, faultOf } from '../../http/problem.ts';
import { originOf } from '../../http/request-context.ts';
import { inTenant, type TenantTransaction } from '../../store/tenant.ts';
import { actorOf, liveSessionOf } from '../authenticate.ts';
import type { SignInDependencies } from '../door.ts';
import { wantsPage } from '../page.ts';
import { keepBreakGlass } from '../policy.ts';
import { beginTotp, confirmTotp, listFactors, removeFactor } from './factors.ts';
import { ownForms } from './pages.ts';
import { passwordOf, setPassword } from './password.ts';
import { hashPassword, verifyPassword } from './password-hash.ts';
import { requireGoodPassword } from './password-rules.ts';
import { makeRecoveryCodes } from './recovery-codes.ts';
import { parsedAnswer } from './second-factor-pages.ts';
import { type Security, showCodes, showKey, showSecurity, showTotp, WEBAUTHN_SCRIPT } from './security-page.ts';
import { countAttempt, forgetAttempts } from './throttle.ts';
import { totpUri } from './totp.ts';
import { confirmEnrolment, enrolmentOptions } from './webauthn.ts';

const FRESH_MINUTES = 15;
const named = z.object({ name: z.string().trim().min(1).max(80).default('authenticator') });
const change = z.object({ current: z.string().max(1024), password: z.string().max(1024) });
const confirmation = z.object({ code: z.string().max(20) });
const enrolment = z.object({
  name: z.string().trim().min(1).max(80).default('security key'),
  response: z.union([z.looseObject({}), z.string().max(20_000)]),
});

/** Somebody at their own settings. */
interface Own {
  readonly deps: SignInDependencies;
  readonly request: Request;
  readonly response: Response;
  readonly session: LiveSession;
  within<T>(work: (tx: TenantTransaction) => Promise<T>): Promise<T>;
}

/** `/me/security...`, and the script of the pages that speak WebAuthn. */
export function securityPages(deps: SignInDependencies): Router {
  const router = Router();
  const { baseUrl } = deps.settings.http;
  router.get('/sign-in/webauthn.js', (_request, response) => void response.type('js').send(WEBAUTHN_SCRIPT));
  router.get('/me/security', async (request, response) => {
    const session = await liveSessionOf(deps, request);
    if (session === undefined && wantsPage(request))
      return void response.redirect(303, '/sign-in?returnTo=%2Fme%2Fsecurity');
    await show(ownOf(deps, request, response, session));
  });
  for (const [path, act] of Object.entries(ACTS)) {
    router.post(`/me/security/${path}`, ownForms(baseUrl), async (request: Request, response: Response) => {
      const own = ownOf(deps, request, response, await liveSessionOf(deps, request));
      try {
        await requireFresh(own);
        await act(own);
        if (response.headersSent) return;
        if (wantsPage(request)) response.redirect(303, '/me/security');
        else response.status(204).end();
      } catch (error) {
        const fault = asFault(error);
        if (fault === undefined || !wantsPage(request)) throw error;
        await show(own, fault);
      }
    });
  }
  return router;
}

type Act = (own: Own) => Promise<void>;

const ACTS: Readonly<Record<string, Act>> = {
  password: changePassword,
  totp: async (own) => {
    const { name } = read(named, own);
    const { sealingKeys } = own.deps.settings.secrets;
    const begun = await own.within((tx) => beginTotp(tx, sealingKeys, own.session.userId, name));
    const uri = totpUri(begun.secret, own.session.email, 'Drawbridge');
    if (wantsPage(own.request)) showTotp(own.response, own.deps.settings.http.baseUrl, { ...begun, uri });
    else
      kept(own)
        .status(201)
        .json({ ...begun, uri });
  },
  'totp/:factor/confirm': async (own) => {
    const { code } = read(confirmation, own);
    const { sealingKeys } = own.deps.settings.secrets;
    const id = String(own.request.params['factor']);
    await own.within((tx) => confirmTotp(tx, sealingKeys, { userId: own.session.userId, id }, code, Date.now()));
  },
  webauthn: async (own) => {
    const site = own.deps.settings.http;
    const options = await own.within((tx) => enrolmentOptions(tx, site, own.session));
    if (wantsPage(own.request)) showKey(own.response, site.baseUrl, options);
    else kept(own).json(options);
  },
  'webauthn/confirm': async (own) => {
    const { name, response } = read(enrolment, own);
    const { deps, session } = own;
    const place = { db: deps.store.db, organizationId: session.organizationId, origin: originOfOwn(own) };
    await confirmEnrolment(place, deps.settings.http, session.userId, name, parsedAnswer(response));
  },
  'factors/:factor/remove': (own) =>
    own.within(async (tx) => {
      await removeFactor(tx, own.session.userId, String(own.request.params['factor']));
      await keepBreakGlass(tx);
    }),
  'recovery-codes': async (own) => {
    const codes = await own.within((tx) => newCodes(tx, own.session.userId));
    if (wantsPage(own.request)) showCodes(own.response, own.deps.settings.http.baseUrl, codes);
    else kept(own).status(201).json({ codes });
  },
};

async function newCodes(tx: TenantTransaction, userId: string): Promise<string[]> {
  if ((await listFactors(tx, userId)).length > 0) return makeRecoveryCodes(tx, userId);
  throw new Fault('conflict', 'Recovery codes stand in for a second factor, and there is none.', {
    remedy: 'Set one up first.',
  });
}

async function changePassword(own: Own): Promise<void> {
  const { current, password } = read(change, own);
  const { userId, email, sessionId } = own.session;
  const { db } = own.deps.store;
  const counted = { what: 'account', of: `own ${userId}` } as const;
  await countAttempt(db, counted);
  const phc = await own.within((tx) => passwordOf(tx, userId));
  if (phc === undefined) {
    throw new Fault('conflict', 'You have no password here.', { remedy: 'Your administrator can send you a link.' });
  }
  if (!(await verifyPassword(phc, current))) {
    throw new Fault('invalid-input', 'This is not your present password.', { where: 'current' });
  }
  await forgetAttempts(db, counted);
  requireGoodPassword(password, email);
  const hashed = await hashPassword(password);
  await own.within((tx) => setPassword(tx, userId, hashed, 'change', sessionId));
}

/** What gives lasting power over the account is changed only soon after signing in: a session left open or stolen is not enough. */
async function requireFresh({ session, within }: Own): Promise<void> {
  const fresh = await within(async (tx) => {
    const { rows } = await sql`
      SELECT 1 FROM sessions WHERE id = ${session.sessionId} AND created_at > now() - ${FRESH_MINUTES} * interval '1 minute'`.execute(
      tx.db,
    );
    return rows.length === 1;
  });
  if (fresh) return;
  throw new Fault('forbidden', `This takes a sign-in of the last ${FRESH_MINUTES} minutes.`, {
    remedy: 'Sign in again at /sign-in?returnTo=/me/security.',
  });
}

async function show(own: Own, fault?: Fault): Promise<void> {
  const { userId, email } = own.session;
  const security = await own.within(async (tx): Promise<Security> => {
    const { rows } = await sql<{ left: number }>`
      SELECT count(*)::int AS left FROM recovery_codes WHERE user_id = ${userId}`.execute(tx.db);
    return {
      email,
      password: (await passwordOf(tx, userId)) !== undefined,
      factors: await listFactors(tx, userId),
      recoveryCodes: rows[0]?.left ?? 0,
    };
  });
  if (wantsPage(own.request)) showSecurity(own.response, own.deps.settings.http.baseUrl, security, fault);
  else kept(own).json(security);
}

function ownOf(deps: SignInDependencies, request: Request, response: Response, session: LiveSession | undefined): Own {
  if (session === undefined)
    throw new Fault('unauthenticated', 'Nobody is signed in.', { remedy: 'Sign in at /sign-in.' });
  const origin = originOf(request, actorOf(session));
  return {
    deps,
    request,
    response,
    session,
    within: (work) => inTenant(deps.store.db, session.organizationId, origin, work),
  };
}

function originOfOwn({ request, session }: Own) {
  return originOf(request, actorOf(session));
}

function read<S extends z.ZodType>(schema: S, { request }: Own): z.output<S> {
  const parsed = schema.safeParse(request.body ?? {});
  if (!parsed.success) throw faultOf(parsed.error, 'form');
  return parsed.data;
}

/** An answer that no cache keeps. */
function kept({ response }: Own): Response {
  return response.set('Cache-Control', 'no-store');
}
