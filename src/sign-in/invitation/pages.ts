/** `/sign-in/invitation/:link` for whoever holds a link, `/sign-in/invitation` for who is signed in. Programs send and get JSON. */
import { randomUUID } from 'node:crypto';
import { type Request, type Response, Router } from 'express';
import { sql } from 'kysely';
import { z } from 'zod';
import { hashOf } from '../../credentials/sealing.ts';
import { Fault } from '../../errors.ts';
import { asFault, faultOf } from '../../http/problem.ts';
import { originOf } from '../../http/request-context.ts';
import { locateInvitation } from '../../store/locate.ts';
import { inTenant, type TenantTransaction } from '../../store/tenant.ts';
import { domainOf } from '../attributes.ts';
import { actorOf, liveSessionOf } from '../authenticate.ts';
import { listConnections } from '../connection.ts';
import type { SignInDependencies } from '../door.ts';
import { ownForms } from '../local/pages.ts';
import { hashPassword } from '../local/password-hash.ts';
import { requireGoodPassword } from '../local/password-rules.ts';
import { countAttempt, networkOf, takeBackAttempt } from '../local/throttle.ts';
import { wantsPage } from '../page.ts';
import { serves } from '../served-domains.ts';
import { acceptAsNewcomer, acceptSignedIn, isSsoEnforced } from './accept.ts';
import { invitationFor, invitationOf, type OpenInvitation } from './invitation.ts';
import { inviteeOf } from './invite.ts';
import { showInvited, showWaiting, type ToldInvitation } from './page.ts';

const answer = z.object({ password: z.string().max(1024), name: z.string().trim().max(200).default('') });

const OWN = '/sign-in/invitation';
const READER = { kind: 'system', id: 'invitation', label: 'invitation' } as const;

/** `GET` and `POST /sign-in/invitation`, `GET` and `POST /sign-in/invitation/:link`. */
export function invitationPages(deps: SignInDependencies): Router {
  const router = Router();
  const { baseUrl } = deps.settings.http;

  router.get(OWN, async (request, response) => {
    const session = await liveSessionOf(deps, request);
    if (session === undefined) return nobody(request, response);
    const origin = originOf(request, actorOf(session));
    const told = await inTenant(
      deps.store.db,
      session.organizationId,
      origin,
      async (tx) => {
        const invitation = await invitationFor(tx, session.email);
        return invitation && tell(tx, baseUrl, invitation);
      },
      'reader',
    );
    if (wantsPage(request)) showWaiting(response, baseUrl, told);
    else response.set('Cache-Control', 'no-store').json({ invitation: told ?? null });
  });

  router.post(OWN, ownForms(baseUrl), async (request: Request, response: Response) => {
    const session = await liveSessionOf(deps, request);
    if (session === undefined) return nobody(request, response);
    const origin = originOf(request, actorOf(session));
    await inTenant(deps.store.db, session.organizationId, origin, (tx) => acceptSignedIn(deps.models, tx, session));
    if (wantsPage(request)) response.redirect(303, '/me');
    else response.status(204).end();
  });

  router.get(`${OWN}/:link`, async (request, response) => {
    const told = await read(deps, request, await linkOf(deps, request));
    if (wantsPage(request)) showInvited(response, baseUrl, told);
    else response.set('Cache-Control', 'no-store').json(told);
  });

  router.post(`${OWN}/:link`, ownForms(baseUrl), async (request: Request, response: Response) => {
    const link = await linkOf(deps, request);
    try {
      const { email, organization } = await accept(deps, request, link);
      const signIn = `/sign-in/password?email=${encodeURIComponent(email)}&organization=${organization.slug}`;
      if (wantsPage(request)) response.redirect(303, signIn);
      else response.status(201).json({ email, signInUrl: baseUrl + signIn });
    } catch (error) {
      const fault = asFault(error);
      if (fault === undefined || fault.code !== 'invalid-input' || !wantsPage(request)) throw error;
      showInvited(response, baseUrl, await read(deps, request, link), fault);
    }
  });
  return router;
}

interface Link {
  readonly organizationId: string;
  readonly token: string;
}

async function accept(
  deps: SignInDependencies,
  request: Request,
  { organizationId, token }: Link,
): Promise<ToldInvitation> {
  const told = await read(deps, request, { organizationId, token });
  const parsed = answer.safeParse(request.body ?? {});
  if (!parsed.success) throw faultOf(parsed.error, 'form');
  const { password, name } = parsed.data;
  requireGoodPassword(password, told.email);
  const newcomer = { id: randomUUID(), name, phc: await hashPassword(password) };
  const origin = originOf(request, { kind: 'user', id: newcomer.id, label: told.email });
  const { db } = deps.store;
  await inTenant(db, organizationId, origin, (tx) => acceptAsNewcomer(deps.models, tx, token, newcomer));
  return told;
}

function read(deps: SignInDependencies, request: Request, { organizationId, token }: Link): Promise<ToldInvitation> {
  const { baseUrl } = deps.settings.http;
  const origin = originOf(request, READER);
  const work = async (tx: TenantTransaction) => tell(tx, baseUrl, await invitationOf(tx, token));
  return inTenant(deps.store.db, organizationId, origin, work, 'reader');
}

/** The link's secret stays out of the address to return to, for that is kept while somebody signs in elsewhere. */
async function tell(tx: TenantTransaction, baseUrl: string, invitation: OpenInvitation): Promise<ToldInvitation> {
  const { email, name, invitedBy, expiresAt, id } = invitation;
  const { rows } = await sql<Pick<ToldInvitation, 'organization' | 'roles'>>`
    SELECT jsonb_build_object('slug', o.slug, 'name', o.name) AS organization, (
      SELECT coalesce(jsonb_agg(jsonb_build_object('place', coalesce(nullif(concat_ws(' / ', w.name, p.name), ''), o.name), 'role', r.role)
          ORDER BY r.scope_kind, w.name, p.name), '[]')
        FROM invitation_roles r LEFT JOIN workspaces w ON w.id = r.workspace_id LEFT JOIN products p ON p.id = r.product_id
        WHERE r.invitation_id = ${id}) AS roles
    FROM organizations o`.execute(tx.db);
  const [shown] = rows;
  if (shown === undefined) throw new Error('the organization of this transaction is gone');
  const account = (await inviteeOf(tx, email)) !== null;
  const enforced = await isSsoEnforced(tx, email);
  const through = await hasConnection(tx, email);
  const query = `email=${encodeURIComponent(email)}&returnTo=${encodeURIComponent(OWN)}`;
  const local = `${baseUrl}/sign-in/password?${query}&organization=${shown.organization.slug}`;
  const signInUrl = through ? `${baseUrl}/sign-in?${query}` : account ? local : null;
  return { email, name, invitedBy, expiresAt, ...shown, next: account || enforced ? 'sign-in' : 'password', signInUrl };
}

/** Whether somebody of this address can come in through an identity provider. */
async function hasConnection(tx: TenantTransaction, email: string): Promise<boolean> {
  const domain = domainOf(email);
  const { rows } = await sql`SELECT 1 FROM domains WHERE name = ${domain} AND verified_at IS NOT NULL`.execute(tx.db);
  if (rows.length === 0) return false;
  return (await listConnections(tx)).some((each) => each.enabled && serves(each, domain));
}

/** Guessing links is counted like guessing passwords. */
async function linkOf(deps: SignInDependencies, request: Request): Promise<Link> {
  const { db } = deps.store;
  const address = { what: 'address', of: networkOf(request.ip) } as const;
  await countAttempt(db, address);
  const token = String(request.params['link']);
  const organizationId = /^[\w-]{43}$/.test(token) ? await locateInvitation(db, hashOf(token)) : undefined;
  if (organizationId === undefined) {
    throw new Fault('not-found', 'This invitation was used or withdrawn, or has expired.', {
      remedy: 'Ask whoever invited you for a new one.',
    });
  }
  await takeBackAttempt(db, address);
  return { organizationId, token };
}

function nobody(request: Request, response: Response): void {
  if (!wantsPage(request))
    throw new Fault('unauthenticated', 'Nobody is signed in.', { remedy: 'Sign in at /sign-in.' });
  response.redirect(303, `/sign-in?returnTo=${encodeURIComponent(OWN)}`);
}
