/** Everything that one decision needs, in one statement: the organization's model, where it is asked, and who or what asks. */
import { type RawBuilder, sql } from 'kysely';
import { isId, type TenantTransaction } from '../store/tenant.ts';
import type { ApiKey, KeyResource } from './decide-key.ts';
import { type StoredSubject, SUBJECT, subjectFrom } from './membership.ts';
import type { Subject } from './subject.ts';

/** A subject or a resource as AuthZEN names it. */
export interface Named {
  readonly type: string;
  readonly id: string;
}

export interface EvaluationFacts {
  readonly modelName: string;
  /** Undefined where there is no such thing here. */
  readonly resource: KeyResource | undefined;
  /** Whom roles count for: the person, or the key's creator; null where nobody is known. */
  readonly person: Subject | null;
  /** The key where the subject is one that is known. */
  readonly key: ApiKey | null;
}

interface Row {
  readonly model: string;
  readonly resource: {
    readonly workspaceId: string | null;
    readonly environment?: string;
    readonly product: { readonly id: string; readonly status: string; readonly endsAt: string | null } | null;
  } | null;
  readonly person: StoredSubject | null;
  readonly key: (Omit<ApiKey, 'expiresAt' | 'revokedAt'> & Stored<'expiresAt' | 'revokedAt'>) | null;
}

type Stored<K extends string> = { readonly [name in K]: string | null };

/** Reads the facts of one question; undefined where the organization is gone. */
export async function evaluationFacts(
  tx: TenantTransaction,
  subject: Named,
  resource: Named,
): Promise<EvaluationFacts | undefined> {
  const { organizationId } = tx;
  const { rows } = await sql<Row>`
    SELECT o.model, (${resourceNamed(resource)}) AS resource, (${personNamed(subject)}) AS person, (${keyNamed(subject)}) AS key
    FROM organizations o WHERE o.id = ${organizationId}`.execute(tx.db);
  const [row] = rows;
  if (row === undefined) return undefined;
  const { key, person } = row;
  return {
    modelName: row.model,
    resource: row.resource === null ? undefined : placeFrom(organizationId, row.resource),
    person: person && subjectFrom(person),
    key: key && { ...key, expiresAt: timeOf(key.expiresAt), revokedAt: timeOf(key.revokedAt) },
  };
}

/** Resources are named by id; workspaces by slug too, products by `<workspace>/<product>`, organizations by their own slug. */
function resourceNamed({ type, id }: Named): RawBuilder<unknown> {
  switch (type) {
    case 'organization':
      return sql`SELECT jsonb_build_object('workspaceId', NULL, 'product', NULL) WHERE ${isNamed('o', 'slug', id)}`;
    case 'workspace':
      return sql`
        SELECT jsonb_build_object('workspaceId', w.id, 'environment', w.environment, 'product', NULL)
        FROM workspaces w WHERE ${isNamed('w', 'slug', id)} ORDER BY w.slug = ${id} LIMIT 1`;
    case 'product':
      return sql`
        SELECT jsonb_build_object('workspaceId', w.id, 'environment', w.environment, 'product', jsonb_build_object(
          'id', p.id, 'status', p.subscription_status, 'endsAt', p.subscription_ends_at))
        FROM products p JOIN workspaces w ON w.id = p.workspace_id WHERE ${productNamed(id)} LIMIT 1`;
    default:
      return sql`SELECT NULL::jsonb`;
  }
}

function isNamed(alias: string, column: string, id: string): RawBuilder<unknown> {
  const named = sql`${sql.ref(`${alias}.${column}`)} = ${id}`;
  return isId(id) ? sql`(${sql.ref(`${alias}.id`)} = ${id} OR ${named})` : named;
}

function productNamed(id: string): RawBuilder<unknown> {
  if (isId(id)) return sql`p.id = ${id}`;
  const [workspace = '', product = '', ...more] = id.split('/');
  return more.length > 0 ? sql`false` : sql`w.slug = ${workspace} AND p.slug = ${product}`;
}

/** A person by id or e-mail; a key's creator unless what they made ended with their access, for it doesn't count again later. */
function personNamed({ type, id }: Named): RawBuilder<unknown> {
  if (type === 'user') {
    const which = isId(id) ? sql`u.id = ${id}` : sql`u.email = ${id.toLowerCase()}`;
    return sql`SELECT ${SUBJECT} FROM users u WHERE ${which} ORDER BY u.deprovisioned_at DESC NULLS FIRST LIMIT 1`;
  }
  if (type !== 'api_key' || !isId(id)) return sql`SELECT NULL::jsonb`;
  return sql`
    SELECT ${SUBJECT} FROM api_keys k JOIN users u ON u.id = k.creator_id AND u.access_epoch = k.access_epoch
    WHERE k.id = ${id}`;
}

function keyNamed({ type, id }: Named): RawBuilder<unknown> {
  if (type !== 'api_key' || !isId(id)) return sql`SELECT NULL::jsonb`;
  return sql`
    SELECT jsonb_build_object('kind', k.kind, 'organizationId', k.organization_id, 'workspaceId', k.workspace_id,
      'productId', k.product_id, 'environment', k.environment, 'scopes', k.scopes, 'expiresAt', k.expires_at,
      'revokedAt', k.revoked_at)
    FROM api_keys k WHERE k.id = ${id}`;
}

function placeFrom(
  organizationId: string,
  { workspaceId, environment, product }: NonNullable<Row['resource']>,
): KeyResource {
  return {
    organizationId,
    workspaceId,
    ...(environment === undefined ? {} : { environment }),
    product: product && { id: product.id, subscription: { status: product.status, endsAt: timeOf(product.endsAt) } },
  };
}

function timeOf(text: string | null): Date | null {
  return text === null ? null : new Date(text);
}
