/** Set-up links in the administration API. */
import { z } from 'zod';
import { withinTenant } from '../../http/caller.ts';
import { type ApiRouter, apiRouter, endpoint } from '../../http/endpoint.ts';
import type { SignInDependencies } from '../door.ts';
import { createSetUpLink, listSetUpLinks, revokeSetUpLink, setUpLinkInput } from './link.ts';

const shownLink = z.object({
  id: z.string(),
  connection: z.string(),
  provider: z.string().nullable(),
  createdBy: z.string(),
  createdAt: z.date(),
  expiresAt: z.date(),
});

/** Routes below `/api/v1/organizations/:organization`. */
export function setUpLinkRoutes({ store, settings }: Pick<SignInDependencies, 'store' | 'settings'>): ApiRouter {
  const api = apiRouter('/api/v1/organizations/:organization');
  const area = 'connections';

  endpoint(
    api,
    {
      method: 'post',
      path: '/set-up-links',
      summary: 'Make a link with which an IT administrator sets up a connection alone',
      area,
      body: setUpLinkInput,
      status: 201,
      answer: z.object({ id: z.string(), expiresAt: z.date(), url: z.string() }),
    },
    ({ body }, request) =>
      withinTenant(store.db, request, async (tx) => {
        const { token, ...link } = await createSetUpLink(tx, body);
        return { ...link, url: `${settings.http.baseUrl}/set-up/${token}` };
      }),
  );

  endpoint(
    api,
    {
      method: 'get',
      path: '/set-up-links',
      summary: 'Set-up links that still open',
      area,
      answer: z.object({ setUpLinks: z.array(shownLink) }),
    },
    (_, request) => withinTenant(store.db, request, async (tx) => ({ setUpLinks: await listSetUpLinks(tx) }), 'reader'),
  );

  endpoint(
    api,
    {
      method: 'delete',
      path: '/set-up-links/:link',
      summary: 'End a set-up link at once',
      area,
      params: z.object({ link: z.string() }),
    },
    ({ params }, request) => withinTenant(store.db, request, (tx) => revokeSetUpLink(tx, params.link)),
  );
  return api;
}
