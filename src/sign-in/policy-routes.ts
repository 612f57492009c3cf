/** The sign-in policy of an e-mail address, for the platform and its pages: before anybody has signed in. */
import { z } from 'zod';
import { type ApiRouter, apiRouter, endpoint } from '../http/endpoint.ts';
import type { Store } from '../store/database.ts';
import { countWithin, networkOf } from './local/throttle.ts';
import { signInPolicy } from './policy.ts';

/** A platform asks for each of its people from one address. */
const PER_MINUTE = 300;

/** Routes below `/api/v1` that take no credential. */
export function signInPolicyRoutes(deps: {
  readonly store: Pick<Store, 'db'>;
  readonly settings: { readonly http: { readonly baseUrl: string } };
}): ApiRouter {
  const api = apiRouter('/api/v1');
  endpoint(
    api,
    {
      method: 'get',
      path: '/sign-in-policy',
      summary: 'How people with this e-mail address sign in; it never tells whether somebody has it',
      query: z.object({ email: z.string().min(3).max(254) }),
      answer: z.object({ sso: z.enum(['required', 'available', 'none']), signInUrl: z.url() }),
    },
    async ({ query }, request, response) => {
      const { db } = deps.store;
      await countWithin(db, `policy ${networkOf(request.ip)}`, PER_MINUTE, 60);
      response.set('Cache-Control', 'no-store');
      return signInPolicy(db, deps.settings.http.baseUrl, query.email);
    },
  );
  return api;
}
