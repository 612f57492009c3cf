/** Organization as code over HTTP: the operator puts a whole manifest. */
import type { Request } from 'express';
import { z } from 'zod';
import { Fault } from '../errors.ts';
import { callerOf } from '../http/caller.ts';
import { type ApiRouter, apiRouter, endpoint } from '../http/endpoint.ts';
import { originOf } from '../http/request-context.ts';
import { applyManifest, type ManifestDependencies } from './apply.ts';
import { parseManifest } from './read.ts';

/** Routes below `/api/v1`; only the operator may use them, for a manifest may make an organization. */
export function manifestRoutes(deps: ManifestDependencies): ApiRouter {
  const api = apiRouter('/api/v1');
  endpoint(
    api,
    {
      method: 'post',
      path: '/manifests',
      summary: 'Apply an organization as code, or with plan=true only say what would change',
      query: z.object({ plan: z.stringbool().default(false) }),
      body: z.record(z.string(), z.unknown()),
    },
    async ({ query, body }, request) => {
      const origin = originOf(request, callerOf(request).actor);
      requireOperator(request);
      return applyManifest(deps, origin, parseManifest(body, 'body'), query.plan ? 'plan' : 'apply');
    },
  );
  return api;
}

function requireOperator(request: Request): void {
  if (callerOf(request).actor.kind === 'operator') return;
  throw new Fault('forbidden', 'Only the operator of this installation applies manifests.');
}
