/**
 * Accepting an invitation, in one of three ways: as a newcomer with a password, as a newcomer through the identity provider, as
 * somebody who has an account and is signed in. Each asks anew whether the inviter may give what they promised.
 */
import { sql } from 'kysely';
import { holdActive } from '../../access/holders.ts';
import { giveInvited, lockInvited, permitInvited } from '../../access/inviting.ts';
import type { Models } from '../../access/model-file.ts';
import { organizationModel } from '../../access/organization-model.ts';
import { record } from '../../audit/record.ts';
import { Fault } from '../../errors.ts';
import { cancelMail } from '../../mail/outbox.ts';
import type { TenantTransaction } from '../../store/tenant.ts';
import { ACCOUNT_SCOPE, HAS_ACCOUNT_ELSEWHERE, hasAccountElsewhere } from '../../tenancy/account-scope.ts';
import { domainOf } from '../attributes.ts';
import { setPassword } from '../local/password.ts';
import { consumeInvitation, endInvitation, invitationFor, invitationOf, type OpenInvitation } from './invitation.ts';
import { inviteeOf } from './invite.ts';

export interface Newcomer {
  /** Of the account to make. */
  readonly id: string;
  readonly name: string;
  /** PHC string of the password. */
  readonly phc: string;
}

/**
 * Makes an account with a password and accepts. Never for an account that is there: whoever holds the link need not be its owner.
 * @throws Fault `not-found` where the invitation is over, `conflict` where there is an account, the organization enforces SSO, or the
 * inviter may no longer give the roles
 */
export async function acceptAsNewcomer(
  models: Models,
  tx: TenantTransaction,
  token: string,
  newcomer: Newcomer,
): Promise<OpenInvitation> {
  const invitation = await invitationOf(tx, token);
  if (await isSsoEnforced(tx, invitation.email))
    throw signInInstead('The organization signs in through its identity provider.');
  if ((await inviteeOf(tx, invitation.email)) !== null) throw signInInstead('There is an account with this address.');
  await askAgain(models, tx, invitation, null);
  const { rows } = await sql`
    INSERT INTO users (organization_id, account_scope, id, email, display_name)
    VALUES (${tx.organizationId}, ${ACCOUNT_SCOPE}, ${newcomer.id}, ${invitation.email}, ${newcomer.name || invitation.name})
    ON CONFLICT DO NOTHING RETURNING id`.execute(tx.db);
  if (rows.length === 0) {
    if (await hasAccountElsewhere(tx, invitation.email)) throw new Fault('conflict', HAS_ACCOUNT_ELSEWHERE);
    throw signInInstead('There is an account with this address.');
  }
  await record(tx, {
    action: 'user.created',
    resource: { type: 'user', id: newcomer.id },
    reason: 'invitation',
    detail: { email: invitation.email, invitation: invitation.id },
  });
  await setPassword(tx, newcomer.id, newcomer.phc, 'link');
  await settle(tx, invitation, newcomer.id);
  return invitation;
}

/** Accepts as somebody who is signed in. @throws Fault `not-found` where it is not open for their address, `conflict` as above */
export async function acceptSignedIn(models: Models, tx: TenantTransaction, own: SignedInPerson): Promise<void> {
  const invitation = await invitationFor(tx, own.email);
  if (invitation === undefined) throw new Fault('not-found', 'There is no open invitation for you.');
  await askAgain(models, tx, invitation, own.userId);
  await settle(tx, invitation, own.userId);
}

export interface SignedInPerson {
  readonly userId: string;
  readonly email: string;
}

/**
 * Accepts for an account that a first sign-in has just made: the identity provider has vouched for the address.
 * @returns whether there was an invitation that still holds; one that doesn't is ended
 */
export async function acceptAtFirstSignIn(
  models: Models,
  tx: TenantTransaction,
  own: SignedInPerson,
): Promise<boolean> {
  const invitation = await invitationFor(tx, own.email);
  if (invitation === undefined) return false;
  try {
    await askAgain(models, tx, invitation, own.userId);
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    await endInvitation(tx, invitation.id, error.message);
    const resource = { type: 'invitation', id: invitation.id };
    await record(tx, { action: 'invitation.revoked', resource, reason: error.message });
    return false;
  }
  await settle(tx, invitation, own.userId);
  return true;
}

/** Whether people of an address's domain sign in through the identity provider only. */
export async function isSsoEnforced(tx: TenantTransaction, email: string): Promise<boolean> {
  const { rows } = await sql<{ enforced: boolean }>`
    SELECT o.enforce_sso AND EXISTS (SELECT 1 FROM domains d WHERE d.name = ${domainOf(email)} AND d.verified_at IS NOT NULL) AS enforced
    FROM organizations o`.execute(tx.db);
  return rows[0]?.enforced ?? false;
}

/** Places, then the inviter, then the invitation's own row: in this order, as everywhere, nobody waits in a ring. */
async function askAgain(
  models: Models,
  tx: TenantTransaction,
  { inviterId, roles }: OpenInvitation,
  userId: string | null,
): Promise<void> {
  await lockInvited(tx, roles);
  const people = [inviterId, userId].filter((id) => id !== null);
  if (people.length > 0) await holdActive(tx, ...people).catch(noLonger);
  const model = await organizationModel(models, tx);
  await permitInvited(tx, model, inviterId, roles, userId).catch(noLonger);
}

async function settle(tx: TenantTransaction, invitation: OpenInvitation, userId: string): Promise<void> {
  const { id, roles, email } = invitation;
  await consumeInvitation(tx, id, userId);
  await cancelMail(tx, [id]);
  await giveInvited(tx, userId, roles, invitation);
  await record(tx, {
    action: 'invitation.accepted',
    resource: { type: 'invitation', id },
    detail: { email, user: userId, invitedBy: invitation.invitedBy },
  });
}

function noLonger(error: unknown): never {
  if (!(error instanceof Fault)) throw error;
  throw new Fault('conflict', 'This invitation no longer holds: whoever made it may not give its roles any more.', {
    remedy: 'Ask for a new one.',
    cause: error,
  });
}

function signInInstead(why: string): Fault {
  return new Fault('conflict', why, { remedy: 'Sign in; the invitation is then waiting for you.' });
}
