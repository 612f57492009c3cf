/** Everything that questions need, in one statement: the organization's model, where they are asked, and who or what asks. */
import { sql } from 'kysely';
import { prepared } from '../store/prepared.ts';
import { isId, type TenantTransaction } from '../store/tenant.ts';
import type { ApiKey, KeyResource } from './decide-key.ts';
import { type StoredSubject, SUBJECT, subjectFrom } from './membership.ts';
import { MODEL, type StoredModel } from './organization-model.ts';
import type { Subject } from './subject.ts';

/** A subject or a resource as AuthZEN names it. */
export interface Named {
  readonly type: string;
  readonly id: string;
}

/** A subject that is known here. */
export interface KnownSubject {
  /** Its id, by whatever name it was asked for. */
  readonly id: string;
  /** Whom roles count for: the person, or the key's creator; null where nobody counts. */
  readonly person: Subject | null;
  readonly personId: string | null;
  /** The key where the subject is one. */
  readonly key: ApiKey | null;
  /** Changes with whatever it is that this subject's decisions come from. */
  readonly epoch: string;
}

export interface Facts {
  readonly model: StoredModel;
  /** What is known of each name asked for, by `nameOf`; what is missing is not known here. */
  readonly subjects: ReadonlyMap<string, KnownSubject>;
  readonly places: ReadonlyMap<string, KeyResource>;
}

/** A name as the key of a map. */
export function nameOf({ type, id }: Named): string {
  return `${type} ${id}`;
}

/** Reads the facts of questions; undefined where the organization is gone. */
export async function readFacts(
  tx: TenantTransaction,
  subjects: readonly Named[],
  resources: readonly Named[],
): Promise<Facts | undefined> {
  const wanted = { ...wantedSubjects(subjects), ...wantedPlaces(resources) };
  const { rows } = await prepared(sql<Row>`
    SELECT ${MODEL} AS model, o.slug,
      (SELECT coalesce(jsonb_agg(jsonb_build_object('workspaceId', w.id, 'workspace', w.slug, 'environment', w.environment)), '[]')
        FROM workspaces w WHERE w.id = ANY(${wanted.workspaceIds}::uuid[]) OR w.slug = ANY(${wanted.workspaces}::text[])) AS workspaces,
      (SELECT coalesce(jsonb_agg(jsonb_build_object('workspaceId', w.id, 'workspace', w.slug, 'environment', w.environment,
          'productId', p.id, 'product', p.slug, 'status', p.subscription_status, 'endsAt', p.subscription_ends_at)), '[]')
        FROM products p JOIN workspaces w ON w.id = p.workspace_id WHERE p.id = ANY(${wanted.productIds}::uuid[])
          OR (p.slug = ANY(${wanted.products}::text[]) AND w.slug = ANY(${wanted.productWorkspaces}::text[]))) AS products,
      (SELECT coalesce(jsonb_agg(jsonb_build_object('id', u.id, 'email', u.email, 'subject', ${SUBJECT},
          'epoch', md5(u.access_epoch || (${SUBJECT})::text)) ORDER BY u.deprovisioned_at DESC NULLS FIRST), '[]')
        FROM users u WHERE u.id = ANY(${wanted.userIds}::uuid[]) OR u.email = ANY(${wanted.emails}::text[])) AS people,
      (SELECT coalesce(jsonb_agg(to_jsonb(found) || jsonb_build_object('epoch', md5(found::text))), '[]') FROM (SELECT k.id, k.kind, k.workspace_id AS "workspaceId", k.product_id AS "productId",
          k.environment, k.scopes, k.expires_at AS "expiresAt", k.revoked_at AS "revokedAt", k.creator_id AS "creatorId", ${CREATOR} AS creator
        FROM api_keys k WHERE k.id = ANY(${wanted.keyIds}::uuid[])) found) AS keys
    FROM organizations o WHERE o.id = ${tx.organizationId}`).execute(tx.db);
  const [row] = rows;
  if (row === undefined) return undefined;
  return {
    model: row.model,
    subjects: known(subjects, (named) => subjectNamed(row, tx.organizationId, named)),
    places: known(resources, (named) => placeNamed(row, tx.organizationId, named)),
  };
}

/** A key's creator, unless what they made ended with their access: it doesn't count again later. */
const CREATOR = sql`
  (SELECT ${SUBJECT} FROM users u WHERE u.id = k.creator_id AND u.access_epoch = k.access_epoch)`;

interface Row {
  readonly model: StoredModel;
  readonly slug: string;
  readonly workspaces: readonly StoredWorkspace[];
  readonly products: readonly StoredProduct[];
  readonly people: readonly {
    readonly id: string;
    readonly email: string;
    readonly subject: StoredSubject;
    readonly epoch: string;
  }[];
  readonly keys: readonly StoredKey[];
}

interface StoredWorkspace {
  readonly workspaceId: string;
  readonly workspace: string;
  readonly environment: string;
}

interface StoredProduct extends StoredWorkspace {
  readonly productId: string;
  readonly product: string;
  readonly status: string;
  readonly endsAt: string | null;
}

interface StoredKey extends Omit<ApiKey, 'organizationId' | 'expiresAt' | 'revokedAt'> {
  readonly id: string;
  readonly expiresAt: string | null;
  readonly revokedAt: string | null;
  readonly creatorId: string | null;
  readonly creator: StoredSubject | null;
  readonly epoch: string;
}

function wantedSubjects(subjects: readonly Named[]) {
  const ofType = (type: string) => subjects.filter((each) => each.type === type).map(({ id }) => id);
  return {
    userIds: ofType('user').filter(isId),
    emails: ofType('user')
      .filter((id) => !isId(id))
      .map((id) => id.toLowerCase()),
    keyIds: ofType('api_key').filter(isId),
  };
}

/** Workspaces are named by id or slug, products by id or `<workspace>/<product>`. */
function wantedPlaces(resources: readonly Named[]) {
  const ofType = (type: string) => resources.filter((each) => each.type === type).map(({ id }) => id);
  const [workspaces, products] = [ofType('workspace'), ofType('product')];
  const pairs = products.filter((id) => !isId(id)).map((id) => id.split('/'));
  return {
    workspaceIds: workspaces.filter(isId),
    workspaces,
    productIds: products.filter(isId),
    productWorkspaces: pairs.map(([workspace = '']) => workspace),
    products: pairs.map(([, product = '']) => product),
  };
}

function subjectNamed({ people, keys }: Row, organizationId: string, { type, id }: Named): KnownSubject | undefined {
  const named = id.toLowerCase();
  if (type === 'user') {
    const found = people.find((each) => each.id === named || each.email === named);
    if (found === undefined) return undefined;
    return { id: found.id, person: subjectFrom(found.subject), personId: found.id, key: null, epoch: found.epoch };
  }
  const found = type === 'api_key' ? keys.find((each) => each.id === named) : undefined;
  if (found === undefined) return undefined;
  const { id: keyId, creator, creatorId, epoch, ...key } = found;
  const times = { expiresAt: timeOf(key.expiresAt), revokedAt: timeOf(key.revokedAt) };
  const person = creator && subjectFrom(creator);
  return { id: keyId, person, personId: person && creatorId, key: { ...key, ...times, organizationId }, epoch };
}

function placeNamed(
  { slug, workspaces, products }: Row,
  organizationId: string,
  { type, id }: Named,
): KeyResource | undefined {
  const uuid = id.toLowerCase();
  if (type === 'organization') {
    return id === slug || uuid === organizationId ? { organizationId, workspaceId: null, product: null } : undefined;
  }
  if (type === 'workspace') {
    const found =
      workspaces.find((each) => each.workspaceId === uuid) ?? workspaces.find((each) => each.workspace === id);
    return found && { organizationId, ...whereabouts(found), product: null };
  }
  if (type !== 'product') return undefined;
  const found = products.find((each) => each.productId === uuid || `${each.workspace}/${each.product}` === id);
  if (found === undefined) return undefined;
  const subscription = { status: found.status, endsAt: timeOf(found.endsAt) };
  return { organizationId, ...whereabouts(found), product: { id: found.productId, subscription } };
}

function whereabouts({ workspaceId, environment }: StoredWorkspace) {
  return { workspaceId, environment };
}

function known<T>(asked: readonly Named[], find: (named: Named) => T | undefined): Map<string, T> {
  const found = new Map<string, T>();
  for (const named of asked) {
    const value = find(named);
    if (value !== undefined) found.set(nameOf(named), value);
  }
  return found;
}

function timeOf(text: string | null): Date | null {
  return text === null ? null : new Date(text);
}
