/** An organization with a verified domain and connections to real demo identity providers, and what it holds, counted. */
import assert from 'node:assert/strict';
import { sql } from 'kysely';
import { inTenant } from '../../src/store/tenant.ts';
import { ACCOUNT_SCOPE } from '../../src/tenancy/account-scope.ts';
import { TEST_ORIGIN } from '../harness/database.ts';
import type { TestServer } from '../harness/server.ts';

export interface Arranged {
  readonly id: string;
  readonly slug: string;
}

/** Makes an organization by the API; its domain is vouched for by the operator. */
export async function organization(
  server: TestServer,
  slug: string,
  settings: Record<string, unknown> = {},
  domains: readonly string[] = [`${slug}.test`],
): Promise<Arranged> {
  const defaults = { model: 'fastn', defaultRole: 'viewer', justInTime: true };
  const made = await server.api('post', '/organizations').send({ slug, ...defaults, ...settings });
  assert.equal(made.status, 201, made.text);
  for (const name of domains) {
    const claimed = await server.api('put', `/organizations/${slug}/domains/${name}`).send({ verified: true });
    assert.ok(claimed.status < 300, claimed.text);
  }
  return { id: made.body.id, slug };
}

/** Puts a connection by the API; gives what the API shows of it. */
export async function connection(server: TestServer, { slug }: Arranged, name: string, input: Record<string, unknown>) {
  const put = await server.api('put', `/organizations/${slug}/connections/${name}`).send(input);
  assert.equal(put.status, 200, put.text);
  return put.body as {
    id: string;
    action: string;
    config: Record<string, unknown>;
    serviceProvider: {
      entityId: string;
      acsUrl: string;
      loginUrl: string;
      logoutUrl: string;
      tokenRevocationUri: string;
    };
    ownCertificates: { fingerprint: string; certificate: string; signsFrom: string; retiresAt: string | null }[];
    certificates: { fingerprint: string; notAfter: string; daysLeft: number }[];
    metadata: {
      url: string;
      readAt: string;
      nextAt: string;
      failure: string | null;
      waiting: { entityId: string } | null;
    } | null;
    relyingParty: {
      loginUrl: string;
      redirectUri: string;
      jwksUri: string;
      postLogoutRedirectUri: string;
      backchannelLogoutUri: string;
      tokenRevocationUri: string;
    };
  };
}

/** Does something in the organization directly. */
export function within<T>(
  { store }: TestServer['deps'],
  { id }: Arranged,
  statement: ReturnType<typeof sql<T>>,
): Promise<T[]> {
  return inTenant(store.db, id, TEST_ORIGIN, async (tx) => (await statement.execute(tx.db)).rows);
}

/** Adds a person as an administrator would have. */
export async function person(
  server: TestServer,
  where: Arranged,
  email: string,
  role = 'admin',
  status = 'active',
): Promise<string> {
  const [added] = await within<{ id: string }>(
    server.deps,
    where,
    sql`INSERT INTO users (organization_id, account_scope, email, display_name, status)
      VALUES (${where.id}, ${ACCOUNT_SCOPE}, ${email}, ${email}, ${status}) RETURNING id`,
  );
  await within(
    server.deps,
    where,
    sql`INSERT INTO memberships (organization_id, user_id, scope_kind, role, source, granted_by)
      VALUES (${where.id}, ${added!.id}, 'organization', ${role}, 'manual', 'test')`,
  );
  return added!.id;
}

export interface Memberships {
  readonly email: string;
  readonly role: string;
  readonly source: string;
  readonly scope: string;
}

export function membershipsOf(server: TestServer, where: Arranged, email: string): Promise<Memberships[]> {
  return within<Memberships>(
    server.deps,
    where,
    sql`SELECT u.email, m.role, m.source, m.scope_kind AS scope FROM memberships m JOIN users u ON u.id = m.user_id
      WHERE u.email = ${email} ORDER BY m.source`,
  );
}

/** All that a refused sign-in must leave as it was. */
export async function holdings(server: TestServer, where: Arranged): Promise<Record<string, number>> {
  const [counted] = await within<Record<string, number>>(
    server.deps,
    where,
    sql`SELECT (SELECT count(*) FROM users) AS users, (SELECT count(*) FROM memberships) AS memberships,
      (SELECT count(*) FROM sessions) AS sessions, (SELECT count(*) FROM identities) AS identities,
      (SELECT count(*) FROM directory_users) AS facts, (SELECT count(*) FROM directory_groups) AS groups`,
  );
  return counted!;
}

export interface Event {
  readonly action: string;
  readonly outcome: string;
  readonly reason: string;
  readonly detail: Record<string, unknown>;
}

/** The organization's latest audit event of an action. */
export async function lastEvent(server: TestServer, where: Arranged, action: string): Promise<Event | undefined> {
  const [event] = await within<Event>(
    server.deps,
    where,
    sql`SELECT action, outcome, reason, detail FROM audit_events WHERE action = ${action} ORDER BY id DESC LIMIT 1`,
  );
  return event;
}
