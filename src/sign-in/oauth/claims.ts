/** What an app is told of a person: who, of which organization, and with which roles where. One statement, of one organization's rows. */
import { type Kysely, sql } from 'kysely';
import { permittedActions } from '../../access/decide.ts';
import { type StoredSubject, SUBJECT, subjectFrom } from '../../access/membership.ts';
import type { Models } from '../../access/model-file.ts';
import { MODEL, modelFrom, type StoredModel } from '../../access/organization-model.ts';
import { hashOf } from '../../credentials/sealing.ts';
import { locateUser } from '../../store/locate.ts';
import type { Tables } from '../../store/tables.ts';
import { inTenant } from '../../store/tenant.ts';
import { PROVIDER } from './installation.ts';

/** Which scope tells what. */
export const CLAIMS = {
  // What the platform decides by is said unasked, how the person was authenticated too.
  openid: ['sub', 'org', 'connection', 'acr', 'amr', 'auth_time'],
  email: ['email', 'email_verified'],
  profile: ['name'],
  roles: ['roles', 'workspaces', 'products'],
  permissions: ['permissions'],
} as const;

interface Place {
  readonly id: string;
  readonly slug: string;
  readonly roles: readonly string[];
}

interface PlacedProduct extends Place {
  readonly workspaceId: string;
  readonly workspace: string;
  readonly status: string;
  readonly endsAt: string | null;
}

interface Facts {
  readonly email: string;
  readonly name: string;
  readonly emailVerified: boolean;
  readonly org: { readonly id: string; readonly slug: string; readonly name: string };
  /** Through which the person came; null where they signed in here. */
  readonly connection: { readonly id: string; readonly slug: string; readonly kind: string } | null;
  readonly model: StoredModel;
  readonly subject: StoredSubject;
  readonly roles: readonly string[];
  readonly workspaces: readonly Place[];
  readonly products: readonly PlacedProduct[];
}

/** Of whom the claims are. */
export interface Whom {
  readonly userId: string;
  /** The grant that they are told under: its session says through which connection the person came. */
  readonly grantId?: string | undefined;
  /** Where the person is, if that is known already. */
  readonly organizationId?: string | undefined;
}

/** Roles that count now, of a person `u` at a scope. */
const rolesAt = (scopeId: ReturnType<typeof sql>) => sql`
  (SELECT coalesce(jsonb_agg(DISTINCT m.role), '[]') FROM memberships m WHERE m.user_id = u.id AND m.scope_id = ${scopeId}
    AND coalesce(m.expires_at > now(), true))`;

/**
 * The claims of an active person that these scopes tell of; undefined where there is none (any more).
 * `workspaces` and `products` are those in which the person holds a role of their own; what the organization's roles reach beyond them is
 * told by `permissions`, or by asking for a decision.
 */
export async function claimsOf(
  deps: { readonly store: { readonly db: Kysely<Tables> }; readonly models: Models },
  { userId, grantId = '', organizationId: known }: Whom,
  scope: string,
): Promise<({ sub: string } & Record<string, unknown>) | undefined> {
  const organizationId = known ?? (await locateUser(deps.store.db, userId));
  if (organizationId === undefined) return undefined;
  const facts = await inTenant(
    deps.store.db,
    organizationId,
    PROVIDER,
    async (tx) => {
      const { rows } = await sql<Facts>`
        SELECT u.email, u.display_name AS name, ${SUBJECT} AS subject, ${MODEL} AS model,
          EXISTS (SELECT 1 FROM domains d WHERE d.verified_at IS NOT NULL AND d.name = split_part(u.email, '@', 2)) AS "emailVerified",
          jsonb_build_object('id', o.id, 'slug', o.slug, 'name', o.name) AS org,
          (SELECT jsonb_build_object('id', c.id, 'slug', c.slug, 'kind', c.kind) FROM oauth_artifacts g JOIN sessions s ON s.id = g.session_id
            JOIN connections c ON c.id = s.connection_id WHERE g.kind = 'Grant' AND g.id_hash = ${hashOf(grantId)}) AS connection,
          ${rolesAt(sql`o.id`)} AS roles,
          (SELECT coalesce(jsonb_agg(jsonb_build_object('id', w.id, 'slug', w.slug, 'roles', ${rolesAt(sql`w.id`)}) ORDER BY w.slug), '[]')
            FROM workspaces w) AS workspaces,
          (SELECT coalesce(jsonb_agg(jsonb_build_object('id', p.id, 'slug', p.slug, 'workspaceId', w.id, 'workspace', w.slug,
              'status', p.subscription_status, 'endsAt', p.subscription_ends_at, 'roles', ${rolesAt(sql`p.id`)}) ORDER BY w.slug, p.slug), '[]')
            FROM products p JOIN workspaces w ON w.id = p.workspace_id) AS products
        FROM users u JOIN organizations o ON o.id = u.organization_id WHERE u.id = ${userId} AND u.status = 'active'`.execute(
        tx.db,
      );
      return rows[0];
    },
    'reader',
  );
  if (facts === undefined) return undefined;
  const scopes = new Set(scope.split(' '));
  const held = <P extends Place>(places: readonly P[]) => places.filter(({ roles }) => roles.length > 0);
  return {
    sub: userId,
    email: facts.email,
    email_verified: facts.emailVerified,
    name: facts.name || facts.email,
    org: facts.org,
    ...(facts.connection === null ? {} : { connection: facts.connection }),
    roles: facts.roles,
    workspaces: held(facts.workspaces).map(({ id, slug, roles }) => ({ id, slug, roles })),
    products: held(facts.products).map(({ id, slug, workspace, roles }) => ({ id, slug, workspace, roles })),
    ...(scopes.has('permissions') ? { permissions: permissionsOf(deps.models, facts) } : {}),
  };
}

/** What the person may do where; places in which they may do nothing are left out. */
function permissionsOf(models: Models, facts: Facts) {
  const model = modelFrom(models, facts.model);
  const subject = subjectFrom(facts.subject);
  const now = new Date();
  const organizationId = facts.org.id;
  const at = (workspaceId: string | null, product: PlacedProduct | null) =>
    permittedActions(
      model,
      subject,
      {
        organizationId,
        workspaceId,
        product: product && {
          id: product.id,
          subscription: { status: product.status, endsAt: product.endsAt === null ? null : new Date(product.endsAt) },
        },
      },
      now,
    );
  const workspaces = facts.workspaces.map(({ id, slug }) => ({ id, slug, may: at(id, null) }));
  const products = facts.products.map((each) => ({
    id: each.id,
    slug: each.slug,
    workspace: each.workspace,
    may: at(each.workspaceId, each),
  }));
  return {
    organization: at(null, null),
    workspaces: workspaces.filter(({ may }) => may.length > 0),
    products: products.filter(({ may }) => may.length > 0),
  };
}
