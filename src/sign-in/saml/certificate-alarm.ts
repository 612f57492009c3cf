/** Alarms before a certificate ends that signs what an identity provider says: 90, 30 and 7 days before, and when it has (sign-in, rollover). */
import { sql } from 'kysely';
import { auditing } from '../../audit/record.ts';
import type { Log } from '../../log.ts';
import type { Store } from '../../store/database.ts';
import { endingSamlCertificates } from '../../store/locate.ts';
import { inTenant, type Origin, type TenantTransaction } from '../../store/tenant.ts';
import { certificateOf } from './certificate.ts';

const ALARM: Origin = { actor: { kind: 'system', id: 'saml-certificates', label: 'certificate alarm' } };

/** Keeps the ends of the certificates that a connection trusts; of those that it trusts no more, nothing. */
export async function keepCertificateEnds(
  tx: TenantTransaction,
  connectionId: string,
  bodies: readonly string[],
): Promise<void> {
  const read = bodies.map(certificateOf);
  const fingerprints = read.map(({ fingerprint }) => fingerprint);
  const ends = read.map(({ notAfter }) => notAfter.toISOString());
  await sql`
    WITH gone AS (
      DELETE FROM saml_certificates WHERE connection_id = ${connectionId} AND fingerprint <> ALL(${fingerprints}::text[])
    )
    INSERT INTO saml_certificates (organization_id, connection_id, fingerprint, not_after)
    SELECT ${tx.organizationId}, ${connectionId}, * FROM unnest(${fingerprints}::text[], ${ends}::timestamptz[])
    ON CONFLICT DO NOTHING`.execute(tx.db);
}

/** Raises the alarms that are due, each once: in the audit, and in the log for whoever watches the installation. */
export async function raiseCertificateAlarms({
  store,
  log,
}: {
  readonly store: Pick<Store, 'db'>;
  readonly log: Log;
}): Promise<void> {
  for (const organizationId of await endingSamlCertificates(store.db)) {
    const alarms = await inTenant(store.db, organizationId, ALARM, raise);
    for (const alarm of alarms) log.warn({ organizationId, ...alarm }, 'a certificate of an identity provider ends');
  }
}

interface Alarm {
  readonly connection: string;
  readonly fingerprint: string;
  readonly notAfter: Date;
  readonly days: number;
}

async function raise(tx: TenantTransaction): Promise<Alarm[]> {
  const { rows } = await sql<Alarm>`
    WITH due AS (
      SELECT c.connection_id, c.fingerprint, CASE WHEN not_after <= now() THEN 0 WHEN not_after <= now() + interval '7 days' THEN 7
        WHEN not_after <= now() + interval '30 days' THEN 30 ELSE 90 END AS days
      FROM saml_certificates c WHERE not_after <= now() + interval '90 days'
    ), alarmed AS (
      UPDATE saml_certificates c SET alarmed_days = due.days FROM due
      WHERE c.connection_id = due.connection_id AND c.fingerprint = due.fingerprint AND coalesce(c.alarmed_days, 91) > due.days
      RETURNING c.connection_id, c.fingerprint, c.not_after, due.days
    ), told AS (${auditing(
      tx,
      sql`SELECT 'connection.certificate_ending', 'connection', connection_id::text,
        CASE days WHEN 0 THEN 'A certificate has expired.' ELSE 'A certificate ends within ' || days || ' days.' END,
        jsonb_build_object('fingerprint', fingerprint, 'notAfter', not_after, 'days', days) FROM alarmed`,
    )})
    SELECT n.slug AS connection, fingerprint, not_after AS "notAfter", days FROM alarmed a JOIN connections n ON n.id = a.connection_id
    `.execute(tx.db);
  return rows;
}
