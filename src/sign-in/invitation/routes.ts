/** Invitations in the administration API. Who may invite is asked by rank; who administers people sees all, everybody else their own. */
import type { Request } from 'express';
import { z } from 'zod';
import { withRank } from '../../access/acting.ts';
import { Fault } from '../../errors.ts';
import { callerOf, withinTenant } from '../../http/caller.ts';
import { type ApiRouter, apiRouter, endpoint } from '../../http/endpoint.ts';
import { invitationQuery, listInvitations, showInvitation, shownInvitation } from './invitation.ts';
import {
  delivered,
  type InvitingDependencies,
  invitationInput,
  invite,
  resend,
  resendInput,
  revokeInvitation,
} from './invite.ts';

const path = '/invitations/:invitation';
const params = z.object({ invitation: z.string().max(100) });

/** Routes below `/api/v1/organizations/:organization`. */
export function invitationRoutes(deps: InvitingDependencies): ApiRouter {
  const api = apiRouter('/api/v1/organizations/:organization');
  declareReading(api, deps);

  endpoint(
    api,
    {
      method: 'post',
      path: '/invitations',
      summary: 'Invite somebody by e-mail; without a mail server the answer has the link to hand over, this once',
      body: invitationInput,
      answer: delivered,
      status: 201,
    },
    ({ body }, request) => {
      const resource = { type: 'invitation', id: body.email };
      const attempt = { action: 'invitation.refused', resource, detail: { roles: body.roles } };
      return withRank(deps.store.db, request, attempt, (tx, actor) => invite(deps, tx, actor, body));
    },
  );

  endpoint(
    api,
    {
      method: 'post',
      path: `${path}/resend`,
      summary: 'Send an invitation again, with a new link; the former one is void',
      params,
      body: resendInput,
      answer: delivered,
    },
    ({ params: { invitation }, body }, request) =>
      withRank(deps.store.db, request, refusalOf(invitation), (tx, actor) =>
        resend(deps, tx, actor, { id: invitation, ownOf: whoseOf(request) }, body),
      ),
  );

  endpoint(
    api,
    {
      method: 'delete',
      path,
      summary: 'Revoke an invitation',
      params,
      query: z.object({ reason: z.string().max(500).default('') }),
    },
    ({ params: { invitation }, query }, request) =>
      withRank(deps.store.db, request, refusalOf(invitation), (tx, actor) =>
        revokeInvitation(deps, tx, actor, { id: invitation, ownOf: whoseOf(request) }, query.reason),
      ),
  );
  return api;
}

function declareReading(api: ApiRouter, { store }: InvitingDependencies): void {
  endpoint(
    api,
    {
      method: 'get',
      path: '/invitations',
      summary: 'Invitations and what became of them, a page at a time; who does not administer people sees their own',
      query: invitationQuery,
      answer: z.object({ invitations: z.array(shownInvitation), next: z.uuid().nullable() }),
    },
    ({ query }, request) =>
      withinTenant(store.db, request, (tx) => listInvitations(tx, query, whoseOf(request)), 'reader'),
  );

  endpoint(
    api,
    { method: 'get', path, summary: 'One invitation', params, answer: shownInvitation },
    ({ params: { invitation } }, request) =>
      withinTenant(store.db, request, (tx) => showInvitation(tx, invitation, whoseOf(request)), 'reader'),
  );
}

/** Whose invitations a caller may see: null for everybody's. @throws Fault `forbidden` for a key that is nobody's */
function whoseOf(request: Request): string | null {
  const { mayAdminister, userId } = callerOf(request);
  if (mayAdminister('people')) return null;
  if (userId !== null) return userId;
  throw new Fault('forbidden', 'This needs the right to administer people.');
}

function refusalOf(id: string) {
  return { action: 'invitation.refused', resource: { type: 'invitation', id } };
}
