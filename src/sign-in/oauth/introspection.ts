/**
 * `/oauth/introspect` and `/oauth/revoke` for whatever Drawbridge has issued: apps' tokens here, API keys and the platform's own access
 * tokens by the credentials room. Apps ask with their secret; a backend with an API key or the operator's token.
 */
import type { Request } from 'express';
import { isMeantAsKey } from '../../credentials/api-key-format.ts';
import {
  type Introspection,
  type IntrospectionDependencies,
  introspect,
  type Presented,
} from '../../credentials/introspection.ts';
import { hashOf } from '../../credentials/sealing.ts';
import type { Caller } from '../../http/caller.ts';
import { originOf } from '../../http/request-context.ts';
import { inTenant, type Origin } from '../../store/tenant.ts';
import { type App, findApp, isSecretOf } from './app-registration.ts';
import { endOne } from './artifact.sql.ts';
import { findArtifact } from './artifacts.ts';

const INACTIVE: Introspection = { active: false };
const KINDS = ['AccessToken', 'RefreshToken'] as const;

/** An app that proves itself by its secret, in the header or the form; undefined where nobody does. */
export async function authenticateApp(
  { store }: Pick<IntrospectionDependencies, 'store'>,
  request: Request,
): Promise<App | undefined> {
  const [id, secret] = presentedBy(request);
  if (id === undefined || secret === undefined || !/^[a-z0-9][a-z0-9-]{0,62}$/.test(id)) return undefined;
  const app = await findApp(store.db, id);
  return app?.secretHash != null && isSecretOf(app.secretHash, secret) ? app : undefined;
}

/** What a token is worth, to an app that may ask about all. */
export async function introspectForApp(
  deps: IntrospectionDependencies,
  request: Request,
  app: App,
  presented: Presented,
): Promise<Introspection> {
  const { token } = presented;
  const found = isMeantAsKey(token) ? INACTIVE : await introspectArtifact(deps, null, token);
  if (found.active) return found;
  const origin = originOf(request, { kind: 'system', id: app.id, label: `app ${app.slug}` });
  return introspect(deps, origin, null, presented);
}

/** What an app's token is worth. @param within the only organization that may be told of; null for all */
export async function introspectArtifact(
  { store }: Pick<IntrospectionDependencies, 'store'>,
  within: string | null,
  token: string,
): Promise<Introspection> {
  for (const kind of KINDS) {
    const found = await findArtifact(store, kind, token);
    if (found === undefined) continue;
    const { payload, organizationId, appId, email } = found;
    if (within !== null && within !== organizationId) return INACTIVE;
    if ((await findApp(store.db, payload.clientId ?? ''))?.id !== appId) return INACTIVE;
    return {
      active: true,
      token_type: kind === 'AccessToken' ? 'Bearer' : 'refresh_token',
      sub: payload.accountId,
      username: email,
      client_id: payload.clientId,
      scope: payload.scope,
      org: organizationId,
      iat: payload.iat,
      exp: payload.exp,
    };
  }
  return INACTIVE;
}

/** Ends an app's token, and with it all that its grant gave, as where the app itself asks. @returns whether it was one */
export async function revokeArtifact(
  { store }: Pick<IntrospectionDependencies, 'store'>,
  origin: Origin,
  { organizationId: within }: Pick<Caller, 'organizationId'>,
  token: string,
): Promise<boolean> {
  for (const kind of KINDS) {
    const found = await findArtifact(store, kind, token);
    if (found === undefined) continue;
    const { organizationId, payload } = found;
    if (within !== null && within !== organizationId) return true;
    await inTenant(store.db, organizationId, origin, (tx) =>
      endOne(tx, 'Grant', hashOf(payload.grantId ?? ''), 'revoked by presenting it (RFC 7009)').execute(tx.db),
    );
    return true;
  }
  return false;
}

function presentedBy(request: Request): [string | undefined, string | undefined] {
  const [scheme, encoded] = (request.get('authorization') ?? '').split(' ');
  if (scheme?.toLowerCase() === 'basic' && encoded !== undefined) {
    const text = Buffer.from(encoded, 'base64').toString('utf8');
    const at = text.indexOf(':');
    return at < 0 ? [undefined, undefined] : [decoded(text.slice(0, at)), decoded(text.slice(at + 1))];
  }
  const { client_id: id, client_secret: secret } = (request.body ?? {}) as Record<string, unknown>;
  return [typeof id === 'string' ? id : undefined, typeof secret === 'string' ? secret : undefined];
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return undefined;
  }
}
