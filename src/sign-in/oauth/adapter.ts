/** Where the provider keeps what: its clients are the registered apps, the rest is of a person or of a browser. */
import Provider, { type Adapter, type AdapterPayload } from 'oidc-provider';
import type { SealingKeys } from '../../sealing-keys.ts';
import type { Store } from '../../store/database.ts';
import { isNative } from './app-input.ts';
import { type App, findApp } from './app-registration.ts';
import { ARTIFACT_KINDS, artifactAdapter } from './artifacts.ts';
import { exchangeAdapter } from './exchanges.ts';
import { SIGNING_ALGORITHM } from './signing-keys.ts';

/** Gives the adapter of each kind. */
export function adapterOf(store: Pick<Store, 'db'>, sealingKeys: SealingKeys): (kind: string) => Adapter {
  return (kind) => {
    if (kind === 'Client') return appAdapter(store);
    return ARTIFACT_KINDS.has(kind) ? artifactAdapter(store, kind) : exchangeAdapter(store, sealingKeys, kind);
  };
}

function appAdapter({ db }: Pick<Store, 'db'>): Adapter {
  const nothing = async () => undefined;
  return {
    find: async (id) => {
      const app = await findApp(db, id);
      return app && metadataOf(app);
    },
    upsert: nothing,
    findByUid: nothing,
    findByUserCode: nothing,
    consume: nothing,
    destroy: nothing,
    revokeByGrantId: nothing,
  };
}

function metadataOf(app: App): AdapterPayload {
  return {
    client_id: app.slug,
    app_id: app.id,
    client_name: app.name,
    redirect_uris: [...app.redirectUris],
    post_logout_redirect_uris: [...app.postLogoutRedirectUris],
    application_type: isNative(app) ? 'native' : 'web',
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    id_token_signed_response_alg: SIGNING_ALGORITHM,
    ...proofOf(app),
    ...(app.backchannelLogoutUri === undefined
      ? {}
      : { backchannel_logout_uri: app.backchannelLogoutUri, backchannel_logout_session_required: true }),
  };
}

/** How an app proves who it is. */
function proofOf({ secretHash, jwks, jwksUri }: App): AdapterPayload {
  if (jwks !== undefined) return { token_endpoint_auth_method: 'private_key_jwt', jwks: jwks as never };
  if (jwksUri !== undefined) return { token_endpoint_auth_method: 'private_key_jwt', jwks_uri: jwksUri };
  if (secretHash === null) return { token_endpoint_auth_method: 'none' };
  // The hash stands where the secret would; it is compared by `isSecretOf`.
  return { token_endpoint_auth_method: presentedBy(), client_secret: secretHash.toString('hex') };
}

/** Client libraries differ in where they put the secret; both places are as good. */
function presentedBy(): 'client_secret_basic' | 'client_secret_post' {
  const basic = Provider.ctx?.get('authorization').toLowerCase().startsWith('basic ');
  return basic === true ? 'client_secret_basic' : 'client_secret_post';
}
