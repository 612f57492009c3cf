/**
 * The rules of `decide.ts` and `decide-key.ts` as conditions over rows, for questions about everybody or everywhere: memberships meet
 * the model's roles, and one statement says whom or what they reach.
 */
import { type RawBuilder, sql } from 'kysely';
import { Fault } from '../errors.ts';
import { isId, type TenantTransaction } from '../store/tenant.ts';
import type { KeyResource } from './decide-key.ts';
import type { Page } from './search-page.ts';
import type { Asked } from './search-rules.ts';

export interface Found {
  readonly id: string;
  /** What people call it: an e-mail, a slug, what is shown of a key. */
  readonly name: string;
}

/** The model's roles as rows: which of them give what is asked. */
const rolesOf = ({ roles }: Asked) =>
  sql`jsonb_to_recordset(${JSON.stringify(roles)}::jsonb) AS r(scope text, role text, gives boolean, "givesAssigned" boolean)`;

/** What somebody's memberships in a place and around it (`m`, with their roles `r`) amount to. */
const SUMMED = sql`
  bool_or(m.scope_kind = 'workspace') AS in_workspace, bool_or(m.scope_kind = 'product') AS in_product,
  bool_or(r.gives) AS gives, bool_or(r."givesAssigned") AS gives_assigned`;

const LIVE = sql`coalesce(m.expires_at > now(), true)`;

/** Whether what is summed up as `h` allows it: every layer, and a role that gives it. */
const allowedBy = ({ layers }: Asked) => sql`
  (h.gives OR (h.gives_assigned AND h.in_workspace))
  AND (h.in_workspace OR NOT ${layers.workspace}::boolean) AND (h.in_product OR NOT ${layers.product}::boolean)`;

/** Everybody who may, in one place. */
const allowedPeople = (asked: Asked, { organizationId, workspaceId, product }: KeyResource) => sql`
  SELECT u.id, u.email, u.access_epoch FROM users u JOIN (
    SELECT m.user_id, ${SUMMED} FROM memberships m JOIN ${rolesOf(asked)} ON r.scope = m.scope_kind AND r.role = m.role
    WHERE ${LIVE} AND m.scope_id = ANY(${[organizationId, workspaceId, product?.id].filter(Boolean)}::uuid[])
    GROUP BY m.user_id) h ON h.user_id = u.id
  WHERE u.status = 'active' AND ${allowedBy(asked)}`;

/** A page of the people who may do something in a place. */
export function peopleWhoMay(tx: TenantTransaction, asked: Asked, place: KeyResource, page: Page): Promise<Found[]> {
  return paged(tx, sql`SELECT id, email AS name FROM (${allowedPeople(asked, place)}) allowed`, page);
}

/** A page of the API keys that may do something in a place. */
export function keysThatMay(tx: TenantTransaction, asked: Asked, place: KeyResource, page: Page): Promise<Found[]> {
  const { action, keyKinds } = asked;
  const within = sql`
    coalesce(k.workspace_id = ${place.workspaceId}::uuid, k.workspace_id IS NULL)
    AND coalesce(k.product_id = ${place.product?.id ?? null}::uuid, k.product_id IS NULL)
    AND coalesce(k.environment = ${place.environment ?? null}::text, true)`;
  const found = sql`
    SELECT k.id, k.display AS name FROM api_keys k
    WHERE k.revoked_at IS NULL AND coalesce(k.expires_at > now(), true) AND ${action} = ANY(k.scopes) AND ${within}
      AND (k.kind = ANY(${keyKinds.asThemselves}::text[]) OR (k.kind = ANY(${keyKinds.asCreators}::text[])
        AND EXISTS (SELECT 1 FROM (${allowedPeople(asked, place)}) allowed
          WHERE allowed.id = k.creator_id AND allowed.access_epoch = k.access_epoch)))`;
  return paged(tx, found, page);
}

/** Where a key may be used at all. */
export interface KeyBounds {
  readonly workspaceId: string | null;
  readonly productId: string | null;
  readonly environment: string;
}

/**
 * A page of the places of a kind in which somebody may do something.
 * @param personId whose roles count; null for a key that acts as itself, which needs none
 */
export function placesWhere(
  tx: TenantTransaction,
  asked: Asked,
  kind: 'workspace' | 'product',
  { personId, bounds }: { readonly personId: string | null; readonly bounds: KeyBounds | null },
  page: Page,
): Promise<Found[]> {
  const found = sql`
    SELECT p.id, p.name FROM (${PLACES[kind]}) p
    WHERE (p.subscribed OR NOT ${asked.layers.subscription}::boolean) AND ${withinBounds(bounds)}
      AND ${personId === null ? sql`true` : sql`EXISTS (SELECT 1 FROM (${heldAt(tx, asked, personId)}) h WHERE ${allowedBy(asked)})`}`;
  return paged(tx, found, page);
}

const PLACES = {
  workspace: sql`
    SELECT w.id, w.slug AS name, w.id AS workspace_id, NULL::uuid AS product_id, w.environment, true AS subscribed FROM workspaces w`,
  product: sql`
    SELECT p.id, w.slug || '/' || p.slug AS name, w.id AS workspace_id, p.id AS product_id, w.environment,
      p.subscription_status = 'active' AND coalesce(p.subscription_ends_at > now(), true) AS subscribed
    FROM products p JOIN workspaces w ON w.id = p.workspace_id`,
};

/** What one active person's memberships amount to in the place `p`. */
function heldAt({ organizationId }: TenantTransaction, asked: Asked, personId: string): RawBuilder<unknown> {
  return sql`
    SELECT ${SUMMED} FROM memberships m JOIN ${rolesOf(asked)} ON r.scope = m.scope_kind AND r.role = m.role
    JOIN users u ON u.id = m.user_id AND u.status = 'active'
    WHERE m.user_id = ${personId} AND ${LIVE} AND m.scope_id IN (${organizationId}::uuid, p.workspace_id, p.product_id)`;
}

function withinBounds(bounds: KeyBounds | null): RawBuilder<unknown> {
  if (bounds === null) return sql`true`;
  return sql`p.environment = ${bounds.environment}
    AND ${bounds.workspaceId === null ? sql`true` : sql`p.workspace_id = ${bounds.workspaceId}`}
    AND ${bounds.productId === null ? sql`true` : sql`coalesce(p.product_id = ${bounds.productId}, false)`}`;
}

/** One more than the page holds, to see whether there is another. */
async function paged({ db }: TenantTransaction, found: RawBuilder<unknown>, { after, limit }: Page): Promise<Found[]> {
  if (after !== '' && !isId(after)) throw new Fault('invalid-input', 'This is not a token of a page.');
  const further = after === '' ? sql`true` : sql`id > ${after}::uuid`;
  const { rows } = await sql<Found>`
    SELECT id, name FROM (${found}) found WHERE ${further} ORDER BY id LIMIT ${limit + 1}`.execute(db);
  return rows;
}
