/** `/access/v1/*` and its metadata: decisions by OpenID AuthZEN Authorization API 1.0, one, several, or searched for. */
import express, { type Request, type Response, type Router } from 'express';
import type { z } from 'zod';
import { Fault } from '../errors.ts';
import { type Authenticate, callerOf, requireCaller } from '../http/caller.ts';
import { faultOf } from '../http/problem.ts';
import { originOf } from '../http/request-context.ts';
import { sendJson } from '../http/send-json.ts';
import type { Store } from '../store/database.ts';
import { locateOrganization } from '../store/locate.ts';
import { evaluateBatch } from './batch.ts';
import type { Asker, Decisions } from './evaluation.ts';
import { batchRequest, evaluationRequest, questionsOf, searchRequests } from './evaluation-request.ts';
import { actionsOf, resourcesWhere, subjectsWho } from './search.ts';
import { type Page, pageOf, tokenAfter } from './search-page.ts';
import { shownAnswer } from './shown-answer.ts';

export interface EvaluationDependencies {
  readonly store: Pick<Store, 'db'>;
  readonly decisions: Decisions;
}

/** The operator says with it which organization is meant; a key is of one already. */
const ORGANIZATION = 'X-Drawbridge-Organization';

/** Routes to mount at `/access/v1`. A caller needs the operator's token or an API key with the scope `access:evaluate`. */
export function evaluationRoutes(deps: EvaluationDependencies, authenticate: Authenticate): Router {
  const router = express.Router();
  const { decisions } = deps;
  router.use(requireCaller(authenticate), express.json({ limit: '1mb' }));

  const answering = (path: string, answer: (asker: Asker, body: unknown) => Promise<unknown>) => {
    router.post(path, async (request: Request, response: Response) => {
      const asker = await askerOf(deps, request);
      sendJson(response, await answer(asker, request.body));
    });
  };
  const one = async (asker: Asker, body: unknown) => {
    const [answer] = await decisions.evaluate(asker, [parsed(evaluationRequest, body)]);
    return answer && shownAnswer(answer);
  };
  answering('/evaluation', one);
  answering('/evaluations', async (asker, body) => {
    const batch = parsed(batchRequest, body);
    const items = questionsOf(batch);
    // Without several questions it is one (AuthZEN, Access Evaluations).
    if (items.length === 0) return one(asker, body);
    const semantic = batch.options.evaluations_semantic;
    return { evaluations: await evaluateBatch(decisions, asker, items, semantic) };
  });
  declareSearches(answering, deps);
  return router;
}

function declareSearches(
  answering: (path: string, answer: (asker: Asker, body: unknown) => Promise<unknown>) => void,
  deps: EvaluationDependencies,
): void {
  answering('/search/subject', async (asker, body) => {
    const { page: asked, ...question } = parsed(searchRequests.subject, body);
    const page = pageOf(question, asked);
    const { subject, action, resource } = question;
    const found = await subjectsWho(deps, asker, { type: subject.type, action: action.name, resource }, page);
    const naming = subject.type === 'user' ? 'email' : 'display';
    return shownPage(question, page, found, ({ id, name }) => ({
      type: subject.type,
      id,
      properties: { [naming]: name },
    }));
  });
  answering('/search/resource', async (asker, body) => {
    const { page: asked, ...question } = parsed(searchRequests.resource, body);
    const page = pageOf(question, asked);
    const { subject, action, resource } = question;
    const found = await resourcesWhere(deps, asker, { type: resource.type, action: action.name, subject }, page);
    return shownPage(question, page, found, ({ id, name }) => ({
      type: resource.type,
      id,
      ...(name === '' ? {} : { properties: { name } }),
    }));
  });
  answering('/search/action', async (asker, body) => {
    const { page: asked, ...question } = parsed(searchRequests.action, body);
    const page = pageOf(question, asked);
    const found = actionsOf(await deps.decisions.known(asker, question.subject, question.resource), page);
    return shownPage(
      question,
      page,
      found.map((name) => ({ id: name, name })),
      ({ name }) => ({ name }),
    );
  });
}

/** What a policy enforcement point discovers, at `/.well-known/authzen-configuration`. */
export function decisionPointMetadata(baseUrl: string) {
  const at = `${baseUrl}/access/v1`;
  return {
    policy_decision_point: baseUrl,
    access_evaluation_endpoint: `${at}/evaluation`,
    access_evaluations_endpoint: `${at}/evaluations`,
    search_subject_endpoint: `${at}/search/subject`,
    search_resource_endpoint: `${at}/search/resource`,
    search_action_endpoint: `${at}/search/action`,
  };
}

function shownPage<T extends { readonly id: string }>(
  question: unknown,
  page: Page,
  found: readonly T[],
  shown: (each: T) => unknown,
) {
  const results = found.slice(0, page.limit);
  const more = found.length > page.limit;
  return {
    page: {
      next_token: more ? tokenAfter(question, page, results.at(-1)?.id ?? page.after) : '',
      count: results.length,
    },
    results: results.map(shown),
  };
}

function parsed<S extends z.ZodType>(schema: S, body: unknown): z.output<S> {
  const asked = schema.safeParse(body ?? {});
  if (!asked.success) throw faultOf(asked.error, 'body');
  return asked.data;
}

async function askerOf({ store }: EvaluationDependencies, request: Request): Promise<Asker> {
  const caller = callerOf(request);
  if (!caller.hasScope('access:evaluate')) {
    throw new Fault('forbidden', 'This needs an API key with the scope "access:evaluate".', {
      remedy: 'Ask the operator for one.',
    });
  }
  const origin = originOf(request, caller.actor);
  if (caller.organizationId !== null) return { organizationId: caller.organizationId, origin };
  const named = request.get(ORGANIZATION);
  if (named === undefined) {
    throw new Fault('invalid-input', 'Say which organization is meant.', {
      where: ORGANIZATION,
      remedy: `Send its slug or id as ${ORGANIZATION}.`,
    });
  }
  const found = await locateOrganization(store.db, named);
  if (found === undefined) throw new Fault('not-found', 'There is no such organization.', { where: ORGANIZATION });
  return { organizationId: found, origin };
}
