/** Connections as the administration API shows them: their secrets never, but all that their administrators need. */
import { z } from 'zod';
import type { TenantTransaction } from '../store/tenant.ts';
import type { Connection } from './connection.ts';
import { relyingPartyOf } from './oidc/addresses.ts';
import { oidcConfig } from './oidc/config.ts';
import { samlConfig } from './saml/config.ts';
import { serviceProviderOf } from './saml/service-provider.ts';
import { type SamlState, samlStates } from './saml/state.ts';

const common = {
  id: z.string(),
  slug: z.string(),
  name: z.string(),
  enabled: z.boolean(),
  domains: z.array(z.string()),
  priority: z.number(),
  defaultRole: z.string().nullable(),
  justInTime: z.boolean().nullable(),
  /** Whether a sign-in has worked as it is configured now. */
  tested: z.boolean(),
};

const description = z.object({
  entityId: z.string(),
  ssoUrl: z.string().nullable(),
  ssoPostUrl: z.string().nullable(),
  logoutUrl: z.string().nullable(),
  logoutResponseUrl: z.string().nullable(),
  wantsSignedRequests: z.boolean(),
  certificates: z.array(z.string()),
});

/** What `samlStates` tells. */
export const samlState = z.object({
  certificates: z.array(z.object({ fingerprint: z.string(), notAfter: z.date(), daysLeft: z.number() })),
  metadata: z
    .object({
      url: z.string(),
      readAt: z.date().nullable(),
      nextAt: z.date(),
      failure: z.string().nullable(),
      /** Another entity that the metadata names by now; it waits for a person. */
      waiting: description.nullable(),
    })
    .nullable(),
  ownCertificates: z.array(
    z.object({ fingerprint: z.string(), certificate: z.string(), signsFrom: z.date(), retiresAt: z.date().nullable() }),
  ),
});

const samlAnswer = z.object({
  ...common,
  kind: z.literal('saml'),
  config: samlConfig,
  serviceProvider: z.object({
    entityId: z.string(),
    acsUrl: z.string(),
    loginUrl: z.string(),
    logoutUrl: z.string(),
    tokenRevocationUri: z.string(),
  }),
  ...samlState.shape,
});

const oidcAnswer = z.object({
  ...common,
  kind: z.literal('oidc'),
  config: oidcConfig,
  hasSecret: z.boolean(),
  relyingParty: z.object({
    loginUrl: z.string(),
    redirectUri: z.string(),
    jwksUri: z.string(),
    postLogoutRedirectUri: z.string(),
    backchannelLogoutUri: z.string(),
    tokenRevocationUri: z.string(),
  }),
});

export const connectionAnswer = z.discriminatedUnion('kind', [samlAnswer, oidcAnswer]);

/** Shows connections. @param baseUrl ours, for the addresses that their identity providers are told */
export async function shownConnections(tx: TenantTransaction, connections: readonly Connection[], baseUrl: string) {
  const saml = connections.filter((each) => each.kind === 'saml');
  const states = await samlStates(tx, saml, new Date());
  return connections.map((connection) => {
    const { id, slug, name, enabled, domains, priority, defaultRole, justInTime, tested } = connection;
    const shown = { id, slug, name, enabled, domains, priority, defaultRole, justInTime, tested };
    if (connection.kind === 'oidc') {
      const { kind, config, sealedSecret } = connection;
      return { ...shown, kind, config, hasSecret: sealedSecret !== null, relyingParty: relyingPartyOf(baseUrl, id) };
    }
    const { kind, config } = connection;
    const state: SamlState = states.get(id) ?? { certificates: [], metadata: null, ownCertificates: [] };
    return { ...shown, kind, config, serviceProvider: serviceProviderOf(baseUrl, id), ...state };
  });
}
