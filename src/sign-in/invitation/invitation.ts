/** Invitations as rows: what is open, what became of the others. Of the link's token only the hash is kept. */
import { type RawBuilder, sql } from 'kysely';
import { z } from 'zod';
import type { InvitedRole } from '../../access/inviting.ts';
import { hashOf } from '../../credentials/sealing.ts';
import { Fault } from '../../errors.ts';
import { isId, type TenantTransaction } from '../../store/tenant.ts';

export interface OpenInvitation {
  readonly id: string;
  readonly email: string;
  readonly name: string;
  readonly reason: string;
  readonly inviterId: string | null;
  readonly invitedBy: string;
  readonly expiresAt: Date;
  readonly roles: readonly InvitedRole[];
}

const STATES = ['open', 'expired', 'accepted', 'revoked'] as const;

/** An invitation as it is shown: never its link. */
export const shownInvitation = z.object({
  id: z.uuid(),
  email: z.string(),
  name: z.string(),
  state: z.enum(STATES),
  /** `place` is a workspace, or workspace/product; empty for the organization. */
  roles: z.array(z.object({ scope: z.string(), scopeId: z.uuid(), place: z.string(), role: z.string() })),
  reason: z.string(),
  invitedBy: z.string(),
  createdAt: z.date(),
  expiresAt: z.date(),
  acceptedAt: z.date().nullable(),
  userId: z.uuid().nullable(),
  revokedAt: z.date().nullable(),
  revokedReason: z.string().nullable(),
  /** What became of its latest mail; null where it was handed over as a link. */
  mail: z.object({ id: z.uuid(), state: z.string(), lastError: z.string().nullable() }).nullable(),
});
export type ShownInvitation = z.output<typeof shownInvitation>;

export const invitationQuery = z.object({
  state: z.enum(STATES).optional(),
  /** `next` of the page before. */
  cursor: z.uuid().optional(),
  limit: z.coerce.number().int().min(1).max(500).default(100),
});

const NOT_OVER = sql`i.accepted_at IS NULL AND i.revoked_at IS NULL`;
const OPEN = sql`${NOT_OVER} AND i.expires_at > now()`;

const PLACES = sql`
  (SELECT coalesce(jsonb_agg(jsonb_build_object('role', r.role, 'place', jsonb_build_object('kind', r.scope_kind, 'id', r.scope_id,
    'workspaceId', r.workspace_id, 'productId', r.product_id)) ORDER BY r.scope_id), '[]')
    FROM invitation_roles r WHERE r.invitation_id = i.id)`;

const SHOWN = sql`
  i.id, i.email, i.name, i.reason, i.invited_by AS "invitedBy", i.created_at AS "createdAt", i.expires_at AS "expiresAt",
  i.accepted_at AS "acceptedAt", i.user_id AS "userId", i.revoked_at AS "revokedAt", i.revoked_reason AS "revokedReason",
  CASE WHEN i.accepted_at IS NOT NULL THEN 'accepted' WHEN i.revoked_at IS NOT NULL THEN 'revoked'
    WHEN i.expires_at <= now() THEN 'expired' ELSE 'open' END AS state,
  (SELECT coalesce(jsonb_agg(jsonb_build_object('scope', r.scope_kind, 'scopeId', r.scope_id, 'place', concat_ws('/', w.slug, p.slug),
      'role', r.role) ORDER BY r.scope_kind, w.slug, p.slug), '[]')
    FROM invitation_roles r LEFT JOIN workspaces w ON w.id = r.workspace_id LEFT JOIN products p ON p.id = r.product_id
    WHERE r.invitation_id = i.id) AS roles,
  (SELECT jsonb_build_object('id', m.id, 'state', m.state, 'lastError', m.last_error) FROM mails m WHERE m.about = i.id::text
    ORDER BY m.created_at DESC LIMIT 1) AS mail`;

/** A page of invitations, by id. @param ownOf only those that this person made; null: all */
export async function listInvitations(
  tx: TenantTransaction,
  { state, cursor, limit }: z.output<typeof invitationQuery>,
  ownOf: string | null,
): Promise<{ invitations: ShownInvitation[]; next: string | null }> {
  const { rows } = await sql<ShownInvitation>`
    SELECT * FROM (SELECT ${SHOWN} FROM invitations i
      WHERE ${isOf(ownOf)}
        AND (${cursor ?? null}::uuid IS NULL OR i.id > ${cursor ?? null}::uuid)) AS shown
    WHERE ${state ?? null}::text IS NULL OR state = ${state ?? null} ORDER BY id LIMIT ${limit + 1}`.execute(tx.db);
  const invitations = rows.slice(0, limit);
  return { invitations, next: rows.length > limit ? (invitations.at(-1)?.id ?? null) : null };
}

/** One invitation, as it is shown. @param ownOf as of `listInvitations` @throws Fault `not-found` */
export async function showInvitation(
  tx: TenantTransaction,
  id: string,
  ownOf: string | null,
): Promise<ShownInvitation> {
  const { rows } = isId(id)
    ? await sql<ShownInvitation>`SELECT ${SHOWN} FROM invitations i WHERE i.id = ${id} AND ${isOf(ownOf)}`.execute(
        tx.db,
      )
    : { rows: [] };
  const [found] = rows;
  if (found === undefined) throw new Fault('not-found', 'There is no such invitation.', { where: 'path' });
  return found;
}

/** The open invitation of a link. @throws Fault `not-found` where it never was, is over or has expired: all of which look alike */
export async function invitationOf(tx: TenantTransaction, token: string): Promise<OpenInvitation> {
  const [found] = await select(tx, sql`i.token_hash = ${hashOf(token)} AND ${OPEN}`);
  return found ?? over();
}

/** The open invitation of an address, if there is one. */
export async function invitationFor(tx: TenantTransaction, email: string): Promise<OpenInvitation | undefined> {
  const [found] = await select(tx, sql`i.email = ${email} AND ${OPEN}`);
  return found;
}

/** An invitation that may have expired but is not over. @throws Fault `not-found`, `conflict` where it is over */
export async function pendingInvitation(
  tx: TenantTransaction,
  id: string,
  ownOf: string | null,
): Promise<OpenInvitation> {
  const shown = await showInvitation(tx, id, ownOf);
  const [found] = await select(tx, sql`i.id = ${id} AND ${NOT_OVER}`);
  if (found !== undefined) return found;
  throw new Fault('conflict', `This invitation is ${shown.state}.`, { remedy: 'Invite the person anew.' });
}

/** Uses an invitation up: of many who try at once, one may. @throws Fault `not-found` as `invitationOf` does */
export async function consumeInvitation(tx: TenantTransaction, id: string, userId: string): Promise<void> {
  const { rows } = await sql`
    UPDATE invitations i SET accepted_at = now(), user_id = ${userId} WHERE i.id = ${id} AND ${OPEN} RETURNING i.id`.execute(
    tx.db,
  );
  if (rows.length === 0) over();
}

/** Ends an invitation. @returns whether it was not over already */
export async function endInvitation(tx: TenantTransaction, id: string, reason: string): Promise<boolean> {
  const { rows } = await sql`
    UPDATE invitations i SET revoked_at = now(), revoked_by = ${tx.origin.actor.label}, revoked_reason = ${reason}
    WHERE i.id = ${id} AND ${NOT_OVER} RETURNING i.id`.execute(tx.db);
  return rows.length > 0;
}

function isOf(inviterId: string | null): RawBuilder<unknown> {
  return inviterId === null ? sql`true` : sql`i.inviter_id = ${inviterId}`;
}

async function select(tx: TenantTransaction, which: RawBuilder<unknown>): Promise<OpenInvitation[]> {
  const { rows } = await sql<OpenInvitation>`
    SELECT i.id, i.email, i.name, i.reason, i.inviter_id AS "inviterId", i.invited_by AS "invitedBy", i.expires_at AS "expiresAt",
      ${PLACES} AS roles
    FROM invitations i WHERE ${which}`.execute(tx.db);
  return rows;
}

function over(): never {
  throw new Fault('not-found', 'This invitation was used or withdrawn, or has expired.', {
    remedy: 'Ask whoever invited you for a new one.',
  });
}
