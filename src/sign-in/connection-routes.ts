/** Connections in the administration API. */
import { z } from 'zod';
import type { Models } from '../access/model-file.ts';
import { permitDefaultRole } from '../access/newcomers.ts';
import { type Caller, callerOf, withinTenant } from '../http/caller.ts';
import { type ApiRouter, apiRouter, endpoint } from '../http/endpoint.ts';
import type { Store } from '../store/database.ts';
import type { TenantTransaction } from '../store/tenant.ts';
import {
  type ConnectionDependencies,
  type ConnectionInput,
  connectionInput,
  findConnection,
  listConnections,
  putConnection,
  readAhead,
} from './connection.ts';
import { connectionAnswer, shownConnections } from './connection-answer.ts';
import { connectionPatch, patchConnection } from './connection-patch.ts';

interface RouteDependencies extends ConnectionDependencies {
  readonly store: Pick<Store, 'db'>;
  readonly settings: ConnectionDependencies['settings'] & { readonly http: { readonly baseUrl: string } };
}

const connectionPath = z.object({ connection: z.string() });

/** Routes below `/api/v1/organizations/:organization`. */
export function connectionRoutes(deps: RouteDependencies): ApiRouter {
  const api = apiRouter('/api/v1/organizations/:organization');
  const { db } = deps.store;
  const { baseUrl } = deps.settings.http;
  const read = async (tx: TenantTransaction, slugOrId: string) => {
    const [shown] = await shownConnections(tx, [await findConnection(tx, slugOrId)], baseUrl);
    return shown as NonNullable<typeof shown>;
  };

  endpoint(
    api,
    {
      method: 'get',
      path: '/connections',
      summary: 'List connections',
      area: 'connections',
      answer: z.object({ connections: z.array(connectionAnswer) }),
    },
    async (_, request) => {
      return withinTenant(db, request, async (tx) => ({
        connections: await shownConnections(tx, await listConnections(tx), baseUrl),
      }));
    },
  );

  endpoint(
    api,
    {
      method: 'get',
      path: '/connections/:connection',
      summary: 'One connection',
      area: 'connections',
      params: connectionPath,
      answer: connectionAnswer,
    },
    async ({ params }, request) => {
      return withinTenant(db, request, (tx) => read(tx, params.connection));
    },
  );

  endpoint(
    api,
    {
      method: 'put',
      path: '/connections/:connection',
      summary: 'Create or update a connection',
      area: 'connections',
      params: connectionPath,
      body: z.record(z.string(), z.unknown()),
    },
    async ({ params, body }, request) => {
      const input = connectionInput.parse({ ...body, slug: params.connection });
      const fetched = await readAhead(deps, input);
      return withinTenant(db, request, async (tx) => {
        await permitNewDefaultRole(deps.models, tx, callerOf(request), input);
        const { action } = await putConnection(tx, deps, input, { fetched });
        return { ...(await read(tx, input.slug)), action };
      });
    },
  );

  endpoint(
    api,
    {
      method: 'patch',
      path: '/connections/:connection',
      summary: "Change some of a connection's settings; its identity provider stays as it is described",
      area: 'connections',
      params: connectionPath,
      body: connectionPatch,
      answer: connectionAnswer,
    },
    ({ params, body }, request) =>
      withinTenant(db, request, async (tx) => {
        const { slug } = await findConnection(tx, params.connection);
        if (body.defaultRole != null) {
          await permitNewDefaultRole(deps.models, tx, callerOf(request), { slug, defaultRole: body.defaultRole });
        }
        await patchConnection(tx, deps, slug, body);
        return read(tx, slug);
      }),
  );
  return api;
}

/** Whoever may not give a role by hand may not have newcomers get it either. @throws Fault `forbidden` */
async function permitNewDefaultRole(
  models: Models,
  tx: TenantTransaction,
  caller: Caller,
  { slug, defaultRole }: Pick<ConnectionInput, 'slug' | 'defaultRole'>,
): Promise<void> {
  const before = await tx.db
    .selectFrom('connections')
    .select('default_role')
    .where('slug', '=', slug)
    .executeTakeFirst();
  if (defaultRole === null || defaultRole === before?.default_role) return;
  await permitDefaultRole(models, tx, caller, defaultRole);
}
