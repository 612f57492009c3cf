/** Connections in the administration API. */
import { z } from 'zod';
import { withinTenant } from '../http/caller.ts';
import { type ApiRouter, apiRouter, endpoint } from '../http/endpoint.ts';
import type { Store } from '../store/database.ts';
import type { TenantTransaction } from '../store/tenant.ts';
import {
  type Connection,
  type ConnectionDependencies,
  connectionInput,
  findConnection,
  listConnections,
  putConnection,
  readAhead,
} from './connection.ts';
import { relyingPartyOf } from './oidc/addresses.ts';
import { serviceProviderOf } from './saml/service-provider.ts';

interface RouteDependencies extends ConnectionDependencies {
  readonly store: Pick<Store, 'db'>;
  readonly settings: ConnectionDependencies['settings'] & { readonly http: { readonly baseUrl: string } };
}

const connectionPath = z.object({ connection: z.string() });

/** Routes below `/api/v1/organizations/:organization`. */
export function connectionRoutes(deps: RouteDependencies): ApiRouter {
  const api = apiRouter('/api/v1/organizations/:organization');
  const { db } = deps.store;
  const shown = (connection: Connection) => shownConnection(connection, deps.settings.http.baseUrl);
  const read = async (tx: TenantTransaction, slugOrId: string) => shown(await findConnection(tx, slugOrId));

  endpoint(
    api,
    { method: 'get', path: '/connections', summary: 'List connections', area: 'connections' },
    async (_, request) => {
      return withinTenant(db, request, async (tx) => ({
        connections: (await listConnections(tx)).map(shown),
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
        const { action } = await putConnection(tx, deps, input, { fetched });
        return { ...(await read(tx, input.slug)), action };
      });
    },
  );
  return api;
}

/** A connection as it is shown: its secret never, but all that its identity provider's administrator needs. */
function shownConnection(connection: Connection, baseUrl: string) {
  const { id, slug, name, kind, enabled, defaultRole, justInTime, tested, config } = connection;
  const common = { id, slug, name, kind, enabled, defaultRole, justInTime, tested };
  if (connection.kind === 'saml') return { ...common, config, serviceProvider: serviceProviderOf(baseUrl, id) };
  return { ...common, config, hasSecret: connection.sealedSecret !== null, relyingParty: relyingPartyOf(baseUrl, id) };
}
