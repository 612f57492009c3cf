/**
 * Lets somebody in: decides who it is, makes or links the account, keeps what the login says as facts, has the one reconcile derive
 * what follows from them, and only then starts the session. All in the transaction that consumed the login's one-time request.
 */
import { type RawBuilder, sql } from 'kysely';
import { findRole } from '../access/model.ts';
import type { Models } from '../access/model-file.ts';
import { organizationModel } from '../access/organization-model.ts';
import { mayBeGiven } from '../access/rank.ts';
import { auditing, record } from '../audit/record.ts';
import { startSession } from '../credentials/session.ts';
import { reconcilePeople } from '../directory/reconcile/people.ts';
import { takeTurn } from '../directory/reconcile/turns.ts';
import type { JobQueue } from '../jobs/queue.ts';
import { haveTombstone } from '../offboarding/tombstone.ts';
import type { Settings } from '../settings.ts';
import type { TenantTransaction } from '../store/tenant.ts';
import { ACCOUNT_SCOPE, HAS_ACCOUNT_ELSEWHERE, hasAccountElsewhere } from '../tenancy/account-scope.ts';
import type { Login } from './attributes.ts';
import type { Connection } from './connection.ts';
import { identify, type Verdict } from './identify.ts';
import { acceptAtFirstSignIn } from './invitation/accept.ts';
import { fingerprintOf, keptOf, writeFacts } from './login-facts.ts';
import { type Known, lookUp } from './look-up.ts';
import { SignInRefusal } from './refusal.ts';

export interface ProvisionDependencies {
  readonly settings: Pick<Settings, 'secrets'>;
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

const NO_LONGER_INVITED = {
  reason: 'Whoever invited this person may not give what they promised any more, and newcomers are not let in.',
  remedy: 'An administrator can invite them anew.',
};

type Admitted = Exclude<Verdict, { kind: 'refuse' }>;

/**
 * Signs a person in through a connection.
 * @param known what was known of the login when its request was taken
 * @param along what is to be kept in the statement that starts the session (`, x AS (...)`), which may refer to it as `started`
 * @throws SignInRefusal where nobody may come in so, Fault `sign-in-refused` where the person was let go in this very moment
 */
export async function signIn(
  deps: ProvisionDependencies,
  tx: TenantTransaction,
  connection: Connection,
  login: Login,
  known: Known,
  along: (userId: string) => RawBuilder<unknown>,
): Promise<SignedIn> {
  const { userId, verdict } = await admit(deps, tx, connection, login, known);
  const kept = keptOf(login, known.groupsFrom);
  const news = known.fingerprint !== fingerprintOf(kept);
  if (news) await takeTurn(tx, 'beside others');
  if (news || verdict.kind !== 'known') await holdStill(tx, userId);
  if (verdict.kind !== 'known') await addIdentity(tx, connection, login, userId, verdict.kind);
  if (news) {
    await writeFacts(tx, connection.directoryId, userId, kept);
    await reconcilePeople(deps, tx, { userIds: [userId] }, 'sign-in');
  }
  const session = await startSession(
    tx,
    { userId, connectionId: connection.id, authenticatedBy: connection.kind },
    sql`, seen AS (
      UPDATE identities SET last_sign_in_at = now() FROM started WHERE identities.connection_id = ${connection.id} AND subject = ${login.subject}
    ), succeeded AS (${auditing(
      tx,
      sql`SELECT 'sign_in.succeeded', 'user', ${userId}::text, ${HOW[verdict.kind]}::text, jsonb_build_object(
        'connection', ${connection.slug}::text, 'by', ${connection.kind}::text, 'session', started.id::text) FROM started`,
    )})${along(userId)}`,
  );
  return { token: session.token, expiresAt: session.expiresAt, userId, sessionId: session.id };
}

/** Decides, and makes the account where there is to be one. Another first login of the same person may win: then it is decided anew. */
async function admit(
  deps: ProvisionDependencies,
  tx: TenantTransaction,
  connection: Connection,
  login: Login,
  first: Known,
): Promise<{ userId: string; verdict: Admitted }> {
  for (let known = first, tries = 0; tries < 2; known = await lookUp(tx, connection, login), tries += 1) {
    const verdict = identify(login, known);
    if (verdict.kind === 'refuse') throw new SignInRefusal(verdict.check, verdict.finding);
    if (verdict.kind !== 'create') return { userId: verdict.userId, verdict };
    await refuseErased(deps, tx, connection, login, verdict.email);
    // Before the first write, or a directory's run that is making the same account and this login could wait for each other.
    await takeTurn(tx, 'beside others');
    const userId = await createPerson(deps, tx, connection, login, verdict.email, known);
    if (userId !== undefined) return { userId, verdict };
  }
  throw new Error('an account was neither found nor could be made');
}

/** Somebody who has left and of whom nothing is kept any more looks like a newcomer, and is none. */
async function refuseErased(
  { settings }: ProvisionDependencies,
  tx: TenantTransaction,
  { id: connectionId }: Connection,
  { subject }: Login,
  email: string,
): Promise<void> {
  if (!(await haveTombstone(tx, settings.secrets.sealingKeys, [{ email }, { connectionId, subject }]))) return;
  const reason = 'Whoever was known by this address or subject has left.';
  throw new SignInRefusal('person', { reason, remedy: 'Only the directory or an administrator can bring them back.' });
}

/**
 * Locks the person's row at once as firmly as anything later in this transaction will: two logins of one person wait for each other
 * instead of both holding it lightly and neither getting it firmly. A deprovisioning waits too, or has been before and is seen.
 */
async function holdStill(tx: TenantTransaction, userId: string): Promise<void> {
  await sql`SELECT FROM users WHERE id = ${userId} FOR NO KEY UPDATE`.execute(tx.db);
}

/** @returns the new account's id; undefined where somebody has taken the address in this moment */
async function createPerson(
  deps: ProvisionDependencies,
  tx: TenantTransaction,
  connection: Connection,
  login: Login,
  email: string,
  { defaultRole, invited, justInTime }: Known,
): Promise<string | undefined> {
  const { rows } = await sql<{ id: string }>`
    INSERT INTO users (organization_id, account_scope, email, display_name)
    VALUES (${tx.organizationId}, ${ACCOUNT_SCOPE}, ${email}, ${login.name}) ON CONFLICT DO NOTHING RETURNING id`.execute(
    tx.db,
  );
  const userId = rows[0]?.id;
  if (userId === undefined) {
    if (!(await hasAccountElsewhere(tx, email))) return undefined;
    throw new SignInRefusal('person', { reason: HAS_ACCOUNT_ELSEWHERE, remedy: 'Have that account ended first.' });
  }
  await record(tx, {
    action: 'user.created',
    resource: { type: 'user', id: userId },
    reason: 'first sign-in',
    detail: { email, connection: connection.slug },
  });
  if (invited && (await acceptAtFirstSignIn(deps.models, tx, { userId, email }))) return userId;
  if (!justInTime) throw new SignInRefusal('just-in-time', NO_LONGER_INVITED);
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
