/**
 * Lets somebody in: decides who it is, makes or links the account, keeps what the login says as facts, has the one reconcile derive
 * what follows from them, and only then starts the session. All in the transaction that consumed the login's one-time request.
 */
import { sql } from 'kysely';
import { findRole } from '../access/model.ts';
import type { Models } from '../access/model-file.ts';
import { organizationModel } from '../access/organization-model.ts';
import { mayBeGiven } from '../access/rank.ts';
import { auditing, record } from '../audit/record.ts';
import { startSession } from '../credentials/session.ts';
import { reconcilePeople } from '../directory/reconcile/people.ts';
import { takeTurn } from '../directory/reconcile/turns.ts';
import type { JobQueue } from '../jobs/queue.ts';
import type { TenantTransaction } from '../store/tenant.ts';
import { domainOf, type Login } from './attributes.ts';
import type { Connection } from './connection.ts';
import { identify, type KnownFacts, type Verdict } from './identify.ts';
import { fingerprintOf, keptOf, writeFacts } from './login-facts.ts';
import { SignInRefusal } from './refusal.ts';

export interface ProvisionDependencies {
  readonly jobs: JobQueue;
  readonly models: Models;
}

export interface SignedIn {
  readonly token: string;
  readonly expiresAt: Date;
  readonly userId: string;
  readonly sessionId: string;
}

/** How somebody was known, for the record. */
const HOW = { known: 'known identity', link: 'linked by verified e-mail domain', create: 'created just in time' };

type Admitted = Exclude<Verdict, { kind: 'refuse' }>;

/** What the database knows of a login, in one row. */
interface Known extends KnownFacts {
  readonly defaultRole: string | null;
  readonly groupsFrom: 'any' | 'directory';
  readonly fingerprint: string | null;
}

/**
 * Signs a person in through a connection.
 * @throws SignInRefusal where nobody may come in so, Fault `sign-in-refused` where the person was let go in this very moment
 */
export async function signIn(
  deps: ProvisionDependencies,
  tx: TenantTransaction,
  connection: Connection,
  login: Login,
): Promise<SignedIn> {
  const { known, userId, verdict } = await admit(deps, tx, connection, login);
  const kept = keptOf(login, known.groupsFrom);
  const news = known.fingerprint !== fingerprintOf(kept);
  if (news) await takeTurn(tx, 'beside others');
  await holdStill(tx, userId);
  if (verdict.kind !== 'known') await addIdentity(tx, connection, login, userId, verdict.kind);
  if (news) {
    await writeFacts(tx, connection.directoryId, userId, kept);
    await reconcilePeople(deps, tx, { userIds: [userId] }, 'sign-in');
  }
  const session = await startSession(tx, { userId, connectionId: connection.id, authenticatedBy: connection.kind });
  await sql`
    WITH seen AS (
      UPDATE identities SET last_sign_in_at = now() WHERE connection_id = ${connection.id} AND subject = ${login.subject}
    )
    ${auditing(
      tx,
      sql`SELECT 'sign_in.succeeded', 'user', ${userId}::text, ${HOW[verdict.kind]}::text,
        jsonb_build_object('connection', ${connection.slug}::text, 'by', ${connection.kind}::text, 'session', ${session.id}::text)`,
    )}`.execute(tx.db);
  return { token: session.token, expiresAt: session.expiresAt, userId, sessionId: session.id };
}

/** Decides, and makes the account where there is to be one. Another first login of the same person may win: then it is decided anew. */
async function admit(
  deps: ProvisionDependencies,
  tx: TenantTransaction,
  connection: Connection,
  login: Login,
): Promise<{ known: Known; userId: string; verdict: Admitted }> {
  for (let tries = 0; tries < 2; tries += 1) {
    const known = await lookUp(tx, connection, login);
    const verdict = identify(login, known);
    if (verdict.kind === 'refuse') throw new SignInRefusal(verdict.check, verdict.finding);
    if (verdict.kind !== 'create') return { known, userId: verdict.userId, verdict };
    // Before the first write, or a directory's run that is making the same account and this login could wait for each other.
    await takeTurn(tx, 'beside others');
    const userId = await createPerson(deps, tx, connection, login, verdict.email, known.defaultRole);
    if (userId !== undefined) return { known, userId, verdict };
  }
  throw new Error('an account was neither found nor could be made');
}

/**
 * Locks the person's row at once as firmly as anything later in this transaction will: two logins of one person wait for each other
 * instead of both holding it lightly and neither getting it firmly. A deprovisioning waits too, or has been before and is seen.
 */
async function holdStill(tx: TenantTransaction, userId: string): Promise<void> {
  await sql`SELECT FROM users WHERE id = ${userId} FOR NO KEY UPDATE`.execute(tx.db);
}

async function lookUp(tx: TenantTransaction, connection: Connection, { subject, email }: Login): Promise<Known> {
  const { rows } = await sql<{
    identityUser: string | null;
    identityStatus: KnownStatus;
    emailUser: string | null;
    emailStatus: KnownStatus;
    holderHasIdentity: boolean;
    domainVerified: boolean;
    justInTime: boolean;
    defaultRole: string | null;
    groupsFrom: 'any' | 'directory';
    fingerprint: string | null;
  }>`
    SELECT iu.id AS "identityUser", iu.status AS "identityStatus", eu.id AS "emailUser", eu.status AS "emailStatus",
      EXISTS (SELECT 1 FROM identities other WHERE other.connection_id = ${connection.id} AND other.user_id = eu.id) AS "holderHasIdentity",
      EXISTS (SELECT 1 FROM domains v WHERE v.name = ${email === null ? null : domainOf(email)} AND v.verified_at IS NOT NULL)
        AS "domainVerified",
      coalesce(${connection.justInTime}::boolean, o.just_in_time) AS "justInTime",
      coalesce(${connection.defaultRole}, o.default_role) AS "defaultRole", o.groups_from AS "groupsFrom",
      (SELECT d.fingerprint FROM directory_users d
        WHERE d.directory_id = ${connection.directoryId} AND d.source_key = ${subject} AND d.active AND d.deleted_at IS NULL) AS fingerprint
    FROM organizations o
    LEFT JOIN identities i ON i.connection_id = ${connection.id} AND i.subject = ${subject}
    LEFT JOIN users iu ON iu.id = i.user_id
    LEFT JOIN LATERAL (
      SELECT id, status FROM users WHERE email = ${email} ORDER BY status = 'deprovisioned', deprovisioned_at DESC LIMIT 1) eu ON true
    `.execute(tx.db);
  const found = rows[0];
  if (found === undefined) throw new Error('the organization of this transaction is gone');
  const { identityUser, identityStatus, emailUser, emailStatus, ...rest } = found;
  return { ...rest, identity: person(identityUser, identityStatus), holderOfEmail: person(emailUser, emailStatus) };
}

type KnownStatus = 'active' | 'suspended' | 'deprovisioned' | null;

function person(userId: string | null, status: KnownStatus) {
  return userId === null || status === null ? null : { userId, status };
}

/** @returns the new account's id; undefined where somebody has taken the address in this moment */
async function createPerson(
  deps: ProvisionDependencies,
  tx: TenantTransaction,
  connection: Connection,
  login: Login,
  email: string,
  defaultRole: string | null,
): Promise<string | undefined> {
  const { rows } = await sql<{ id: string }>`
    INSERT INTO users (organization_id, email, display_name) VALUES (${tx.organizationId}, ${email}, ${login.name})
    ON CONFLICT DO NOTHING RETURNING id`.execute(tx.db);
  const userId = rows[0]?.id;
  if (userId === undefined) return undefined;
  await record(tx, {
    action: 'user.created',
    resource: { type: 'user', id: userId },
    reason: 'first sign-in',
    detail: { email, connection: connection.slug },
  });
  if (defaultRole !== null) await giveDefaultRole(deps, tx, connection, userId, defaultRole);
  return userId;
}

/**
 * Gives a newcomer the default role where the model gives newcomers theirs. Where that is in workspaces, it is the one that the
 * connection names, else the first by slug; an organization without one gives nobody a role yet.
 */
async function giveDefaultRole(
  deps: ProvisionDependencies,
  tx: TenantTransaction,
  connection: Connection,
  userId: string,
  role: string,
): Promise<void> {
  const model = await organizationModel(deps.models, tx);
  const ref = { scopeKind: model.defaultRole?.scope ?? 'organization', role };
  const ruling = mayBeGiven(model, ref, 'jit');
  if (!ruling.allowed)
    throw new SignInRefusal('just-in-time', { reason: ruling.reason, remedy: 'Choose another default role.' });
  const workspaceId =
    ref.scopeKind === 'organization' ? null : await newcomersWorkspace(tx, connection.config.defaultWorkspace);
  if (workspaceId === undefined) return;
  const { rows } = await sql<{ id: string }>`
    INSERT INTO memberships (organization_id, user_id, scope_kind, workspace_id, role, source, granted_by, reason)
    VALUES (${tx.organizationId}, ${userId}, ${ref.scopeKind}, ${workspaceId}, ${role}, 'jit', ${connection.slug}, 'first sign-in')
    RETURNING id`.execute(tx.db);
  await record(tx, {
    action: 'membership.granted',
    resource: { type: 'user', id: userId },
    reason: 'first sign-in',
    detail: {
      membership: rows[0]?.id,
      scope: ref.scopeKind,
      scopeId: workspaceId ?? tx.organizationId,
      role,
      administrative: findRole(model, ref)?.administrative ?? false,
    },
  });
}

async function newcomersWorkspace(tx: TenantTransaction, slug: string | null): Promise<string | undefined> {
  const workspaces = tx.db.selectFrom('workspaces').select('id').orderBy('slug').limit(1);
  const found = await (slug === null ? workspaces : workspaces.where('slug', '=', slug)).executeTakeFirst();
  return found?.id;
}

async function addIdentity(
  tx: TenantTransaction,
  connection: Connection,
  { subject }: Login,
  userId: string,
  how: 'link' | 'create',
): Promise<void> {
  const added = await tx.db
    .insertInto('identities')
    .values({
      organization_id: tx.organizationId,
      connection_id: connection.id,
      subject,
      user_id: userId,
      last_sign_in_at: null,
    })
    .onConflict((conflict) => conflict.doNothing())
    .returning('user_id')
    .executeTakeFirst();
  if (added === undefined) return;
  await record(tx, {
    action: 'identity.linked',
    resource: { type: 'user', id: userId },
    reason: how === 'link' ? 'e-mail address of a verified domain' : 'first sign-in',
    detail: { connection: connection.slug },
  });
}
