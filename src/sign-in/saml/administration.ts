/** Metadata and our own keys of SAML connections, in the administration API. */
import type { Request } from 'express';
import { z } from 'zod';
import { Fault } from '../../errors.ts';
import { tenantOf, withinTenant } from '../../http/caller.ts';
import { type ApiRouter, apiRouter, endpoint } from '../../http/endpoint.ts';
import type { TenantTransaction } from '../../store/tenant.ts';
import { findConnection, type SamlConnection } from '../connection.ts';
import { needsOwnKey } from './config.ts';
import { approveWaiting, type RefreshDependencies, refreshMetadata } from './metadata-refresh.ts';
import { rotateOwnKey } from './own-key.ts';
import { type SamlState, samlStates } from './state.ts';

/** Routes below `/api/v1/organizations/:organization`. */
export function samlAdministration(deps: RefreshDependencies): ApiRouter {
  const api = apiRouter('/api/v1/organizations/:organization');
  const { db } = deps.store;
  const path = z.object({ connection: z.string() });
  const state = (request: Request, slug: string) =>
    withinTenant(db, request, async (tx) => stateOf(tx, await samlConnection(tx, slug)), 'reader');

  endpoint(
    api,
    {
      method: 'post',
      path: '/connections/:connection/metadata/refresh',
      summary: "Read the identity provider's metadata from its address now",
      area: 'connections',
      params: path,
    },
    async ({ params }, request) => {
      const { organizationId, origin } = tenantOf(request);
      const { id, config } = await withinTenant(db, request, (tx) => samlConnection(tx, params.connection), 'reader');
      if (config.metadataUrl === null) {
        throw new Fault('conflict', "This connection's metadata is not read from an address.", {
          remedy: 'Put it with metadataUrl first.',
        });
      }
      await refreshMetadata(deps, origin, organizationId, id, 'asked');
      return state(request, params.connection);
    },
  );

  endpoint(
    api,
    {
      method: 'post',
      path: '/connections/:connection/metadata/approve',
      summary: 'Trust the other entity that the metadata names by now',
      area: 'connections',
      params: path,
    },
    async ({ params }, request) => {
      await withinTenant(db, request, async (tx) =>
        approveWaiting(deps, tx, await samlConnection(tx, params.connection)),
      );
      return state(request, params.connection);
    },
  );

  endpoint(
    api,
    {
      method: 'post',
      path: '/connections/:connection/saml-keys/rotate',
      summary: 'Make the next key with which we sign, and to which assertions are encrypted',
      area: 'connections',
      params: path,
      body: z.strictObject({
        /** The new key signs now, and every other is void. */
        atOnce: z.boolean().default(false),
      }),
    },
    async ({ params, body }, request) => {
      await withinTenant(db, request, async (tx) => {
        const { id, config } = await samlConnection(tx, params.connection);
        if (!needsOwnKey(config)) {
          throw new Fault('conflict', 'This connection has no keys of ours.', {
            remedy: 'Have it sign requests, take encrypted assertions, or sign out at the identity provider.',
          });
        }
        await rotateOwnKey(tx, deps.settings.secrets.sealingKeys, id, body.atOnce);
      });
      return state(request, params.connection);
    },
  );
  return api;
}

/** Finds a connection of this kind. @throws Fault `not-found`, `conflict` where it is of another */
export async function samlConnection(tx: TenantTransaction, slug: string): Promise<SamlConnection> {
  const connection = await findConnection(tx, slug);
  if (connection.kind === 'saml') return connection;
  throw new Fault('conflict', `The connection "${slug}" is not a SAML one.`, { where: 'path' });
}

async function stateOf(tx: TenantTransaction, connection: SamlConnection): Promise<SamlState | undefined> {
  return (await samlStates(tx, [connection], new Date())).get(connection.id);
}
