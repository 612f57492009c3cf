/** Finds the organization behind an id or the hash of a presented secret, before any tenant is known. Gives ids only. */
import { type Kysely, type RawBuilder, sql } from 'kysely';
import { prepared } from './prepared.ts';
import type { Tables } from './tables.ts';
import { isId } from './tenant.ts';

type Db = Kysely<Tables>;

async function one(db: Db, question: RawBuilder<unknown>): Promise<string | undefined> {
  const { rows } = await sql<{ id: string | null }>`SELECT ${question} AS id`.execute(db);
  return rows[0]?.id ?? undefined;
}

/** With the version that the connection has now. */
export async function locateConnection(
  db: Db,
  id: string,
): Promise<{ readonly organizationId: string; readonly version: number } | undefined> {
  if (!isId(id)) return undefined;
  const { rows } = await prepared(
    sql<{ organizationId: string; version: number }>`
      SELECT organization_id AS "organizationId", version FROM locate_connection(${id})`,
  ).execute(db);
  return rows[0];
}

export const locateDirectory = async (db: Db, id: string) =>
  isId(id) ? one(db, sql`locate_directory(${id})`) : undefined;

export const locateSession = (db: Db, tokenHash: Buffer) => one(db, sql`locate_session(${tokenHash})`);

export const locateGrant = (db: Db, tokenHash: Buffer) => one(db, sql`locate_grant(${tokenHash})`);

export const locateApiKey = (db: Db, keyHash: Buffer) => one(db, sql`locate_api_key(${keyHash})`);

export const locateSetUpLink = (db: Db, tokenHash: Buffer) => one(db, sql`locate_set_up_link(${tokenHash})`);

export const locatePasswordLink = (db: Db, tokenHash: Buffer) => one(db, sql`locate_password_link(${tokenHash})`);

export const locateInvitation = (db: Db, tokenHash: Buffer) => one(db, sql`locate_invitation(${tokenHash})`);

export const locateHalfSignIn = (db: Db, tokenHash: Buffer) => one(db, sql`locate_half_sign_in(${tokenHash})`);

/** Of a grant, code or token that an app was given. */
export const locateOauthArtifact = (db: Db, kind: string, idHash: Buffer) =>
  one(db, sql`locate_oauth_artifact(${kind}, ${idHash})`);

export const locateUser = async (db: Db, id: string) => (isId(id) ? one(db, sql`locate_user(${id})`) : undefined);

/** By slug or id. */
export const locateOrganization = (db: Db, slugOrId: string) => one(db, sql`locate_organization(${slugOrId})`);

/** The organization that has proven to own an e-mail domain. */
export const locateDomain = (db: Db, name: string) => one(db, sql`locate_domain(${name.toLowerCase()})`);

/** Domains whose proof is due to be looked up again. */
export async function dueDomains(db: Db): Promise<{ organizationId: string; name: string }[]> {
  const { rows } = await sql<{ organizationId: string; name: string }>`
    SELECT organization_id AS "organizationId", name FROM locate_due_domains()`.execute(db);
  return rows;
}

/** Every organization's id, for the clock's work. */
export async function locateOrganizations(db: Db): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`SELECT locate_organizations() AS id`.execute(db);
  return rows.map((row) => row.id);
}

/** Organizations in which a review is to be ended, or its reviewers reminded. */
export async function dueReviews(db: Db): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`SELECT locate_due_reviews() AS id`.execute(db);
  return rows.map((row) => row.id);
}

/** Organizations in which a mail is due to be sent. */
export async function dueMails(db: Db): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`SELECT locate_due_mails() AS id`.execute(db);
  return rows.map((row) => row.id);
}

/** Connections whose identity provider's metadata is due to be read again. */
export async function dueSamlMetadata(db: Db): Promise<{ organizationId: string; connectionId: string }[]> {
  const { rows } = await sql<{ organizationId: string; connectionId: string }>`
    SELECT organization_id AS "organizationId", connection_id AS "connectionId" FROM locate_due_saml_metadata()`.execute(
    db,
  );
  return rows;
}

/** Organizations for which an alarm about a certificate is due. */
export async function endingSamlCertificates(db: Db): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`SELECT locate_ending_saml_certificates() AS id`.execute(db);
  return rows.map((row) => row.id);
}

/** Organizations (and the installation) with audit events that wait to be sealed, and since when the first of them does. */
export async function unsealedOrganizations(
  db: Db,
): Promise<{ readonly organizationId: string; readonly since: Date }[]> {
  const { rows } = await sql<{ organizationId: string; since: Date }>`
    SELECT organization_id AS "organizationId", since FROM locate_unsealed()`.execute(db);
  return rows;
}

/** Streams of audit events that are on. */
export async function locateAuditStreams(db: Db): Promise<{ readonly organizationId: string; readonly id: string }[]> {
  const { rows } = await sql<{ organizationId: string; id: string }>`
    SELECT organization_id AS "organizationId", id FROM locate_audit_streams()`.execute(db);
  return rows;
}

/** Organizations with something to tell an endpoint or a stream of signals, or perhaps so. */
export async function dueSignals(db: Db): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`SELECT locate_due_signals() AS id`.execute(db);
  return rows.map((row) => row.id);
}

export const locateSsfReceiver = async (db: Db, id: string) =>
  isId(id) ? one(db, sql`locate_ssf_receiver(${id})`) : undefined;

/** Receivers whose transmitter is due to be asked for signals. */
export async function dueSsfReceivers(db: Db): Promise<{ readonly organizationId: string; readonly id: string }[]> {
  const { rows } = await sql<{ organizationId: string; id: string }>`
    SELECT organization_id AS "organizationId", id FROM locate_due_ssf_receivers()`.execute(db);
  return rows;
}
