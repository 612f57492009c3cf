/**
 * Decisions for the platform, by OpenID AuthZEN Authorization API 1.0: may this subject do this to that? Answered from memberships as
 * they stand at this moment; whatever is not known is a no (offboarding, Decisions).
 */
import { sql } from 'kysely';
import { z } from 'zod';
import { isId, type TenantTransaction } from '../store/tenant.ts';
import { type Decision, decide, refuse } from './decide.ts';
import { type ApiKey, decideKey } from './decide-key.ts';
import { subjectOf } from './membership.ts';
import type { AccessModel } from './model.ts';
import type { Resource } from './subject.ts';

const properties = z.record(z.string(), z.unknown()).optional();

export const evaluationRequest = z.object({
  subject: z.object({ type: z.string().min(1), id: z.string().min(1), properties }),
  action: z.object({ name: z.string().min(1), properties }),
  resource: z.object({ type: z.string().min(1), id: z.string().min(1), properties }),
  context: z.record(z.string(), z.unknown()).optional(),
});
export type EvaluationRequest = z.output<typeof evaluationRequest>;

type Place = Resource & { readonly environment?: string };

/** Answers one question of the transaction's organization. */
export async function evaluate(tx: TenantTransaction, model: AccessModel, asked: EvaluationRequest): Promise<Decision> {
  const resource = await resourceOf(tx, asked.resource.type, asked.resource.id);
  if (resource === undefined)
    return refuse('account', `There is no ${asked.resource.type} "${asked.resource.id}" here.`);
  const now = new Date();
  if (asked.subject.type === 'user') return ofUser(tx, model, asked, resource, now);
  if (asked.subject.type === 'api_key') return ofKey(tx, model, asked, resource, now);
  return refuse('account', `Subjects are of type "user" or "api_key", not "${asked.subject.type}".`);
}

async function ofUser(
  tx: TenantTransaction,
  model: AccessModel,
  asked: EvaluationRequest,
  resource: Place,
  now: Date,
): Promise<Decision> {
  const which = isId(asked.subject.id) ? sql`id = ${asked.subject.id}` : sql`email = ${asked.subject.id.toLowerCase()}`;
  const { rows } = await sql<{
    id: string;
  }>`SELECT id FROM users WHERE ${which} ORDER BY deprovisioned_at DESC NULLS FIRST LIMIT 1`.execute(tx.db);
  const [user] = rows;
  if (user === undefined) return refuse('account', 'This person is not known here.');
  return decide(model, await subjectOf(tx, user.id), asked.action.name, resource, now);
}

async function ofKey(
  tx: TenantTransaction,
  model: AccessModel,
  asked: EvaluationRequest,
  resource: Place,
  now: Date,
): Promise<Decision> {
  const row = isId(asked.subject.id)
    ? await tx.db
        .selectFrom('api_keys as k')
        .leftJoin('users as u', (join) =>
          join.onRef('u.id', '=', 'k.creator_id').onRef('u.access_epoch', '=', 'k.access_epoch'),
        )
        .selectAll('k')
        .select('u.id as living_creator')
        .where('k.id', '=', asked.subject.id)
        .executeTakeFirst()
    : undefined;
  if (row === undefined) return refuse('account', 'This API key is not known here.');
  const key: ApiKey = {
    kind: row.kind,
    organizationId: row.organization_id,
    workspaceId: row.workspace_id,
    productId: row.product_id,
    environment: row.environment,
    scopes: row.scopes,
    expiresAt: row.expires_at,
    revokedAt: row.revoked_at,
  };
  // What was made before its creator's access ended doesn't count again when that person is back.
  const creator = row.living_creator === null ? null : await subjectOf(tx, row.living_creator);
  return decideKey(model, key, creator, asked.action.name, resource, now);
}

/** Resources are named by id; workspaces by slug too, products by `<workspace>/<product>`, organizations by their own slug. */
async function resourceOf(tx: TenantTransaction, type: string, id: string): Promise<Place | undefined> {
  const { organizationId } = tx;
  if (type === 'organization') {
    const { rows } = await sql`SELECT 1 FROM organizations WHERE id::text = ${id} OR slug = ${id}`.execute(tx.db);
    return rows.length === 0 ? undefined : { organizationId, workspaceId: null, product: null };
  }
  if (type === 'workspace') {
    const { rows } = await sql<{ id: string; environment: string }>`
      SELECT id, environment FROM workspaces WHERE id::text = ${id} OR slug = ${id}`.execute(tx.db);
    const [found] = rows;
    return found && { organizationId, workspaceId: found.id, product: null, environment: found.environment };
  }
  if (type !== 'product') return undefined;
  const { rows } = await sql<{
    id: string;
    workspaceId: string;
    environment: string;
    status: string;
    endsAt: Date | null;
  }>`
    SELECT p.id, w.id AS "workspaceId", w.environment, p.subscription_status AS status, p.subscription_ends_at AS "endsAt"
    FROM products p JOIN workspaces w ON w.id = p.workspace_id
    WHERE p.id::text = ${id} OR w.slug || '/' || p.slug = ${id}`.execute(tx.db);
  const [found] = rows;
  if (found === undefined) return undefined;
  const { environment, workspaceId } = found;
  return {
    organizationId,
    workspaceId,
    environment,
    product: { id: found.id, subscription: { status: found.status, endsAt: found.endsAt } },
  };
}
