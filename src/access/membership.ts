/** Memberships: who holds which role where, given by whom and why. */
import { sql } from 'kysely';
import { z } from 'zod';
import { Fault } from '../errors.ts';
import type { TenantTransaction } from '../store/tenant.ts';
import { SOURCES } from './model-schema.ts';
import type { HeldMembership, Subject } from './subject.ts';

/** A person, of the alias `u`, with every membership, as one JSON value; `subjectFrom` reads it. */
export const SUBJECT = sql`
  jsonb_build_object('status', u.status, 'memberships', (
    SELECT coalesce(jsonb_agg(jsonb_build_object('scopeKind', m.scope_kind, 'scopeId', m.scope_id,
      'workspaceId', m.workspace_id, 'role', m.role, 'expiresAt', m.expires_at) ORDER BY m.id), '[]')
    FROM memberships m WHERE m.user_id = u.id))`;

/** A person as `SUBJECT` gives them: times are text. */
export interface StoredSubject {
  readonly status: Subject['status'];
  readonly memberships: readonly (Omit<HeldMembership, 'expiresAt'> & { readonly expiresAt: string | null })[];
}

/** Reads what `SUBJECT` selected. */
export function subjectFrom({ status, memberships }: StoredSubject): Subject {
  return {
    status,
    memberships: memberships.map((each) => ({
      ...each,
      expiresAt: each.expiresAt === null ? null : new Date(each.expiresAt),
    })),
  };
}

/**
 * A person with every membership, for the rules to decide on; one statement.
 * @throws Fault `not-found`
 */
export async function subjectOf(tx: TenantTransaction, userId: string): Promise<Subject> {
  const { rows } = await sql<{ subject: StoredSubject }>`
    SELECT ${SUBJECT} AS subject FROM users u WHERE u.id = ${userId}`.execute(tx.db);
  const [found] = rows;
  if (found === undefined) throw new Fault('not-found', 'There is no such person.');
  return subjectFrom(found.subject);
}

/** A membership as it is shown. */
export const shownMembership = z.object({
  id: z.uuid(),
  userId: z.uuid(),
  email: z.string(),
  scope: z.enum(['platform', 'organization', 'workspace', 'product']),
  scopeId: z.uuid(),
  /** A workspace, or workspace/product; empty for the organization. */
  place: z.string(),
  role: z.string(),
  source: z.enum(SOURCES),
  /** The mapping rule that gives it, and the run that last did. */
  rule: z.string().nullable(),
  runId: z.uuid().nullable(),
  grantedBy: z.string(),
  reason: z.string(),
  expiresAt: z.date().nullable(),
  createdAt: z.date(),
});
type ShownMembership = z.output<typeof shownMembership>;

export const membershipQuery = z.object({
  /** A person's id. */
  user: z.uuid().optional(),
  /** Id of the organization, a workspace or a product. */
  scope: z.uuid().optional(),
  /** `next` of the page before. */
  cursor: z.uuid().optional(),
  limit: z.coerce.number().int().min(1).max(1000).default(500),
});

/** A page of memberships with their source, rule and reason, by id, so that no page is shifted by what comes or goes meanwhile. */
export async function pageOfMemberships(
  tx: TenantTransaction,
  { user, scope, cursor, limit }: z.output<typeof membershipQuery>,
) {
  const { rows } = await sql<ShownMembership>`${SHOWN}
    WHERE (${user ?? null}::uuid IS NULL OR m.user_id = ${user ?? null}::uuid)
      AND (${scope ?? null}::uuid IS NULL OR m.scope_id = ${scope ?? null}::uuid)
      AND (${cursor ?? null}::uuid IS NULL OR m.id > ${cursor ?? null}::uuid)
    ORDER BY m.id LIMIT ${limit + 1}`.execute(tx.db);
  const memberships = rows.slice(0, limit);
  return { memberships, next: rows.length > limit ? (memberships.at(-1)?.id ?? null) : null };
}

/** Every membership of a person, by scope and place. */
export async function membershipsOf(tx: TenantTransaction, userId: string) {
  const { rows } = await sql<ShownMembership>`${SHOWN}
    WHERE m.user_id = ${userId} ORDER BY m.scope_kind, place, m.source`.execute(tx.db);
  return rows;
}

const SHOWN = sql`
  SELECT m.id, m.user_id AS "userId", u.email, m.scope_kind AS scope, m.scope_id AS "scopeId",
    concat_ws('/', w.slug, p.slug) AS place, m.role, m.source, r.slug AS rule, m.run_id AS "runId", m.granted_by AS "grantedBy",
    m.reason, m.expires_at AS "expiresAt", m.created_at AS "createdAt"
  FROM memberships m JOIN users u ON u.id = m.user_id
  LEFT JOIN workspaces w ON w.id = m.workspace_id LEFT JOIN products p ON p.id = m.product_id
  LEFT JOIN mapping_rules r ON r.id = m.rule_id`;

/** The e-mail addresses of those of these people who are of the organization, by id. */
export async function emailsOf(tx: TenantTransaction, ids: readonly string[]): Promise<ReadonlyMap<string, string>> {
  if (ids.length === 0) return new Map();
  const rows = await tx.db.selectFrom('users').select(['id', 'email']).where('id', 'in', ids).execute();
  return new Map(rows.map(({ id, email }) => [id, email]));
}
