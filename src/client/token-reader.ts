/**
 * Decisions by an ID token that a person brought, with the scope `permissions`: what its claims say is what the endpoint would have
 * answered when it was issued. Nobody is asked, so what was taken since is still there until the token ends.
 */
import { createRemoteJWKSet, errors, type JWTPayload, jwtVerify } from 'jose';
import type { Entity } from './connect.ts';

export interface TokenReaderOptions {
  /** Drawbridge's issuer: `https://id.example.com/oauth`. */
  readonly issuer: string;
  /** The app's own client id. */
  readonly audience: string;
  /** For how long at most a token is believed after it was issued, in seconds; left out: until it ends. */
  readonly maxAgeSeconds?: number;
}

export interface TokenAccess {
  readonly userId: string;
  readonly organization: { readonly id: string; readonly slug: string };
  readonly claims: JWTPayload;
  may(action: string, resource: Entity): boolean;
}

export interface TokenReader {
  /** @throws an error of `jose` where the token is not valid, or does not tell permissions */
  read(token: string): Promise<TokenAccess>;
}

interface Place {
  readonly id: string;
  readonly slug: string;
  readonly may: readonly string[];
}

interface Claims extends JWTPayload {
  readonly org: { readonly id: string; readonly slug: string };
  readonly permissions: {
    readonly organization: readonly string[];
    readonly workspaces: readonly Place[];
    readonly products: readonly (Place & { readonly workspace: string })[];
  };
}

/** A reader of the ID tokens of one app. Drawbridge's keys are fetched when they are needed, and again when they change. */
export function tokenReader({ issuer, audience, maxAgeSeconds }: TokenReaderOptions): TokenReader {
  const keys = createRemoteJWKSet(new URL(`${issuer}/jwks`));
  const options = {
    issuer,
    audience,
    algorithms: ['RS256'],
    ...(maxAgeSeconds === undefined ? {} : { maxTokenAge: maxAgeSeconds }),
  };
  return {
    read: async (token) => {
      const { payload } = await jwtVerify(token, keys, options);
      if (!tellsPermissions(payload)) {
        throw new errors.JWTClaimValidationFailed('the token tells no permissions', payload, 'permissions', 'missing');
      }
      const { sub = '', org } = payload;
      const may = (action: string, resource: Entity) => permitted(payload, resource).includes(action);
      return { userId: sub, organization: org, claims: payload, may };
    },
  };
}

function permitted({ org, permissions }: Claims, { type, id }: Entity): readonly string[] {
  const isNamed = (place: { readonly id: string; readonly slug: string }) => place.id === id || place.slug === id;
  switch (type) {
    case 'organization':
      return isNamed(org) ? permissions.organization : [];
    case 'workspace':
      return permissions.workspaces.find(isNamed)?.may ?? [];
    case 'product':
      return permissions.products.find((each) => each.id === id || `${each.workspace}/${each.slug}` === id)?.may ?? [];
    default:
      return [];
  }
}

function tellsPermissions(payload: JWTPayload): payload is Claims {
  return typeof payload['permissions'] === 'object' && typeof payload['org'] === 'object';
}
