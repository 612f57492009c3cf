/** `/sign-in/second-factor`: the second half of a local sign-in. */
import { type Request, type Response, Router } from 'express';
import { z } from 'zod';
import { record } from '../../audit/record.ts';
import { Fault } from '../../errors.ts';
import { asFault } from '../../http/problem.ts';
import { originOf } from '../../http/request-context.ts';
import { inTenant, type Origin, type TenantTransaction } from '../../store/tenant.ts';
import type { SignInDependencies } from '../door.ts';
import { html, sendPage, wantsPage } from '../page.ts';
import { listFactors, useTotp } from './factors.ts';
import { clearHalfCookie, consumeHalfSignIn, findHalfSignIn, type HalfSignIn, locateOwnHalf } from './half-sign-in.ts';
import { letIn, ownForms, troubleOf } from './pages.ts';
import { useRecoveryCode } from './recovery-codes.ts';
import { begin, type Session } from './sign-in.ts';
import { countAttempt, forgetAttempts } from './throttle.ts';
import { assertionOptions, verifyAssertion } from './webauthn.ts';

/** A code of an app or a recovery code, or what a key signed. */
const proof = z.union([
  z.object({ code: z.string().min(1).max(64) }),
  z.object({ response: z.union([z.looseObject({}), z.string().max(20_000)]) }),
]);
type Proof = z.output<typeof proof>;

type By = 'totp' | 'webauthn' | 'recovery-code';

interface Half extends HalfSignIn {
  readonly organizationId: string;
  readonly token: string;
  readonly origin: Origin;
}

/** `GET` and `POST /sign-in/second-factor`. */
export function secondFactorPages(deps: SignInDependencies): Router {
  const router = Router();
  const { baseUrl } = deps.settings.http;

  router.get('/sign-in/second-factor', (request, response) => show(deps, request, response));

  router.post('/sign-in/second-factor', ownForms(baseUrl), async (request: Request, response: Response) => {
    const half = await halfOf(deps, request);
    try {
      const session = await prove(deps, half, request.body);
      clearHalfCookie(response, baseUrl);
      await letIn(deps, request, response, session, half.returnTo);
    } catch (error) {
      const fault = asFault(error);
      if (fault === undefined || fault.code === 'unauthenticated' || !wantsPage(request)) throw error;
      if (typeof fault.extra['retryAfter'] === 'number') response.set('Retry-After', String(fault.extra['retryAfter']));
      await show(deps, request, response, fault);
    }
  });
  return router;
}

async function halfOf(deps: SignInDependencies, request: Request): Promise<Half> {
  const { db } = deps.store;
  const { organizationId, token } = await locateOwnHalf(db, request, deps.settings.http.baseUrl);
  const unknown = originOf(request, { kind: 'system', id: 'sign-in', label: 'sign-in' });
  const half = await inTenant(db, organizationId, unknown, (tx) => findHalfSignIn(tx, token), 'reader');
  const origin = originOf(request, { kind: 'user', id: half.userId, label: half.email });
  return { ...half, organizationId, token, origin };
}

async function prove(deps: SignInDependencies, half: Half, body: unknown): Promise<Session> {
  const { db } = deps.store;
  const counted = { what: 'second-factor', of: half.userId } as const;
  await countAttempt(db, counted);
  const parsed = proof.safeParse(body ?? {});
  try {
    if (!parsed.success) throw refusal();
    const use = await preparedUse(deps, half, parsed.data);
    const session = await inTenant(db, half.organizationId, half.origin, async (tx) => {
      const current = await consumeHalfSignIn(tx, half.token);
      const by = await use(tx);
      if (by === undefined) throw refusal();
      return finish(deps, tx, current, by);
    });
    await forgetAttempts(db, counted);
    return session;
  } catch (error) {
    if (error instanceof Fault && error.code !== 'unauthenticated') await auditRefused(deps, half, error);
    throw error;
  }
}

/** What is to be done with a proof inside the transaction that lets in; it gives what the proof was, undefined where it is none. */
async function preparedUse(
  deps: SignInDependencies,
  half: Half,
  given: Proof,
): Promise<(tx: TenantTransaction) => Promise<By | undefined>> {
  const { userId } = half;
  if ('response' in given) {
    const place = { db: deps.store.db, organizationId: half.organizationId, origin: half.origin };
    const use = await verifyAssertion(place, deps.settings.http, userId, parsedAnswer(given.response));
    return async (tx) => ((await use(tx)) ? 'webauthn' : undefined);
  }
  const code = given.code.replace(/[\s-]/g, '');
  if (/^\d{6}$/.test(code)) {
    const { sealingKeys } = deps.settings.secrets;
    return async (tx) => ((await useTotp(tx, sealingKeys, userId, code, Date.now())) ? 'totp' : undefined);
  }
  return async (tx) => ((await useRecoveryCode(tx, userId, code)) === undefined ? undefined : 'recovery-code');
}

/** A form can only send text. */
export function parsedAnswer(given: unknown): unknown {
  if (typeof given !== 'string') return given;
  try {
    return JSON.parse(given);
  } catch {
    return undefined;
  }
}

async function finish(deps: SignInDependencies, tx: TenantTransaction, half: HalfSignIn, by: By): Promise<Session> {
  // SSO may have been enforced since the password was given.
  if (half.ssoEnforced && !half.breakGlass) throw refusal();
  const session = await begin(tx, half.userId, `password+${by}`, half.ssoEnforced);
  if (half.ssoEnforced) {
    const { organizationId } = tx;
    deps.log.error(
      { alarm: 'break-glass', organizationId, userId: half.userId, requestId: tx.origin.requestId },
      'a break-glass account was used',
    );
  }
  return session;
}

function refusal(): Fault {
  return new Fault('sign-in-refused', 'This second factor was not accepted.', {
    remedy: 'Each code is good once: wait for the next one, or use another second factor.',
  });
}

async function auditRefused(deps: SignInDependencies, half: Half, fault: Fault): Promise<void> {
  await inTenant(deps.store.db, half.organizationId, half.origin, (tx) =>
    record(tx, {
      action: 'sign_in.refused',
      resource: { type: 'user', id: half.userId },
      outcome: 'denied',
      reason: fault.code === 'too-many-requests' ? 'too many attempts' : 'wrong second factor',
      detail: { by: 'password' },
    }),
  );
}

async function show(deps: SignInDependencies, request: Request, response: Response, fault?: Fault): Promise<void> {
  const { baseUrl } = deps.settings.http;
  const half = await halfOf(deps, request);
  const { factors, options } = await inTenant(deps.store.db, half.organizationId, half.origin, async (tx) => ({
    factors: await listFactors(tx, half.userId),
    options: await assertionOptions(tx, deps.settings.http, half.userId),
  }));
  const methods = [...new Set(factors.map(({ kind }) => kind)), 'recovery-code'];
  if (!wantsPage(request)) {
    response.set('Cache-Control', 'no-store').json({ methods, webauthn: options });
    return;
  }
  const key =
    options === null
      ? null
      : html`<form method="post" action="/sign-in/second-factor" data-webauthn="${JSON.stringify(options)}" data-do="get">
<input type="hidden" name="response" value="">
<button>Use a passkey or security key</button>
</form>
<script src="/sign-in/webauthn.js"></script>`;
  const body = html`${troubleOf(fault)}${key}
<form method="post" action="/sign-in/second-factor">
<label for="code">Code of your app, or a recovery code</label>
<input id="code" name="code" inputmode="text" autocomplete="one-time-code" required>
<button>Continue</button>
</form>`;
  sendPage(response, baseUrl, fault?.status ?? 200, 'Your second factor', body);
}
