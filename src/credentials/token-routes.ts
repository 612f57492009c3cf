/** `/oauth/introspect` (RFC 7662) and `/oauth/revoke` (RFC 7009) for the platform's backend. */
import express, { type Request, type Router } from 'express';
import { z } from 'zod';
import { Fault } from '../errors.ts';
import { type Authenticate, callerOf, requireCaller } from '../http/caller.ts';
import { faultOf } from '../http/problem.ts';
import { originOf } from '../http/request-context.ts';
import { type IntrospectionDependencies, introspect, revokeToken } from './introspection.ts';

const form = z.object({
  token: z.string().min(1).max(4096),
  // Ours beside the standard's: where the platform was shown it, for the audit.
  used_at: z.string().max(200).optional(),
  used_from: z.string().max(64).optional(),
});

/** Routes to mount at `/oauth`. A caller needs the operator's token or an API key with the scope that the route names. */
export function tokenRoutes(deps: IntrospectionDependencies, authenticate: Authenticate): Router {
  const router = express.Router();
  const parse = express.urlencoded({ extended: false, limit: '16kb' });

  router.post('/introspect', requireCaller(authenticate), parse, async (request, response) => {
    const { caller, token, used_at: endpoint, used_from: address } = asked(request, 'tokens:introspect');
    const presented = { token, endpoint, address };
    const answer = await introspect(deps, originOf(request, caller.actor), caller.organizationId, presented);
    response.set('Cache-Control', 'no-store').json(answer);
  });

  router.post('/revoke', requireCaller(authenticate), parse, async (request, response) => {
    const { caller, token } = asked(request, 'tokens:revoke');
    await revokeToken(deps, originOf(request, caller.actor), caller.organizationId, token);
    response.status(200).end();
  });
  return router;
}

function asked(request: Request, scope: string) {
  const caller = callerOf(request);
  if (!caller.hasScope(scope)) {
    throw new Fault('forbidden', `This needs an API key with the scope "${scope}".`, {
      remedy: 'Ask the operator for one.',
    });
  }
  const body = form.safeParse(request.body ?? {});
  if (!body.success) throw faultOf(body.error, 'form');
  return { caller, ...body.data };
}
