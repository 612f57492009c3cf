/** Reviews in the administration API. Who administers people starts, ends and sees them; reviewers see and decide what is theirs. */
import type { Request } from 'express';
import { z } from 'zod';
import { actorOf, withRank } from '../access/acting.ts';
import { Fault } from '../errors.ts';
import { callerOf, withinTenant } from '../http/caller.ts';
import { type ApiRouter, apiRouter, endpoint } from '../http/endpoint.ts';
import { decide, decided, decisionInput } from './decide.ts';
import { cancelReview, closeReview } from './end.ts';
import { evidence, evidenceCsv, evidenceOf } from './evidence.ts';
import type { ReviewDependencies } from './remind.ts';
import { findReview, itemQuery, listItems, listReviews, reviewQuery, shownItem, shownReview } from './review.ts';
import { reviewInput, startReview } from './start.ts';

const area = 'people';
const path = '/reviews/:review';
const params = z.object({ review: z.string().max(100) });

/** Routes below `/api/v1/organizations/:organization`. */
export function reviewRoutes(deps: ReviewDependencies): ApiRouter {
  const api = apiRouter('/api/v1/organizations/:organization');
  declareReading(api, deps);
  declareDeciding(api, deps);

  endpoint(
    api,
    {
      method: 'post',
      path: '/reviews',
      summary: 'Start a review of who holds which roles; its reviewers are told by mail',
      area,
      body: reviewInput,
      answer: shownReview,
      status: 201,
    },
    ({ body }, request) =>
      withinTenant(deps.store.db, request, (tx) => startReview(deps, tx, actorOf(callerOf(request)), body)),
  );

  endpoint(
    api,
    {
      method: 'post',
      path: `${path}/close`,
      summary: 'Close a review now; what nobody decided is kept or revoked as it was set',
      area,
      params,
      answer: shownReview,
    },
    ({ params: { review } }, request) => withinTenant(deps.store.db, request, (tx) => closeReview(deps, tx, review)),
  );

  endpoint(
    api,
    {
      method: 'post',
      path: `${path}/cancel`,
      summary: 'End a review without deciding more',
      area,
      params,
      answer: shownReview,
    },
    ({ params: { review } }, request) => withinTenant(deps.store.db, request, (tx) => cancelReview(tx, review)),
  );
  return api;
}

function declareReading(api: ApiRouter, { store }: ReviewDependencies): void {
  endpoint(
    api,
    {
      method: 'get',
      path: '/reviews',
      summary: 'Reviews, latest first; a reviewer sees those with something of theirs',
      query: reviewQuery,
      answer: z.object({ reviews: z.array(shownReview) }),
    },
    ({ query }, request) =>
      withinTenant(
        store.db,
        request,
        async (tx) => ({ reviews: await listReviews(tx, query, reviewerOf(request)) }),
        'reader',
      ),
  );

  endpoint(
    api,
    { method: 'get', path, summary: 'One review', params, answer: shownReview },
    ({ params: { review } }, request) =>
      withinTenant(store.db, request, (tx) => findReview(tx, review, reviewerOf(request)), 'reader'),
  );

  endpoint(
    api,
    {
      method: 'get',
      path: `${path}/evidence`,
      summary: 'The whole of a review as evidence, as JSON or CSV',
      area,
      params,
      query: z.object({ format: z.enum(['json', 'csv']).default('json') }),
      answer: evidence,
    },
    async ({ params: { review }, query: { format } }, request, response) => {
      const read = withinTenant(
        store.db,
        request,
        async (tx) => evidenceOf(tx, await findReview(tx, review, null)),
        'reader',
      );
      const found = await read;
      if (format === 'csv') {
        response.set('Content-Disposition', 'attachment; filename="review.csv"').set('Cache-Control', 'no-store');
        response.type('text/csv').send(evidenceCsv(found));
      }
      return found;
    },
  );
}

function declareDeciding(api: ApiRouter, deps: ReviewDependencies): void {
  endpoint(
    api,
    {
      method: 'get',
      path: `${path}/items`,
      summary: 'The memberships under review, a page at a time; a reviewer sees their own',
      params,
      query: itemQuery,
      answer: z.object({ items: z.array(shownItem), next: z.uuid().nullable() }),
    },
    ({ params: { review }, query }, request) =>
      withinTenant(
        deps.store.db,
        request,
        async (tx) => {
          const reviewer = reviewerOf(request);
          return listItems(tx, (await findReview(tx, review, reviewer)).id, query, reviewer);
        },
        'reader',
      ),
  );

  endpoint(
    api,
    {
      method: 'post',
      path: `${path}/decisions`,
      summary: 'Keep or revoke memberships under review; what is revoked ends at once',
      params,
      body: decisionInput,
      answer: decided,
    },
    ({ params: { review }, body }, request) => {
      const attempt = { action: 'review.refused', resource: { type: 'review', id: review } };
      return withRank(deps.store.db, request, attempt, async (tx, actor) => {
        const { id } = await findReview(tx, review, reviewerOf(request));
        return decide(deps, tx, id, { actor, mayAll: callerOf(request).mayAdminister(area) }, body);
      });
    },
  );
}

/** Whose items a caller may see: null for everybody's. @throws Fault `forbidden` for a key that is nobody's */
function reviewerOf(request: Request): string | null {
  const { mayAdminister, userId } = callerOf(request);
  if (mayAdminister(area)) return null;
  if (userId !== null) return userId;
  throw new Fault('forbidden', 'This needs the right to administer people.');
}
