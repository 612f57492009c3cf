/** `POST /access/v1/evaluation` and the metadata of AuthZEN. */
import express, { type Request, type Router } from 'express';
import { Fault } from '../errors.ts';
import { type Authenticate, callerOf, requireCaller } from '../http/caller.ts';
import { faultOf } from '../http/problem.ts';
import { originOf } from '../http/request-context.ts';
import type { Store } from '../store/database.ts';
import { locateOrganization } from '../store/locate.ts';
import { inTenant } from '../store/tenant.ts';
import { evaluate, evaluationRequest } from './evaluation.ts';
import type { Models } from './model-file.ts';

export interface EvaluationDependencies {
  readonly store: Pick<Store, 'db'>;
  readonly models: Models;
}

/** The operator says with it which organization is meant; a key is of one already. */
const ORGANIZATION = 'X-Drawbridge-Organization';

/** Routes to mount at `/access/v1`. A caller needs the operator's token or an API key with the scope `access:evaluate`. */
export function evaluationRoutes(deps: EvaluationDependencies, authenticate: Authenticate): Router {
  const router = express.Router();
  router.post(
    '/evaluation',
    requireCaller(authenticate),
    express.json({ limit: '64kb' }),
    async (request, response) => {
      const organizationId = await organizationOf(deps, request);
      const asked = evaluationRequest.safeParse(request.body ?? {});
      if (!asked.success) throw faultOf(asked.error, 'body');
      const origin = originOf(request, callerOf(request).actor);
      const answer = await inTenant(
        deps.store.db,
        organizationId,
        origin,
        (tx) => evaluate(tx, deps.models, asked.data),
        'reader',
      );
      response.set('Cache-Control', 'no-store').json({
        decision: answer.decision,
        context: { reason: answer.reason, ...(answer.missing === null ? {} : { missing: answer.missing }) },
      });
    },
  );
  return router;
}

async function organizationOf(deps: EvaluationDependencies, request: Request): Promise<string> {
  const caller = callerOf(request);
  if (!caller.hasScope('access:evaluate')) {
    throw new Fault('forbidden', 'This needs an API key with the scope "access:evaluate".', {
      remedy: 'Ask the operator for one.',
    });
  }
  if (caller.organizationId !== null) return caller.organizationId;
  const named = request.get(ORGANIZATION);
  if (named === undefined) {
    throw new Fault('invalid-input', 'Say which organization is meant.', {
      where: ORGANIZATION,
      remedy: `Send its slug or id as ${ORGANIZATION}.`,
    });
  }
  const found = await locateOrganization(deps.store.db, named);
  if (found === undefined) throw new Fault('not-found', 'There is no such organization.', { where: ORGANIZATION });
  return found;
}
