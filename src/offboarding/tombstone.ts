/**
 * What is remembered of somebody whose personal data is erased: keyed hashes of their addresses and subjects. They say nothing to whoever
 * reads them, and still keep out who only claims to be a newcomer. A hash counts as long as the sealing key under which it was made is known.
 */
import { createHmac } from 'node:crypto';
import { sql } from 'kysely';
import type { SealingKey, SealingKeys } from '../sealing-keys.ts';
import type { TenantTransaction } from '../store/tenant.ts';

/** What somebody is known by: an address, or a subject at a connection. */
export type Mark = { readonly email: string } | { readonly connectionId: string; readonly subject: string };

/** Remembers them. */
export async function layTombstones(
  tx: TenantTransaction,
  keys: SealingKeys,
  userId: string,
  marks: readonly Mark[],
): Promise<void> {
  const hashes = marks.map((mark) => hashOf(keys.current, tx.organizationId, mark).toString('hex'));
  await sql`
    INSERT INTO tombstones (organization_id, hash, user_id)
    SELECT ${tx.organizationId}::uuid, decode(h, 'hex'), ${userId}::uuid FROM unnest(${hashes}::text[]) AS h ON CONFLICT DO NOTHING
    `.execute(tx.db);
}

/** Whether somebody who has left and was erased was known by one of these. */
export async function haveTombstone(
  tx: TenantTransaction,
  keys: SealingKeys,
  marks: readonly Mark[],
): Promise<boolean> {
  const { rows: used } = await sql`SELECT 1 FROM tombstones LIMIT 1`.execute(tx.db);
  if (used.length === 0) return false;
  const hashes = marks.flatMap((mark) => keys.all.map((key) => hashOf(key, tx.organizationId, mark).toString('hex')));
  const { rows } = await sql`
    SELECT 1 FROM tombstones WHERE hash IN (SELECT decode(h, 'hex') FROM unnest(${hashes}::text[]) AS h) LIMIT 1`.execute(
    tx.db,
  );
  return rows.length > 0;
}

function hashOf({ secret }: SealingKey, organizationId: string, mark: Mark): Buffer {
  const said = 'email' in mark ? ['email', mark.email] : ['subject', mark.connectionId, mark.subject];
  return createHmac('sha256', secret)
    .update(JSON.stringify(['tombstone', organizationId, ...said]))
    .digest();
}
