/** What the SCIM tests have in common: an organization with a SCIM directory, and an identity provider that speaks to it. */
import { randomBytes } from 'node:crypto';
import { sql } from 'kysely';
import type supertest from 'supertest';
import { inTenant, type TenantTransaction } from '../../../src/store/tenant.ts';
import { TEST_ORIGIN } from '../../harness/database.ts';
import type { TestServer } from '../../harness/server.ts';

type Method = 'get' | 'post' | 'put' | 'patch' | 'delete';

/** An identity provider with its token for one directory. */
export interface Provider {
  readonly organizationId: string;
  readonly organization: string;
  readonly workspaceId: string;
  readonly directoryId: string;
  readonly token: string;
  readonly tokenId: string;
  /** Calls its directory; bodies go out as SCIM. */
  scim(method: Method, path: string, body?: unknown): supertest.Test;
  /** Looks into its organization's rows. */
  inside<T>(work: (tx: TenantTransaction) => Promise<T>): Promise<T>;
}

export const USER = 'urn:ietf:params:scim:schemas:core:2.0:User';
export const ENTERPRISE = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';
export const GROUP = 'urn:ietf:params:scim:schemas:core:2.0:Group';
export const PATCH = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';

/** Makes an organization (model atomyx) with the workspace `main` and a SCIM directory, all through the administration API. */
export async function arrangeProvider(
  server: TestServer,
  name = `org-${randomBytes(4).toString('hex')}`,
): Promise<Provider> {
  const made = await server.api('post', '/organizations').send({ slug: name, name, model: 'atomyx' }).expect(201);
  const workspace = await server.api('put', `/organizations/${name}/workspaces/main`).send({ name: 'Main' });
  if (workspace.status >= 300) throw new Error(workspace.text);
  return arrangeDirectory(
    server,
    { organization: name, organizationId: made.body.id, workspaceId: workspace.body.id },
    'idp',
  );
}

/** A further directory of an organization, with a token of its own. */
export async function arrangeDirectory(
  server: TestServer,
  of: Pick<Provider, 'organization' | 'organizationId' | 'workspaceId'>,
  slug: string,
): Promise<Provider> {
  const base = `/organizations/${of.organization}/directories/${slug}`;
  const directory = await server.api('put', base).send({ kind: 'scim' });
  if (directory.status >= 300) throw new Error(directory.text);
  const issued = await server.api('post', `${base}/tokens`).send({}).expect(201);
  const directoryId: string = directory.body.id;
  const token: string = issued.body.token;
  return {
    ...of,
    directoryId,
    token,
    tokenId: issued.body.id,
    scim: (method, path, body) => callScim(server, directoryId, token, method, path, body),
    inside: (work) => inTenant(server.deps.store.db, of.organizationId, TEST_ORIGIN, work),
  };
}

/** One SCIM request with any token. */
export function callScim(
  server: TestServer,
  directoryId: string,
  token: string | undefined,
  method: Method,
  path: string,
  body?: unknown,
): supertest.Test {
  const request = server.http[method](`/scim/v2/${directoryId}${path}`);
  if (token !== undefined) request.set('Authorization', `Bearer ${token}`);
  if (body === undefined) return request;
  return request
    .set('Content-Type', 'application/scim+json')
    .send(typeof body === 'string' ? body : JSON.stringify(body));
}

/** Records of people who have no account yet, as many as are wanted, made at different times. */
export async function arrangeRecords(provider: Provider, count: number): Promise<void> {
  await provider.inside(({ db, organizationId }) =>
    sql`INSERT INTO directory_users (organization_id, directory_id, source_key, user_name, display_name, active, attributes, created_at)
      SELECT ${organizationId}::uuid, ${provider.directoryId}::uuid, 'user' || i, 'user' || i, 'User ' || i, true,
        jsonb_build_object('userName', 'user' || i, 'active', true), now() - (${count}::int - i) * interval '1 second'
      FROM generate_series(1, ${count}::int) i`.execute(db),
  );
}

/** A PATCH body. */
export function patchOf(...Operations: unknown[]) {
  return { schemas: [PATCH], Operations };
}

/** A rule that gives whoever is in a group a role in the workspace. */
export async function mapGroup(provider: Provider, group: string, role: string): Promise<void> {
  await provider.inside(({ db, organizationId }) =>
    db
      .insertInto('mapping_rules')
      .values({
        organization_id: organizationId,
        slug: `${group}-${role}`.toLowerCase().replaceAll(' ', '-'),
        directory_id: null,
        group_name: group,
        condition: null,
        scope_kind: 'workspace',
        workspace_id: provider.workspaceId,
        product_id: null,
        role,
      })
      .execute(),
  );
}

/** An account by e-mail address, with what it may do and whether it has open sessions. */
export async function accountOf(provider: Provider, email: string) {
  return provider.inside(async ({ db }) => {
    const user = await db.selectFrom('users').selectAll().where('email', '=', email).executeTakeFirst();
    if (user === undefined) return undefined;
    const memberships = await db
      .selectFrom('memberships')
      .select(['role', 'source'])
      .where('user_id', '=', user.id)
      .orderBy('role')
      .execute();
    const sessions = await db
      .selectFrom('sessions')
      .select('id')
      .where('user_id', '=', user.id)
      .where('ended_at', 'is', null)
      .execute();
    return {
      id: user.id,
      status: user.status,
      displayName: user.display_name,
      roles: memberships.map((each) => each.role),
      sessions: sessions.length,
    };
  });
}

/** Gives an account an open session. */
export async function openSession(provider: Provider, userId: string): Promise<void> {
  await provider.inside(({ db, organizationId }) =>
    db
      .insertInto('sessions')
      .values({
        organization_id: organizationId,
        token_hash: randomBytes(32),
        user_id: userId,
        access_epoch: 1,
        connection_id: null,
        authenticated_by: 'test',
        expires_at: new Date(Date.now() + 3_600_000),
        ended_at: null,
        ended_reason: null,
      })
      .execute(),
  );
}

/** The actions that the audit holds of one resource, in order. */
export async function auditOf(provider: Provider, resourceId: string): Promise<string[]> {
  const rows = await provider.inside(({ db }) =>
    db
      .selectFrom('audit_events')
      .select(['action', 'outcome'])
      .where('resource_id', '=', resourceId)
      .orderBy('id')
      .execute(),
  );
  return rows.map((row) => (row.outcome === 'success' ? row.action : `${row.action} ${row.outcome}`));
}
