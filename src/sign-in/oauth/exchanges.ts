/**
 * The provider's memory of browsers: its session cookie's content, and sign-ins under way. Sealed, for who reads it in a dump could
 * otherwise go on in another's place.
 */
import { sql } from 'kysely';
import Provider, { type Adapter, type AdapterPayload, errors } from 'oidc-provider';
import { hashOf, seal, unseal } from '../../credentials/sealing.ts';
import type { SealingKeys } from '../../sealing-keys.ts';
import type { Store } from '../../store/database.ts';
import { INSTALLATION } from '../../store/tenant.ts';
import { sessionBehind } from './browser.ts';
import { inInstallation, PROVIDER } from './installation.ts';

interface Kept {
  readonly payload: AdapterPayload;
  /** Our own session that a provider's session belongs to; it counts only together with it. */
  readonly session: string | null;
}

const HOUR = 3600;
/** What is kept so that it is never taken again: the id of an app's assertion. */
const ONCE = 'ReplayDetection';

/** Keeps one kind of exchange. */
export function exchangeAdapter({ db }: Pick<Store, 'db'>, sealingKeys: SealingKeys, kind: string): Adapter {
  const purpose = `oauth_exchange:${kind}`;
  const find = async (column: 'id_hash' | 'uid_hash', id: string): Promise<Kept | undefined> => {
    const rows = await inInstallation(
      db,
      PROVIDER,
      async (tx) =>
        (
          await sql<{ sealed: string }>`
            SELECT sealed FROM oauth_exchanges WHERE kind = ${kind} AND ${sql.ref(column)} = ${hashOf(id)} AND expires_at > now()
            `.execute(tx.db)
        ).rows,
      'reader',
    );
    return rows[0] && (JSON.parse(unseal(sealingKeys, purpose, rows[0].sealed)) as Kept);
  };
  return {
    upsert: async (id, payload, seconds = HOUR) => {
      const sealed = seal(
        sealingKeys,
        purpose,
        JSON.stringify({ payload, session: sessionOf(kind, payload) } satisfies Kept),
      );
      const uidHash = payload.uid === undefined ? null : hashOf(payload.uid);
      const { rows } = await inInstallation(db, PROVIDER, (tx) =>
        sql`
          WITH over AS (DELETE FROM oauth_exchanges WHERE (kind, id_hash) IN (SELECT kind, id_hash FROM oauth_exchanges
            WHERE expires_at < now() LIMIT 20 FOR UPDATE SKIP LOCKED))
          INSERT INTO oauth_exchanges (organization_id, kind, id_hash, uid_hash, sealed, expires_at)
          VALUES (${INSTALLATION}, ${kind}, ${hashOf(id)}, ${uidHash}, ${sealed}, now() + ${seconds} * interval '1 second')
          ON CONFLICT (organization_id, kind, id_hash) DO UPDATE SET sealed = excluded.sealed, uid_hash = excluded.uid_hash,
            expires_at = excluded.expires_at WHERE ${kind} <> ${ONCE}
          RETURNING 1`.execute(tx.db),
      );
      if (rows.length === 0) throw new errors.InvalidClientAuth('it was used at the same instant elsewhere');
    },
    find: async (id) => {
      const kept = await find('id_hash', id);
      if (kept === undefined) return undefined;
      if (kind !== 'Session' || kept.payload.accountId === undefined) return kept.payload;
      return kept.session === sessionBehind(Provider.ctx?.req)?.sessionId ? kept.payload : undefined;
    },
    findByUid: async (uid) => (await find('uid_hash', uid))?.payload,
    destroy: async (id) => {
      await inInstallation(db, PROVIDER, (tx) =>
        sql`DELETE FROM oauth_exchanges WHERE kind = ${kind} AND id_hash = ${hashOf(id)}`.execute(tx.db),
      );
    },
    consume: async () => undefined,
    revokeByGrantId: async () => undefined,
    findByUserCode: async () => undefined,
  };
}

/** Of a provider's session, the browser's own, but only if it is of the person that it says. */
function sessionOf(kind: string, { accountId }: AdapterPayload): string | null {
  if (kind !== 'Session' || accountId === undefined) return null;
  const session = sessionBehind(Provider.ctx?.req);
  return session?.userId === accountId ? session.sessionId : 'nobody';
}
