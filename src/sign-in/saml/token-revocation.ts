/**
 * Who asks for a SAML connection's people to be signed out: its identity provider signs that as an OpenID provider does, and names people
 * by the connection's entity id and their NameID.
 */
import { z } from 'zod';
import { Fault } from '../../errors.ts';
import { boundedFetch } from '../../http/bounded-fetch.ts';
import type { Settings } from '../../settings.ts';
import { type KeysHaving, keySet } from '../oidc/key-set.ts';
import { readKeys } from '../oidc/provider.ts';
import { ASYMMETRIC, verifySigned } from '../oidc/provider-token.ts';
import type { Revoker } from '../token-revocation.ts';

const MOST = 1000;

/** With a memory of its own for the keys of issuers. */
export function revokedBy({ allowPrivateNetwork }: Pick<Settings, 'allowPrivateNetwork'>): Revoker<'saml'> {
  const known = new Map<string, KeysHaving>();
  const keysOf = (issuer: string): KeysHaving => {
    const found = known.get(issuer) ?? keySet(() => publishedKeys(issuer, allowPrivateNetwork));
    if (known.size >= MOST) known.clear();
    known.set(issuer, found);
    return found;
  };
  return {
    kind: 'saml',
    verify: async ({ config: { tokenRevocationIssuer: issuer } }, token, wanted) => {
      if (issuer === null) {
        const remedy = "Say who signs them: the connection's tokenRevocationIssuer.";
        throw new Fault('forbidden', 'This connection takes no global token revocations.', { remedy });
      }
      const signer = { issuerOf: () => issuer, algorithms: ASYMMETRIC, keysHaving: keysOf(issuer) };
      return verifySigned(signer, issuer, token, 'logout', wanted);
    },
    issuerOf: ({ config }) => config.entityId,
  };
}

const described = z.object({ issuer: z.string(), jwks_uri: z.url({ protocol: /^https?$/ }) });

async function publishedKeys(issuer: string, allowPrivateNetwork: boolean) {
  const send = boundedFetch(allowPrivateNetwork);
  const address = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  let found: z.output<typeof described>;
  try {
    const response = await send(address, { headers: { accept: 'application/json' } });
    found = described.extend({ issuer: z.literal(issuer) }).parse(await response.json());
  } catch (cause) {
    const remedy = `Check that ${address} answers, and names exactly this issuer.`;
    throw new Fault('upstream-failed', `Whoever signs revocations, ${issuer}, does not describe itself as it should.`, {
      cause,
      remedy,
    });
  }
  return readKeys(send, found);
}
