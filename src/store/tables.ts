/** Row types of the schema, as Kysely reads them. One interface a table; the migrations say what each column means. */
import type { Generated } from 'kysely';

export type Json = Readonly<Record<string, unknown>>;
export type ScopeKind = 'platform' | 'organization' | 'workspace' | 'product';

export interface OrganizationRow {
  id: Generated<string>;
  slug: string;
  name: string;
  model: string;
  account_scope: Generated<string>;
  default_role: string | null;
  just_in_time: Generated<boolean>;
  groups_from: Generated<'any' | 'directory'>;
  enforce_sso: Generated<boolean>;
  session_idle_minutes: Generated<number>;
  session_absolute_minutes: Generated<number>;
  erase_after_days: Generated<number | null>;
  residual_checked_on: Generated<Date | null>;
  tell_of_leavers: Generated<boolean>;
  time_zone: Generated<string>;
  region: string | null;
  created_at: Generated<Date>;
}

export interface DomainRow {
  organization_id: string;
  name: string;
  verification_token: string;
  verified_at: Date | null;
  verified_how: 'dns' | 'operator' | null;
  next_check_at: Generated<Date | null>;
  failing_since: Generated<Date | null>;
}

export interface WorkspaceRow {
  organization_id: string;
  id: Generated<string>;
  slug: string;
  name: string;
  environment: Generated<'development' | 'staging' | 'production'>;
}

export interface ProductRow {
  organization_id: string;
  id: Generated<string>;
  workspace_id: string;
  slug: string;
  name: string;
  subscription_status: Generated<'active' | 'inactive' | 'expired'>;
  subscription_ends_at: Date | null;
  seats: number | null;
}

export interface UserRow {
  organization_id: string;
  account_scope: Generated<string>;
  id: Generated<string>;
  email: string;
  display_name: Generated<string>;
  status: Generated<'active' | 'suspended' | 'deprovisioned'>;
  access_epoch: Generated<number>;
  protected: Generated<boolean>;
  break_glass: Generated<boolean>;
  last_active_at: Date | null;
  created_at: Generated<Date>;
  deprovisioned_at: Date | null;
  suspended_at: Generated<Date | null>;
  suspended_reason: Generated<string | null>;
  erased_at: Generated<Date | null>;
}

export interface DirectoryRow {
  organization_id: string;
  id: Generated<string>;
  slug: string;
  name: string;
  kind: string;
  config: Generated<Json>;
  guards: Generated<Json>;
  schedule: string | null;
  spread_minutes: Generated<number>;
  scheduled_from: Generated<Date>;
  time_zone: Generated<string>;
  grace_days: Generated<number>;
  decides_lifecycle: Generated<boolean>;
  sealed_secrets: Generated<string | null>;
  cursor: Generated<string | null>;
  grounds: Generated<string | null>;
  failures: Generated<number>;
  quarantined_until: Generated<Date | null>;
  created_at: Generated<Date>;
}

export interface DirectoryTokenRow {
  organization_id: string;
  directory_id: string;
  id: Generated<string>;
  token_hash: Buffer;
  created_at: Generated<Date>;
  expires_at: Date | null;
  last_used_at: Date | null;
  window_ends_at: Generated<Date>;
  window_used: Generated<number>;
}

export interface ConnectionRow {
  organization_id: string;
  id: Generated<string>;
  slug: string;
  name: string;
  kind: 'saml' | 'oidc';
  config: Json;
  sealed_secret: string | null;
  default_role: string | null;
  just_in_time: boolean | null;
  directory_id: string;
  enabled: Generated<boolean>;
  domains: Generated<string[]>;
  priority: Generated<number>;
  created_at: Generated<Date>;
  tested_at: Generated<Date | null>;
  tested_trust: Generated<string | null>;
  version: Generated<number>;
}

export interface IdentityRow {
  organization_id: string;
  connection_id: string;
  subject: string;
  user_id: string;
  created_at: Generated<Date>;
  last_sign_in_at: Date | null;
}

export interface DirectoryUserRow {
  organization_id: string;
  directory_id: string;
  id: Generated<string>;
  source_key: string;
  external_id: string | null;
  user_name: string;
  email: string | null;
  display_name: Generated<string>;
  active: boolean;
  starts_at: Date | null;
  ends_at: Date | null;
  attributes: Generated<Json>;
  fingerprint: string | null;
  user_id: string | null;
  reconciled_present: Generated<boolean | null>;
  version: Generated<number>;
  created_at: Generated<Date>;
  updated_at: Generated<Date>;
  leaves_at: Generated<Date | null>;
  deleted_at: Date | null;
}

export interface DirectoryGroupRow {
  organization_id: string;
  directory_id: string;
  id: Generated<string>;
  source_key: string;
  external_id: string | null;
  display_name: string;
  of_people: Generated<boolean>;
  attributes: Generated<Json>;
  version: Generated<number>;
  created_at: Generated<Date>;
  updated_at: Generated<Date>;
}

export interface DirectoryGroupMemberRow {
  organization_id: string;
  directory_id: string;
  group_id: string;
  member_id: string;
  created_at: Generated<Date>;
}

export interface ScimRequestRow {
  organization_id: string;
  directory_id: string;
  id: Generated<string>;
  at: Date;
  request_id: string;
  address: string | null;
  token_id: string | null;
  method: string;
  path: string;
  status: number;
  took_ms: number;
  outcome: 'read' | 'changed' | 'unchanged' | 'refused' | 'failed';
  told: Json;
  request: string | null;
  answer: string | null;
}

export interface MappingRuleRow {
  organization_id: string;
  id: Generated<string>;
  slug: string;
  directory_id: string | null;
  group_name: string | null;
  group_by: Generated<'name' | 'id' | 'pattern'>;
  /** SQL/JSON path predicate; cast with `::jsonpath` when written through a parameter. */
  condition: string | null;
  effect: Generated<'grant' | 'deny'>;
  scope_kind: 'organization' | 'workspace' | 'product';
  workspace_id: string | null;
  product_id: string | null;
  scope_id: Generated<string>;
  role: string | null;
  position: Generated<number>;
  enabled: Generated<boolean>;
}

export interface MembershipRow {
  organization_id: string;
  id: Generated<string>;
  user_id: string;
  scope_kind: ScopeKind;
  workspace_id: string | null;
  product_id: string | null;
  scope_id: Generated<string>;
  role: string;
  source: 'manual' | 'invitation' | 'jit' | 'mapping' | 'ownership';
  rule_id: string | null;
  run_id: string | null;
  granted_by: string;
  reason: Generated<string>;
  expires_at: Date | null;
  created_at: Generated<Date>;
}

export interface SyncRunRow {
  organization_id: string;
  id: Generated<string>;
  directory_id: string | null;
  trigger: string;
  /** Whether what is planned is to be applied too. */
  mode: Generated<'plan' | 'run'>;
  status: 'staging' | 'planned' | 'held' | 'applied' | 'failed' | 'discarded';
  base_hash: string | null;
  cursor: Generated<string | null>;
  grounds: Generated<string | null>;
  counts: Generated<Json>;
  /** JSON array of the guards that hold the plan; write it with JSON.stringify. */
  guards: Generated<unknown>;
  figures: Generated<Json>;
  error: string | null;
  started_at: Generated<Date>;
  finished_at: Date | null;
}

export interface SyncGroupLossRow {
  organization_id: string;
  run_id: string;
  group_key: string;
  lost: number;
}

export interface SyncProgressRow {
  organization_id: string;
  run_id: string;
  phase: Generated<'reading' | 'planning' | 'applying'>;
  since: Generated<Date>;
  records: Generated<number>;
  expected: number;
}

export interface StagedSameRow {
  organization_id: string;
  run_id: string;
  ids: string[];
  says_groups: boolean;
  found_at: string[];
}

export interface StagedUserRow {
  organization_id: string;
  run_id: string;
  source_key: string;
  external_id: string | null;
  user_name: string;
  email: string | null;
  display_name: string;
  active: boolean;
  starts_at: Date | null;
  ends_at: Date | null;
  attributes: Json;
  fingerprint: string;
  leaves_at: Generated<Date | null>;
  found_at: Generated<string>;
  folded: Generated<string>;
}

export interface StagedGroupRow {
  organization_id: string;
  run_id: string;
  group_key: string;
  name: string;
  of_people: boolean;
}

export interface StagedLinkRow {
  organization_id: string;
  run_id: string;
  group_key: string;
  member_key: string;
  member_is: 'user' | 'group' | 'alias';
}

export interface StagedAliasRow {
  organization_id: string;
  run_id: string;
  alias: string;
  key: string;
  is_a: 'user' | 'group';
}

export interface StagedGoneRow {
  organization_id: string;
  run_id: string;
  what: 'user' | 'group' | 'member' | 'members';
  key: string;
  member_key: string;
}

export interface StagedBadRow {
  organization_id: string;
  run_id: string;
  seq: Generated<number>;
  folded: string | null;
  found_at: string;
  reason: string;
}

export interface DirectoryLinkRow {
  organization_id: string;
  directory_id: string;
  group_key: string;
  member_key: string;
  member_is: 'user' | 'group';
}

export interface StagedMemberRow {
  organization_id: string;
  run_id: string;
  group_key: string;
  group_name: string;
  user_key: string;
}

export interface SyncChangeRow {
  organization_id: string;
  run_id: string;
  seq: Generated<number>;
  kind: string;
  user_id: string | null;
  source_key: string | null;
  email: string | null;
  display_name: string | null;
  scope_kind: ScopeKind | null;
  workspace_id: string | null;
  product_id: string | null;
  scope_id: string | null;
  role: string | null;
  old_role: string | null;
  rule_id: string | null;
  administrative: Generated<boolean>;
  reason: string;
}

export interface SignInAttemptRow {
  organization_id: string;
  connection_id: string;
  id: string;
  browser_hash: Buffer;
  nonce: string | null;
  code_verifier: string | null;
  return_to: string;
  expires_at: Date;
}

export interface SeenAssertionRow {
  organization_id: string;
  connection_id: string;
  assertion_id: string;
  expires_at: Date;
}

export interface SessionRow {
  organization_id: string;
  id: Generated<string>;
  token_hash: Buffer;
  user_id: string;
  access_epoch: number;
  connection_id: string | null;
  authenticated_by: string;
  created_at: Generated<Date>;
  last_seen_at: Generated<Date>;
  expires_at: Date;
  ended_at: Date | null;
  ended_reason: string | null;
}

export interface SamlKeyRow {
  organization_id: string;
  connection_id: string;
  fingerprint: string;
  certificate: string;
  sealed_key: string;
  created_at: Generated<Date>;
  signs_from: Date;
  retires_at: Date | null;
}

export interface SamlMetadataSourceRow {
  organization_id: string;
  connection_id: string;
  url: string;
  asked_at: Generated<Date>;
  settled_at: Generated<Date>;
  read_at: Date | null;
  next_at: Date;
  failure: string | null;
  waiting: Json | null;
}

export interface SamlCertificateRow {
  organization_id: string;
  connection_id: string;
  fingerprint: string;
  not_after: Date;
  alarmed_days: number | null;
}

export interface SamlSessionRow {
  organization_id: string;
  session_id: string;
  connection_id: string;
  name_id: string;
  name_id_attributes: Json;
  session_index: string | null;
}

export interface OidcClientKeyRow {
  organization_id: string;
  connection_id: string;
  kid: string;
  public_jwk: Json;
  sealed_key: string;
  created_at: Generated<Date>;
  signs_from: Date;
  retires_at: Date | null;
}

export interface OidcSessionRow {
  organization_id: string;
  session_id: string;
  connection_id: string;
  subject: string;
  sid: string | null;
  sealed_id_token: string | null;
  end_session_endpoint: string | null;
}

export interface GrantRow {
  organization_id: string;
  id: Generated<string>;
  token_hash: Buffer;
  user_id: string;
  access_epoch: number;
  session_id: string | null;
  client: string;
  created_at: Generated<Date>;
  expires_at: Date;
  revoked_at: Date | null;
}

export interface ApiKeyRow {
  organization_id: string;
  id: Generated<string>;
  kind: 'personal' | 'project' | 'service' | 'workspace';
  name: string;
  key_hash: Buffer;
  display: string;
  environment: string;
  creator_id: string | null;
  access_epoch: number | null;
  responsible_id: string | null;
  workspace_id: string | null;
  product_id: string | null;
  scopes: Generated<string[]>;
  created_at: Generated<Date>;
  expires_at: Date | null;
  replaces_id: string | null;
  last_used_at: Date | null;
  last_used_from: string | null;
  flagged_reason: string | null;
  revoked_at: Date | null;
  revoked_by: string | null;
  revoked_reason: string | null;
}

export interface OauthProviderRow {
  organization_id: string;
  id: Generated<string>;
  slug: string;
  revoker: string;
  config: Json;
  sealed_secrets: Generated<string | null>;
  refresh: Generated<Json | null>;
  ends_tokens: boolean;
  ends_people: boolean;
}

export interface OauthTokenRow {
  organization_id: string;
  id: Generated<string>;
  provider_id: string;
  user_id: string;
  token_kind: 'access_token' | 'refresh_token';
  sealed_token: string | null;
  created_at: Generated<Date>;
  locked_at: Date | null;
  ended_at: Generated<Date | null>;
  expires_at: Generated<Date | null>;
  refreshed_from: Generated<string | null>;
  refreshing_until: Generated<Date | null>;
}

export interface WebhookEndpointRow {
  organization_id: string;
  id: Generated<string>;
  slug: string;
  url: string;
  sealed_secret: string;
  sealed_previous_secret: Generated<string | null>;
  previous_until: Generated<Date | null>;
  events: Generated<string[]>;
  enabled: Generated<boolean>;
  enabled_since: Generated<Date>;
  disabled_reason: Generated<string | null>;
}

export interface SsfStreamRow {
  organization_id: string;
  id: Generated<string>;
  description: string | null;
  method: 'push' | 'poll';
  endpoint_url: string | null;
  sealed_authorization: string | null;
  events_requested: string[] | null;
  subject_format: 'iss_sub' | 'email' | 'opaque';
  default_subjects: 'ALL' | 'NONE';
  receiver_key: string | null;
  status: Generated<'enabled' | 'paused' | 'disabled'>;
  status_reason: string | null;
  enabled_since: Generated<Date>;
  verification_at: Date | null;
  created_at: Generated<Date>;
}

export interface SsfStreamSubjectRow {
  organization_id: string;
  stream_id: string;
  user_id: string;
  wanted: boolean;
}

export interface SignalDeliveryRow {
  organization_id: string;
  id: Generated<string>;
  seq: Generated<number>;
  webhook_endpoint_id: string | null;
  ssf_stream_id: string | null;
  target_id: Generated<string>;
  type: string;
  subject: string;
  event_id: number | null;
  event_at: Date | null;
  position: number | null;
  body: Json | null;
  state: Generated<'waiting' | 'retry' | 'delivered' | 'failed'>;
  attempts: Generated<number>;
  next_attempt_at: Generated<Date>;
  last_attempt_at: Date | null;
  last_status: number | null;
  last_error: string | null;
  created_at: Generated<Date>;
  finished_at: Date | null;
}

export interface SsfReceiverRow {
  organization_id: string;
  id: Generated<string>;
  slug: string;
  connection_id: string | null;
  issuer: string;
  jwks_uri: string;
  audience: string;
  on_disabled: 'suspend' | 'deprovision';
  push_token_hash: Buffer | null;
  poll_url: string | null;
  sealed_poll_token: string | null;
  enabled: Generated<boolean>;
  next_poll_at: Generated<Date>;
  last_event_at: Generated<Date | null>;
  last_error: Generated<string | null>;
}

export interface SsfSeenRow {
  organization_id: string;
  receiver_id: string;
  jti_hash: Buffer;
  expires_at: Date;
}

export interface OffboardingCaseRow {
  organization_id: string;
  id: Generated<string>;
  user_id: string;
  trigger: string;
  reason: string;
  run_id: string | null;
  ended: Generated<Json>;
  opened_at: Generated<Date>;
  closed_at: Date | null;
  triggered_at: Generated<Date>;
  rehired_at: Generated<Date | null>;
}

export interface PlannedDepartureRow {
  organization_id: string;
  id: Generated<string>;
  user_id: string;
  due_at: Date;
  reason: string;
  planned_by: string;
  planned_at: Generated<Date>;
  state: Generated<'planned' | 'done' | 'cancelled' | 'overtaken' | 'withheld'>;
  settled_at: Generated<Date | null>;
  settled_by: Generated<string | null>;
  settled_reason: Generated<string | null>;
  case_id: Generated<string | null>;
}

export interface OffboardingStepRow {
  organization_id: string;
  case_id: string;
  id: Generated<string>;
  kind: 'oauth.revoke' | 'account.end' | 'webhook' | 'mail';
  oauth_token_id: string | null;
  oauth_provider_id: string | null;
  target_id: Generated<string | null>;
  webhook_endpoint_id: string | null;
  state: Generated<'waiting' | 'retry' | 'revoked' | 'already_gone' | 'delivered' | 'unsupported' | 'needs_human'>;
  attempts: Generated<number>;
  next_attempt_at: Generated<Date>;
  proof: Json | null;
  last_error: string | null;
  finished_at: Date | null;
}

export interface SealingKeyRow {
  organization_id: string;
  id: string;
  first_used_at: Generated<Date>;
}

export interface AuditEventRow {
  organization_id: string;
  id: Generated<number>;
  at: Generated<Date>;
  actor_kind: string;
  actor_id: string;
  actor_label: string;
  action: string;
  resource_type: string;
  resource_id: string;
  outcome: 'success' | 'failure' | 'denied';
  reason: Generated<string>;
  detail: Generated<Json>;
  request_id: string | null;
  address: string | null;
  xid: Generated<string>;
  user_id: Generated<string | null>;
}

export interface TombstoneRow {
  organization_id: string;
  hash: Buffer;
  user_id: string;
  made_at: Generated<Date>;
}

export interface AuditRedactionRow {
  organization_id: string;
  event_id: number;
  batch: string;
  seq: Generated<number>;
  original_hash: Buffer;
  redacted_hash: Buffer;
}

export interface AuditSealRow {
  organization_id: string;
  position: number;
  event_id: number;
  event_xid: string;
  event_at: Date;
  hash: Buffer;
  sealed_at: Generated<Date>;
}

export interface AuditStreamRow {
  organization_id: string;
  id: Generated<string>;
  slug: string;
  kind: 'webhook' | 'syslog';
  format: 'drawbridge' | 'ocsf';
  config: Json;
  sealed_secret: string | null;
  enabled: Generated<boolean>;
  created_at: Generated<Date>;
}

export interface AuditStreamCursorRow {
  organization_id: string;
  stream_id: string;
  position: number;
  attempts: Generated<number>;
  next_attempt_at: Generated<Date>;
  delivered_at: Date | null;
  failing_since: Date | null;
  last_error: string | null;
}

export interface AuditRetentionRow {
  organization_id: string;
  months: number;
}

export interface SignInTraceRow {
  organization_id: string;
  id: string;
  connection_id: string;
  at: Generated<Date>;
  request_id: string;
  outcome: 'signed_in' | 'tested' | 'refused' | 'failed';
  refused_by: string | null;
  sentence: Generated<string>;
  user_id: string | null;
  said: Json | null;
  roles: unknown;
  steps: unknown;
}

export interface SetUpLinkRow {
  organization_id: string;
  id: Generated<string>;
  token_hash: Buffer;
  connection_id: Generated<string>;
  connection_slug: string;
  provider: string | null;
  created_by: string;
  created_at: Generated<Date>;
  expires_at: Date;
  revoked_at: Date | null;
}

export interface PasswordRow {
  organization_id: string;
  user_id: string;
  access_epoch: number;
  phc: string;
  set_at: Generated<Date>;
}

export interface PasswordLinkRow {
  organization_id: string;
  token_hash: Buffer;
  user_id: string;
  access_epoch: number;
  expires_at: Date;
}

export interface SecondFactorRow {
  organization_id: string;
  id: Generated<string>;
  user_id: string;
  kind: 'totp' | 'webauthn';
  name: string;
  sealed_secret: string | null;
  credential_id: string | null;
  public_key: Buffer | null;
  transports: Generated<string[]>;
  counter: Generated<number>;
  created_at: Generated<Date>;
  confirmed_at: Date | null;
  last_used_at: Generated<Date | null>;
}

export interface RecoveryCodeRow {
  organization_id: string;
  user_id: string;
  code_hash: Buffer;
}

export interface WebauthnChallengeRow {
  organization_id: string;
  challenge_hash: Buffer;
  user_id: string;
  purpose: 'enrol' | 'sign-in';
  expires_at: Date;
}

export interface HalfSignInRow {
  organization_id: string;
  token_hash: Buffer;
  user_id: string;
  access_epoch: number;
  return_to: string;
  expires_at: Date;
}

export interface SignInThrottleRow {
  organization_id: string;
  key_hash: Buffer;
  attempts: number;
  last_at: Generated<Date>;
  blocked_until: Generated<Date>;
  admitted: Generated<boolean>;
}

export interface AppRow {
  organization_id: string;
  id: Generated<string>;
  slug: string;
  config: Json;
  secret_hash: Buffer | null;
  created_at: Generated<Date>;
}

export interface SigningKeyRow {
  organization_id: string;
  id: string;
  state: 'next' | 'current' | 'retired';
  sealed_jwk: string;
  created_at: Generated<Date>;
  retired_at: Date | null;
}

export interface OauthExchangeRow {
  organization_id: string;
  kind: string;
  id_hash: Buffer;
  uid_hash: Buffer | null;
  sealed: string;
  expires_at: Date;
}

export interface OauthArtifactRow {
  organization_id: string;
  kind: string;
  id_hash: Buffer;
  grant_hash: Buffer;
  user_id: string;
  access_epoch: number;
  session_id: string;
  client: string;
  app_id: string;
  payload: Json;
  created_at: Generated<Date>;
  expires_at: Date;
  consumed_at: Date | null;
  ended_at: Date | null;
  sid: string | null;
  logout_attempts: Generated<number>;
  logout_next_at: Generated<Date>;
  logout_done_at: Date | null;
}

export interface MailRow {
  organization_id: string;
  id: Generated<string>;
  kind: string;
  about: string;
  recipient: string;
  subject: string;
  sealed_text: string | null;
  state: Generated<'waiting' | 'retry' | 'sent' | 'failed' | 'cancelled'>;
  attempts: Generated<number>;
  next_attempt_at: Generated<Date>;
  last_error: string | null;
  created_at: Generated<Date>;
  finished_at: Date | null;
}

export interface InvitationRow {
  organization_id: string;
  id: Generated<string>;
  email: string;
  name: string;
  token_hash: Buffer;
  reason: string;
  inviter_id: string | null;
  invited_by: string;
  created_at: Generated<Date>;
  expires_at: Date;
  accepted_at: Date | null;
  user_id: string | null;
  revoked_at: Date | null;
  revoked_by: string | null;
  revoked_reason: string | null;
}

export interface InvitationRoleRow {
  organization_id: string;
  invitation_id: string;
  scope_kind: 'organization' | 'workspace' | 'product';
  workspace_id: string | null;
  product_id: string | null;
  scope_id: Generated<string>;
  role: string;
}

export interface CustomRoleRow {
  organization_id: string;
  role: string;
  label: string;
  permissions: string[];
  made_by: string;
  made_at: Generated<Date>;
}

export interface MembershipExclusionRow {
  organization_id: string;
  id: Generated<string>;
  user_id: string;
  scope_kind: 'organization' | 'workspace' | 'product';
  workspace_id: string | null;
  product_id: string | null;
  scope_id: Generated<string>;
  role: string;
  reason: string;
  excluded_by: string;
  created_at: Generated<Date>;
}

export interface ReviewRow {
  organization_id: string;
  id: Generated<string>;
  name: string;
  subject: Json;
  if_undecided: 'keep' | 'revoke';
  due_at: Date;
  next_at: Date;
  state: Generated<'open' | 'closed' | 'cancelled'>;
  starter_id: string | null;
  started_by: string;
  started_at: Generated<Date>;
  ended_by: string | null;
  ended_at: Date | null;
}

export interface ReviewItemRow {
  organization_id: string;
  review_id: string;
  id: Generated<string>;
  membership_id: string;
  user_id: string;
  email: string;
  scope_kind: 'organization' | 'workspace' | 'product';
  workspace_id: string | null;
  product_id: string | null;
  scope_id: string;
  place: string;
  role: string;
  source: string;
  granted_by: string;
  granted_reason: string;
  granted_at: Date;
  expires_at: Date | null;
  reviewers: string[];
  decision: 'keep' | 'revoke' | null;
  decided_by: string | null;
  decided_at: Date | null;
  decision_reason: string | null;
  outcome: 'kept' | 'revoked' | 'gone' | 'withheld' | null;
  outcome_reason: string | null;
}

export interface Tables {
  organizations: OrganizationRow;
  domains: DomainRow;
  workspaces: WorkspaceRow;
  products: ProductRow;
  users: UserRow;
  directories: DirectoryRow;
  directory_tokens: DirectoryTokenRow;
  connections: ConnectionRow;
  identities: IdentityRow;
  directory_users: DirectoryUserRow;
  directory_groups: DirectoryGroupRow;
  directory_group_members: DirectoryGroupMemberRow;
  scim_requests: ScimRequestRow;
  mapping_rules: MappingRuleRow;
  memberships: MembershipRow;
  sync_runs: SyncRunRow;
  sync_group_losses: SyncGroupLossRow;
  sync_progress: SyncProgressRow;
  staged_same: StagedSameRow;
  staged_users: StagedUserRow;
  staged_members: StagedMemberRow;
  staged_groups: StagedGroupRow;
  staged_links: StagedLinkRow;
  staged_aliases: StagedAliasRow;
  staged_gone: StagedGoneRow;
  staged_bad: StagedBadRow;
  directory_links: DirectoryLinkRow;
  sync_changes: SyncChangeRow;
  sign_in_attempts: SignInAttemptRow;
  seen_assertions: SeenAssertionRow;
  sessions: SessionRow;
  saml_keys: SamlKeyRow;
  saml_metadata_sources: SamlMetadataSourceRow;
  saml_certificates: SamlCertificateRow;
  saml_sessions: SamlSessionRow;
  oidc_client_keys: OidcClientKeyRow;
  oidc_sessions: OidcSessionRow;
  grants: GrantRow;
  api_keys: ApiKeyRow;
  oauth_providers: OauthProviderRow;
  oauth_tokens: OauthTokenRow;
  webhook_endpoints: WebhookEndpointRow;
  ssf_streams: SsfStreamRow;
  ssf_stream_subjects: SsfStreamSubjectRow;
  signal_deliveries: SignalDeliveryRow;
  ssf_receivers: SsfReceiverRow;
  ssf_seen: SsfSeenRow;
  offboarding_cases: OffboardingCaseRow;
  offboarding_steps: OffboardingStepRow;
  planned_departures: PlannedDepartureRow;
  passwords: PasswordRow;
  password_links: PasswordLinkRow;
  second_factors: SecondFactorRow;
  recovery_codes: RecoveryCodeRow;
  webauthn_challenges: WebauthnChallengeRow;
  half_sign_ins: HalfSignInRow;
  sign_in_throttle: SignInThrottleRow;
  set_up_links: SetUpLinkRow;
  sign_in_traces: SignInTraceRow;
  apps: AppRow;
  signing_keys: SigningKeyRow;
  oauth_exchanges: OauthExchangeRow;
  oauth_artifacts: OauthArtifactRow;
  mails: MailRow;
  membership_exclusions: MembershipExclusionRow;
  reviews: ReviewRow;
  review_items: ReviewItemRow;
  custom_roles: CustomRoleRow;
  invitations: InvitationRow;
  invitation_roles: InvitationRoleRow;
  sealing_keys: SealingKeyRow;
  audit_events: AuditEventRow;
  audit_seals: AuditSealRow;
  audit_retention: AuditRetentionRow;
  audit_redactions: AuditRedactionRow;
  tombstones: TombstoneRow;
  audit_streams: AuditStreamRow;
  audit_stream_cursors: AuditStreamCursorRow;
}
