/** Single logout that begins here: the session has ended, and the browser takes the word of it to the identity provider. */
import { SAML } from '@node-saml/passport-saml';
import type { Settings } from '../../settings.ts';
import type { TenantTransaction } from '../../store/tenant.ts';
import { signingOptions } from './authn-request.ts';
import { samlConfig } from './config.ts';
import { idpSessionOf } from './idp-session.ts';
import { libraryOptions } from './library.ts';
import { ownKeys } from './own-key.ts';
import { serviceProviderOf } from './service-provider.ts';

/** The identity provider's address with a signed logout request; undefined for sessions that came in otherwise, or where it takes none. */
export async function endAtIdentityProvider(
  { settings }: { readonly settings: Pick<Settings, 'secrets' | 'http'> },
  tx: TenantTransaction,
  sessionId: string,
): Promise<string | undefined> {
  const session = await idpSessionOf(tx, sessionId);
  if (session === undefined) return undefined;
  const { connectionId, nameId, nameIdAttributes, sessionIndex } = session;
  const row = await tx.db
    .selectFrom('connections')
    .select('config')
    .where('id', '=', connectionId)
    .executeTakeFirstOrThrow();
  const config = samlConfig.parse(row.config);
  if (config.logoutUrl === null || !config.endProviderSession) return undefined;
  const { signing } = await ownKeys(tx, settings.secrets.sealingKeys, connectionId);
  const saml = new SAML({
    ...libraryOptions(config, serviceProviderOf(settings.http.baseUrl, connectionId)),
    entryPoint: config.logoutUrl,
    logoutUrl: config.logoutUrl,
    ...(signing === undefined ? {} : signingOptions(signing)),
  });
  const { Format, NameQualifier, SPNameQualifier } = nameIdAttributes;
  const person = {
    nameID: nameId,
    nameIDFormat: Format ?? 'urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified',
    ...(NameQualifier === undefined ? {} : { nameQualifier: NameQualifier }),
    ...(SPNameQualifier === undefined ? {} : { spNameQualifier: SPNameQualifier }),
    ...(sessionIndex === undefined ? {} : { sessionIndex }),
    issuer: config.entityId,
  };
  return saml.getLogoutUrlAsync(person, '', {});
}
