/**
 * How often a token may ask. Each minute has so many permits for a token, counted in its row, so that all instances count together. An
 * instance takes them by the second's worth and spends them from memory: most requests cost the count nothing.
 */
import { type Kysely, sql } from 'kysely';
import { Fault } from '../../errors.ts';
import type { Tables } from '../../store/tables.ts';
import { type Caller, type EnteredDirectory, inDirectory, keyOf, type Presented } from '../enter.ts';

interface Held {
  left: number;
  readonly directory: EnteredDirectory;
  /** The row had none: there are no more before the minute ends. */
  readonly last: boolean;
  /** When the minute ends, on this process's own clock. */
  readonly until: number;
}

const MOST_TOKENS = 10_000;

/** The permits that one instance holds. */
export class Permits {
  readonly #held = new Map<string, Held>();
  readonly #taking = new Map<string, Promise<void>>();
  readonly #db: Kysely<Tables>;
  readonly #perMinute: number;

  constructor(db: Kysely<Tables>, perMinute: number) {
    this.#db = db;
    this.#perMinute = perMinute;
  }

  /** Whether this token has proven itself here within the present minute. */
  knows(token: Presented): boolean {
    return this.#live(keyOf(token)) !== undefined;
  }

  /** Of a token that has turned out to be none any more. */
  forget(token: Presented): void {
    this.#held.delete(keyOf(token));
  }

  /**
   * Spends one permit. @returns what the token was proven to be within this minute
   * @throws Fault `too-many-requests` with the seconds until there are more, `unauthenticated`
   */
  async spend(token: Presented, caller: Caller): Promise<EnteredDirectory> {
    const key = keyOf(token);
    for (;;) {
      const held = this.#live(key);
      if (held !== undefined && held.left > 0) {
        held.left -= 1;
        return held.directory;
      }
      if (held?.last) throw tooMany(held.until - performance.now());
      await this.#take(key, token, caller);
    }
  }

  #live(key: string): Held | undefined {
    const held = this.#held.get(key);
    return held !== undefined && held.until > performance.now() ? held : undefined;
  }

  /** Those who wait for permits of one token wait together. */
  #take(key: string, token: Presented, caller: Caller): Promise<void> {
    const under = this.#taking.get(key);
    if (under !== undefined) return under;
    const taking = this.#takeFromRow(token, caller)
      .then((permits) => {
        if (this.#held.size >= MOST_TOKENS) this.#held.clear();
        this.#held.set(key, permits);
      })
      .finally(() => this.#taking.delete(key));
    this.#taking.set(key, taking);
    return taking;
  }

  #takeFromRow(token: Presented, caller: Caller): Promise<Held> {
    const portion = Math.ceil(this.#perMinute / 60);
    return inDirectory(this.#db, token, caller, 'system', async (tx, directory) => {
      const { directoryId, tokenId } = directory;
      const { rows } = await sql<{ taken: number; ms: number }>`
        UPDATE directory_tokens t SET last_used_at = now(), window_used = least(was.used + ${portion}, ${this.#perMinute}),
          window_ends_at = CASE WHEN was.window_ends_at <= now() THEN now() + interval '1 minute' ELSE was.window_ends_at END
        FROM (SELECT id, window_ends_at, CASE WHEN window_ends_at <= now() THEN 0 ELSE window_used END AS used
          FROM directory_tokens WHERE directory_id = ${directoryId} AND id = ${tokenId} FOR NO KEY UPDATE) was
        WHERE t.directory_id = ${directoryId} AND t.id = was.id
        RETURNING t.window_used - was.used AS taken, extract(epoch FROM t.window_ends_at - now())::float8 * 1000 AS ms`.execute(
        tx.db,
      );
      const { taken = 0, ms = 1000 } = rows[0] ?? {};
      return { directory, left: taken, last: taken === 0, until: performance.now() + ms };
    });
  }
}

function tooMany(ms: number): Fault {
  const retryAfter = Math.max(1, Math.ceil(ms / 1000));
  return new Fault('too-many-requests', 'This token has sent too many requests within a minute.', {
    remedy: `Wait ${retryAfter} seconds.`,
    extra: { retryAfter },
  });
}
