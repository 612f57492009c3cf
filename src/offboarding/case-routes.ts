/** Cases and their steps. */
import { z } from 'zod';
import { withinTenant } from '../http/caller.ts';
import { type ApiRouter, endpoint } from '../http/endpoint.ts';
import { caseAnswer } from './case-answer.ts';
import { findCase, listCases } from './cases.ts';
import { casesOf, retryCase, retryStep } from './offboard.ts';
import type { OffboardingRouteDependencies } from './route-dependencies.ts';

/** Adds them to a router. */
export function declareCases(api: ApiRouter, deps: OffboardingRouteDependencies): void {
  endpoint(
    api,
    {
      method: 'get',
      path: '/offboarding-cases',
      summary: 'Offboarding cases, latest first; of one person by id or e-mail',
      area: 'audit',
      query: z.object({ user: z.string().optional() }),
      answer: z.object({ cases: z.array(caseAnswer) }),
    },
    async ({ query }, request) => {
      const read = (tx: Parameters<typeof listCases>[0]) =>
        query.user === undefined ? listCases(tx) : casesOf(tx, query.user);
      return withinTenant(deps.store.db, request, async (tx) => ({ cases: await read(tx) }), 'reader');
    },
  );

  endpoint(
    api,
    {
      method: 'get',
      path: '/offboarding-cases/:case',
      summary: 'One case: every access that existed, how it ended, with the proof from elsewhere',
      area: 'audit',
      params: z.object({ case: z.string() }),
      answer: caseAnswer,
    },
    async ({ params }, request) => {
      return withinTenant(deps.store.db, request, (tx) => findCase(tx, params.case), 'reader');
    },
  );

  endpoint(
    api,
    {
      method: 'post',
      path: '/offboarding-cases/:case/retry',
      summary: 'Try every step of a case again that waits for a person',
      area: 'people',
      params: z.object({ case: z.string() }),
    },
    async ({ params }, request) => withinTenant(deps.store.db, request, (tx) => retryCase(deps, tx, params.case)),
  );

  endpoint(
    api,
    {
      method: 'post',
      path: '/offboarding-cases/:case/steps/:step/retry',
      summary: 'Try a step again that waits for a person',
      area: 'people',
      params: z.object({ case: z.string(), step: z.string() }),
    },
    async ({ params }, request) => {
      return withinTenant(deps.store.db, request, (tx) => retryStep(deps, tx, params.case, params.step));
    },
  );
}
