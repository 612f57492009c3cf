/**
 * Every column in which something is sealed, and for what: each in the words of the room that seals it. Whoever adds one adds it here; a
 * test holds this list to the schema.
 */
type Row = Readonly<Record<string, unknown>>;

export interface SealedColumn {
  readonly table: string;
  readonly column: string;
  /** The primary key's columns after the organization's, with their types. */
  readonly key: Readonly<Record<string, 'uuid' | 'text' | 'bytea'>>;
  /** Further columns that the purpose needs. */
  readonly also?: readonly string[];
  purpose(row: Row): string;
}

const id = { id: 'uuid' } as const;

export const SEALED_COLUMNS: readonly SealedColumn[] = [
  { table: 'directories', column: 'sealed_secrets', key: id, purpose: (row) => `directory:${row['id']}` },
  { table: 'connections', column: 'sealed_secret', key: id, purpose: (row) => `connection:${row['id']}` },
  {
    ...{ table: 'saml_keys', column: 'sealed_key', key: { connection_id: 'uuid', fingerprint: 'text' } },
    purpose: (row) => `connection-saml-key:${row['connection_id']}:${row['fingerprint']}`,
  },
  {
    ...{ table: 'oidc_client_keys', column: 'sealed_key', key: { connection_id: 'uuid', kid: 'text' } },
    purpose: (row) => `connection-client-key:${row['connection_id']}:${row['kid']}`,
  },
  {
    ...{ table: 'oidc_sessions', column: 'sealed_id_token', key: { session_id: 'uuid' } },
    purpose: (row) => `oidc-session:${row['session_id']}`,
  },
  { table: 'oauth_providers', column: 'sealed_secrets', key: id, purpose: (row) => `oauth_provider:${row['id']}` },
  {
    ...{ table: 'oauth_tokens', column: 'sealed_token', key: id, also: ['user_id'] },
    purpose: (row) => `oauth_token:${row['user_id']}`,
  },
  {
    ...{ table: 'webhook_endpoints', column: 'sealed_secret', key: id, also: ['organization_id', 'slug'] },
    purpose: (row) => `webhook_endpoint:${row['organization_id']}:${row['slug']}`,
  },
  {
    ...{ table: 'webhook_endpoints', column: 'sealed_previous_secret', key: id, also: ['organization_id', 'slug'] },
    purpose: (row) => `webhook_endpoint:${row['organization_id']}:${row['slug']}`,
  },
  { table: 'ssf_streams', column: 'sealed_authorization', key: id, purpose: (row) => `ssf_stream:${row['id']}` },
  { table: 'ssf_receivers', column: 'sealed_poll_token', key: id, purpose: (row) => `ssf_receiver:${row['id']}` },
  {
    ...{ table: 'audit_streams', column: 'sealed_secret', key: id, also: ['organization_id', 'slug'] },
    purpose: (row) => `audit_stream:${row['organization_id']}:${row['slug']}`,
  },
  { table: 'second_factors', column: 'sealed_secret', key: id, purpose: (row) => `second-factor:${row['id']}` },
  { table: 'mails', column: 'sealed_text', key: id, purpose: (row) => `mail:${row['id']}` },
  { table: 'signing_keys', column: 'sealed_jwk', key: { id: 'text' }, purpose: (row) => `signing_key:${row['id']}` },
  {
    ...{ table: 'oauth_exchanges', column: 'sealed', key: { kind: 'text', id_hash: 'bytea' } },
    purpose: (row) => `oauth_exchange:${row['kind']}`,
  },
];
