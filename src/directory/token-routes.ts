/** Tokens of directories in the administration API. */
import { z } from 'zod';
import { withinTenant } from '../http/caller.ts';
import { type ApiRouter, apiRouter, endpoint } from '../http/endpoint.ts';
import type { Settings } from '../settings.ts';
import type { Store } from '../store/database.ts';
import { findDirectory } from './directory.ts';
import { issueDirectoryToken, listDirectoryTokens, revokeDirectoryToken } from './token.ts';

export interface DirectoryTokenDependencies {
  readonly store: Pick<Store, 'db'>;
  readonly settings: { readonly http: Pick<Settings['http'], 'baseUrl'> };
}

const directoryPath = z.object({ directory: z.string() });
const shownToken = z.object({
  id: z.string(),
  createdAt: z.date(),
  expiresAt: z.date().nullable(),
  lastUsedAt: z.date().nullable(),
  valid: z.boolean(),
});

/** Routes below `/api/v1/organizations/:organization`. */
export function directoryTokenRoutes({ store: { db }, settings }: DirectoryTokenDependencies): ApiRouter {
  const api = apiRouter('/api/v1/organizations/:organization');
  endpoint(
    api,
    {
      method: 'post',
      path: '/directories/:directory/tokens',
      summary: 'Issue a token with which a source writes into this directory; it is shown only here',
      area: 'directories',
      params: directoryPath,
      body: z.strictObject({ expiresInDays: z.number().int().min(1).max(3650).optional() }),
      answer: z.object({ id: z.string(), token: z.string(), url: z.string() }),
      status: 201,
    },
    async ({ params, body }, request) => {
      const expiresAt =
        body.expiresInDays === undefined ? null : new Date(Date.now() + body.expiresInDays * 86_400_000);
      return withinTenant(db, request, async (tx) => {
        const directory = await findDirectory(tx, params.directory);
        const issued = await issueDirectoryToken(tx, directory.id, expiresAt);
        return { ...issued, url: `${settings.http.baseUrl}/scim/v2/${directory.id}` };
      });
    },
  );
  endpoint(
    api,
    {
      method: 'get',
      path: '/directories/:directory/tokens',
      summary: 'List the tokens of a directory, with their last use',
      area: 'directories',
      params: directoryPath,
      answer: z.object({ tokens: z.array(shownToken) }),
    },
    async ({ params }, request) => {
      return withinTenant(db, request, async (tx) => {
        const directory = await findDirectory(tx, params.directory);
        return { tokens: await listDirectoryTokens(tx, directory.id) };
      });
    },
  );
  endpoint(
    api,
    {
      method: 'delete',
      path: '/directories/:directory/tokens/:token',
      summary: 'Revoke a token of a directory',
      area: 'directories',
      params: directoryPath.extend({ token: z.string() }),
    },
    async ({ params }, request) => {
      await withinTenant(db, request, async (tx) => {
        const directory = await findDirectory(tx, params.directory);
        await revokeDirectoryToken(tx, directory.id, params.token);
      });
    },
  );
  return api;
}
