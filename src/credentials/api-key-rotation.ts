/** Rotation without downtime: a new key takes an old one's place, and both count until the overlap is over. */
import { sql } from 'kysely';
import { z } from 'zod';
import type { AccessModel } from '../access/model.ts';
import { record } from '../audit/record.ts';
import { Fault } from '../errors.ts';
import { isId, type TenantTransaction } from '../store/tenant.ts';
import { createApiKey, type KeyMaker, type StoredKey } from './api-key.ts';

export const rotationInput = z.strictObject({
  /** For how long the old key still counts; 0 where it may be in wrong hands. */
  overlapHours: z.number().min(0).max(720).default(24),
  /** Left out: as long as the old one was made for. */
  expiresInDays: z.int().min(1).max(3650).optional(),
});
export type Rotation = z.output<typeof rotationInput>;

/**
 * Makes a key of the same kind, scopes and place, within what the maker may now, and lets the old one run out.
 * @param owner the person whose own key it must be; null where the caller may rotate any
 * @throws Fault `not-found`, `conflict` where the key has ended or was replaced already, and as `createApiKey` does
 */
export async function rotateApiKey(
  tx: TenantTransaction,
  model: AccessModel,
  { id, owner, maker }: { readonly id: string; readonly owner: string | null; readonly maker: KeyMaker },
  rotation: Rotation,
) {
  const old = await findOld(tx, id, owner);
  const makerId = maker === 'operator' ? null : maker.userId;
  if (model.apiKeys[old.kind]?.actsAs === 'creator' && old.creator_id !== makerId) {
    throw new Fault('forbidden', 'This key acts as the person who made it; only they can rotate it.', {
      remedy: 'Have them rotate it, or revoke it.',
    });
  }
  const input = {
    name: old.name,
    kind: old.kind,
    scopes: old.scopes,
    environment: old.environment,
    ...(old.workspace === null ? {} : { workspace: old.workspace }),
    ...(old.product === null ? {} : { product: old.product }),
    expiresInDays: rotation.expiresInDays ?? old.days ?? undefined,
  };
  const made = await createApiKey(tx, model, maker, input, { id: old.id, responsibleId: old.responsible_id });
  const until = await runOut(tx, old.id, rotation.overlapHours);
  await record(tx, {
    action: 'api_key.rotated',
    resource: { type: 'api_key', id: old.id },
    detail: { display: old.display, by: made.id, countsUntil: until },
  });
  return { ...made, replaced: { id: old.id, display: old.display, countsUntil: until } };
}

type OldKey = StoredKey & {
  readonly environment: 'development' | 'staging' | 'production';
  readonly workspace: string | null;
  readonly product: string | null;
  /** For how many days it was made. */
  readonly days: number | null;
  readonly ended: boolean;
  readonly replaced: boolean;
};

async function findOld({ db }: TenantTransaction, id: string, owner: string | null): Promise<OldKey> {
  // Of two who rotate it at once, the second finds it replaced.
  await sql`SELECT pg_advisory_xact_lock(hashtextextended(${`rotate ${id}`}, 0))`.execute(db);
  const { rows } = isId(id)
    ? await sql<OldKey>`
        SELECT k.*, w.slug AS workspace, p.slug AS product,
          CASE WHEN k.expires_at IS NOT NULL THEN greatest(1, round(extract(epoch FROM k.expires_at - k.created_at) / 86400))::int END AS days,
          k.revoked_at IS NOT NULL OR coalesce(k.expires_at <= now(), false) AS ended,
          EXISTS (SELECT 1 FROM api_keys n WHERE n.replaces_id = k.id AND n.revoked_at IS NULL) AS replaced
        FROM api_keys k LEFT JOIN workspaces w ON w.id = k.workspace_id LEFT JOIN products p ON p.id = k.product_id
        WHERE k.id = ${id}`.execute(db)
    : { rows: [] };
  const [old] = rows;
  if (old === undefined || (owner !== null && old.creator_id !== owner)) {
    throw new Fault('not-found', 'There is no such API key.', { where: 'path' });
  }
  if (old.ended) throw new Fault('conflict', 'This key counts no more.', { remedy: 'Make a new one.' });
  if (old.replaced) throw new Fault('conflict', 'Another key has taken the place of this one already.');
  return old;
}

/** Lets the old key count until then, and no longer than it would have; one that has ended meanwhile stays so. */
async function runOut({ db }: TenantTransaction, id: string, hours: number): Promise<Date> {
  const { rows } = await sql<{ until: Date }>`
    UPDATE api_keys SET expires_at = least(coalesce(expires_at, 'infinity'), now() + ${hours} * interval '1 hour')
    WHERE id = ${id} AND revoked_at IS NULL RETURNING expires_at AS until`.execute(db);
  const [row] = rows;
  if (row === undefined) throw new Fault('conflict', 'This key was revoked meanwhile.', { remedy: 'Make a new one.' });
  return row.until;
}
