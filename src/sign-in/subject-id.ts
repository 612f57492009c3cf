/** Subject identifiers (RFC 9493): how other systems name a person, and who is meant by it here. */
import { sql } from 'kysely';
import { z } from 'zod';
import type { TenantTransaction } from '../store/tenant.ts';
import { domainOf } from './attributes.ts';

const name = z.string().min(1).max(320);
export const subjectId = z.discriminatedUnion('format', [
  z.object({ format: z.literal('iss_sub'), iss: name, sub: name }),
  z.object({ format: z.literal('email'), email: name }),
  z.object({ format: z.literal('opaque'), id: name }),
]);
export type SubjectId = z.output<typeof subjectId>;

/**
 * The person's id: by the address of a verified domain, else by what a connection's provider knows them by. Whether whoever asks may name
 * them so is decided before.
 */
export async function personMeant(
  tx: TenantTransaction,
  connectionId: string | null,
  asked: SubjectId,
): Promise<string | undefined> {
  const found =
    asked.format === 'email'
      ? sql<{
          id: string;
        }>`SELECT u.id FROM users u JOIN domains d ON d.name = ${domainOf(asked.email)} AND d.verified_at IS NOT NULL
          WHERE u.email = ${asked.email.toLowerCase()} ORDER BY u.status = 'deprovisioned' LIMIT 1`
      : sql<{ id: string }>`SELECT user_id AS id FROM identities WHERE connection_id = ${connectionId}
          AND subject = ${asked.format === 'opaque' ? asked.id : asked.sub}`;
  const { rows } = await found.execute(tx.db);
  return rows[0]?.id;
}
