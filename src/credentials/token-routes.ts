/** `/oauth/introspect` (RFC 7662) and `/oauth/revoke` (RFC 7009) for the platform's backend. */
import express, { type Request, type RequestHandler, type Router } from 'express';
import { z } from 'zod';
import { Fault } from '../errors.ts';
import { type Authenticate, callerOf, requireCaller } from '../http/caller.ts';
import { bearerOf } from '../http/operator.ts';
import { faultOf } from '../http/problem.ts';
import { originOf } from '../http/request-context.ts';
import { sendJson } from '../http/send-json.ts';
import { isMeantAsKey } from './api-key-format.ts';
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
  router.post('/introspect', requireCaller(authenticate), parse, answerIntrospection(deps));

  router.post('/revoke', requireCaller(authenticate), parse, async (request, response) => {
    const { caller, token } = asked(request, 'tokens:revoke');
    await revokeToken(deps, originOf(request, caller.actor), caller.organizationId, token);
    response.status(200).end();
  });
  return router;
}

/**
 * `/introspect` of API keys alone, to mount before everything else: it is asked most. Whatever is not an API key that a bearer asks about
 * goes on.
 */
export function keyIntrospection(deps: IntrospectionDependencies, authenticate: Authenticate): Router {
  const router = express.Router();
  const parse = express.urlencoded({ extended: false, limit: '16kb' });
  const ofKeys: RequestHandler = (request, _response, next) => {
    const token = (request.body as Record<string, unknown> | undefined)?.['token'];
    const isKey = typeof token === 'string' && isMeantAsKey(token) && bearerOf(request) !== undefined;
    next(isKey ? undefined : 'router');
  };
  router.post('/introspect', parse, ofKeys, requireCaller(authenticate), answerIntrospection(deps));
  return router;
}

function answerIntrospection(deps: IntrospectionDependencies): RequestHandler {
  return async (request, response) => {
    const { caller, token, used_at: endpoint, used_from: address } = asked(request, 'tokens:introspect');
    const presented = { token, endpoint, address };
    sendJson(response, await introspect(deps, originOf(request, caller.actor), caller.organizationId, presented));
  };
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
