/**
 * The least that it takes to let people go: one UPDATE on each of the tables that say what they hold. It opens no case, audits nothing,
 * tells nobody and must never be used.
 */
import pg from 'pg';

const ENDINGS = [
  "UPDATE users SET status = 'deprovisioned', deprovisioned_at = now(), access_epoch = access_epoch + 1 WHERE id = ANY($1)",
  "UPDATE sessions SET ended_at = now(), ended_reason = 'left' WHERE user_id = ANY($1) AND ended_at IS NULL",
  'UPDATE grants SET revoked_at = now() WHERE user_id = ANY($1) AND revoked_at IS NULL',
  "UPDATE api_keys SET revoked_at = now(), revoked_by = 'floor', revoked_reason = 'left' WHERE creator_id = ANY($1) AND revoked_at IS NULL",
  "UPDATE invitations SET revoked_at = now(), revoked_by = 'floor', revoked_reason = 'left' WHERE inviter_id = ANY($1) AND revoked_at IS NULL",
  'UPDATE oauth_tokens SET locked_at = now() WHERE user_id = ANY($1) AND locked_at IS NULL',
  'UPDATE memberships SET expires_at = now() WHERE user_id = ANY($1)',
];

export interface BareOffboarding {
  /** How many statements it sends. */
  readonly statements: number;
  /** Lets people go; milliseconds. */
  letGo(ids: readonly string[]): Promise<number>;
  close(): Promise<void>;
}

/** Opens a database for it, by its owner's URL: nothing is asked of row-level security. */
export async function openBareOffboarding(url: string): Promise<BareOffboarding> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  return {
    statements: ENDINGS.length,
    letGo: async (ids) => {
      const start = performance.now();
      await client.query('BEGIN');
      for (const ending of ENDINGS) await client.query(ending, [ids]);
      await client.query('COMMIT');
      return performance.now() - start;
    },
    close: () => client.end(),
  };
}
