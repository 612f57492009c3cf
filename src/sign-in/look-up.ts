/** What the database knows of whoever presents a login, in one row; for a SAML login in the statement that takes its request. */
import { type RawBuilder, sql } from 'kysely';
import { prepared } from '../store/prepared.ts';
import type { TenantTransaction } from '../store/tenant.ts';
import { ATTEMPT, FRESH, type Once, type Taken, taking } from './attempt.ts';
import { domainOf, type Login } from './attributes.ts';
import type { Connection } from './connection.ts';
import type { KnownFacts } from './identify.ts';
import { serves } from './served-domains.ts';

export interface Known extends KnownFacts {
  readonly defaultRole: string | null;
  readonly groupsFrom: 'any' | 'directory';
  /** Of the facts that the last login stated; null where there are none. */
  readonly fingerprint: string | null;
}

type KnownStatus = 'active' | 'suspended' | 'deprovisioned' | null;

interface Row extends Omit<Known, 'identity' | 'holderOfEmail' | 'domainServed'> {
  readonly identityUser: string | null;
  readonly identityStatus: KnownStatus;
  readonly emailUser: string | null;
  readonly emailStatus: KnownStatus;
}

/** Looks whoever it is up. */
export async function lookUp(tx: TenantTransaction, connection: Connection, login: Login): Promise<Known> {
  const { rows } = await prepared(lookingUp(connection, login)).execute(tx.db);
  return knownOf(connection, login, rows[0]);
}

/** The same, and uses up what the login may be used with only once. */
export async function takeAndLookUp(
  tx: TenantTransaction,
  connection: Connection,
  login: Login,
  once: Once,
): Promise<{ readonly known: Known; readonly taken: Taken }> {
  const { rows } = await prepared(
    sql<Row & Taken>`
      WITH ${taking(tx, connection.id, once)}
      SELECT found.*, ${FRESH} AS fresh, ${ATTEMPT} AS attempt FROM (${lookingUp(connection, login)}) AS found`,
  ).execute(tx.db);
  const [row] = rows;
  return {
    known: knownOf(connection, login, row),
    taken: { fresh: row?.fresh ?? false, attempt: row?.attempt ?? null },
  };
}

function lookingUp(connection: Connection, { subject, email }: Login): RawBuilder<Row> {
  return sql<Row>`
    SELECT iu.id AS "identityUser", iu.status AS "identityStatus", eu.id AS "emailUser", eu.status AS "emailStatus",
      EXISTS (SELECT 1 FROM identities other WHERE other.connection_id = ${connection.id} AND other.user_id = eu.id) AS "holderHasIdentity",
      EXISTS (SELECT 1 FROM domains v WHERE v.name = ${email === null ? null : domainOf(email)} AND v.verified_at IS NOT NULL)
        AS "domainVerified",
      coalesce(${connection.justInTime}::boolean, o.just_in_time) AS "justInTime",
      iu.id IS NULL AND eu.id IS NULL AND EXISTS (SELECT 1 FROM invitations n WHERE n.email = ${email} AND n.accepted_at IS NULL
        AND n.revoked_at IS NULL AND n.expires_at > now()) AS invited,
      coalesce(${connection.defaultRole}, o.default_role) AS "defaultRole", o.groups_from AS "groupsFrom",
      (SELECT d.fingerprint FROM directory_users d
        WHERE d.directory_id = ${connection.directoryId} AND d.source_key = ${subject} AND d.active AND d.deleted_at IS NULL) AS fingerprint
    FROM organizations o
    LEFT JOIN identities i ON i.connection_id = ${connection.id} AND i.subject = ${subject}
    LEFT JOIN users iu ON iu.id = i.user_id
    LEFT JOIN LATERAL (
      SELECT id, status FROM users WHERE email = ${email} ORDER BY status = 'deprovisioned', deprovisioned_at DESC LIMIT 1) eu ON true`;
}

function knownOf(connection: Connection, { email }: Login, row: Row | undefined): Known {
  if (row === undefined) throw new Error('the organization of this transaction is gone');
  const { identityUser, identityStatus, emailUser, emailStatus, ...rest } = row;
  return {
    ...rest,
    identity: person(identityUser, identityStatus),
    holderOfEmail: person(emailUser, emailStatus),
    domainServed: email !== null && serves(connection, domainOf(email)),
  };
}

function person(userId: string | null, status: KnownStatus) {
  return userId === null || status === null ? null : { userId, status };
}
