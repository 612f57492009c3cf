/** Who loses and gains what by a change of a role. */
import { sql } from 'kysely';
import { z } from 'zod';
import type { TenantTransaction } from '../store/tenant.ts';
import { permittedActions } from './decide.ts';
import { type StoredSubject, SUBJECT, subjectFrom } from './membership.ts';
import type { AccessModel } from './model.ts';
import { type Place, resourceAt } from './scope.ts';

/** What a change of a role means to whoever holds it. */
export const roleEffect = z.object({
  holders: z.number(),
  /** Of two hundred holders at most. */
  people: z.array(
    z.object({
      userId: z.uuid(),
      email: z.string(),
      place: z.string(),
      loses: z.array(z.string()),
      gains: z.array(z.string()),
    }),
  ),
});
export type RoleEffect = z.output<typeof roleEffect>;
const SHOWN_HOLDERS = 200;

/** What it means to the holders of an organization's own role that the model changes. */
export async function effectOn(
  tx: TenantTransaction,
  before: AccessModel,
  after: AccessModel,
  role: string,
): Promise<RoleEffect> {
  const { rows } = await sql<{
    userId: string;
    email: string;
    place: string;
    at: Pick<Place, 'workspaceId' | 'productId'>;
    subject: StoredSubject;
    holders: number;
  }>`
    SELECT u.id AS "userId", u.email, concat_ws('/', w.slug, p.slug) AS place, count(*) OVER ()::int AS holders,
      jsonb_build_object('workspaceId', m.workspace_id, 'productId', m.product_id) AS at, ${SUBJECT} AS subject
    FROM memberships m JOIN users u ON u.id = m.user_id
    LEFT JOIN workspaces w ON w.id = m.workspace_id LEFT JOIN products p ON p.id = m.product_id
    WHERE m.role = ${role} AND m.scope_kind = ${before.customRoles?.scope ?? ''} ORDER BY u.email, place LIMIT ${SHOWN_HOLDERS}`.execute(
    tx.db,
  );
  const now = new Date();
  const people = rows.map(({ userId, email, place, at, subject }) => {
    const may = (model: AccessModel) =>
      permittedActions(model, subjectFrom(subject), resourceAt(tx.organizationId, at), now);
    const [had, has] = [may(before), may(after)];
    return { userId, email, place, loses: without(had, has), gains: without(has, had) };
  });
  return { holders: rows[0]?.holders ?? 0, people };
}

/** What the first list has and the second has not, in its order. */
export function without(all: readonly string[], but: readonly string[]): string[] {
  const left = new Set(but);
  return all.filter((each) => !left.has(each));
}
