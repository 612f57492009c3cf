/**
 * What has been told of changes in what access is decided by. The database tells every instance on commit (NOTIFY, by triggers); the
 * instance that makes the change hears it at once. By this an instance knows for how long what it has read can be counted on.
 */
import { randomBytes } from 'node:crypto';
import pg from 'pg';

/** A point in time at which something was read. */
export interface Moment {
  /** How many changes had been heard of. */
  readonly change: number;
  /** On the monotonic clock, in milliseconds. */
  readonly at: number;
}

export interface Changes {
  now(): Moment;
  /** Whether what was read of an organization since then still counts. */
  holds(organizationId: string, since: Moment): boolean;
  /** Says that an organization's access has changed; without an id, that anybody's may have. */
  heard(organizationId: string): void;
  close(): Promise<void>;
}

/** The channel, and the message of the notice, that the triggers use. */
export const CHANNEL = 'drawbridge_access';

/** However quiet it is, nothing counts for longer: the bound for a message that is lost without a trace. */
export const LONGEST_MS = 5_000;

/** Nothing counts for longer than this after the last proof that messages come through: then a connection may be broken. */
export const UNPROVEN_MS = 800;

const BEAT_MS = 250;
const MOST_REMEMBERED = 10_000;

/** Listens on a connection of its own, from the first question on. */
export function openChanges(url: string): Changes {
  return new Feed(url);
}

class Feed implements Changes {
  readonly #url: string;
  readonly #changed = new Map<string, number>();
  /** A channel on which only this instance talks to itself, behind whatever else was told before. */
  readonly #own = `drawbridge_beat_${randomBytes(8).toString('hex')}`;
  #count = 0;
  #everything = 0;
  #askedAt = Number.NEGATIVE_INFINITY;
  #provenAt = Number.NEGATIVE_INFINITY;
  #client: pg.Client | undefined;
  #timer: NodeJS.Timeout | undefined;
  #busy: Promise<void> | undefined;
  #closed = false;

  constructor(url: string) {
    this.#url = url;
  }

  now(): Moment {
    const at = performance.now();
    this.#askedAt = at;
    this.#timer ??= setInterval(() => this.#beat(), BEAT_MS).unref();
    return { change: this.#count, at };
  }

  holds(organizationId: string, since: Moment): boolean {
    const at = performance.now();
    this.#askedAt = at;
    if (at - since.at > LONGEST_MS || at - Math.max(since.at, this.#provenAt) > UNPROVEN_MS) return false;
    return since.change >= this.#everything && since.change >= (this.#changed.get(organizationId) ?? 0);
  }

  heard(organizationId: string): void {
    this.#count += 1;
    if (organizationId === '') this.#everything = this.#count;
    else this.#changed.set(organizationId, this.#count);
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#timer);
    await this.#busy;
    await this.#lose();
  }

  /** While somebody asks: sends itself a message behind all that were told before. What is not asked for costs nothing. */
  #beat(): void {
    const at = performance.now();
    if (this.#closed || at - this.#askedAt > LONGEST_MS) return;
    if (this.#changed.size > MOST_REMEMBERED) {
      this.#changed.clear();
      this.heard('');
    }
    this.#busy ??= this.#prove(at).finally(() => {
      this.#busy = undefined;
    });
  }

  async #prove(at: number): Promise<void> {
    try {
      this.#client ??= await this.#listen();
      await this.#client.query('SELECT pg_notify($1, $2)', [this.#own, String(at)]);
    } catch {
      void this.#lose();
    }
  }

  async #listen(): Promise<pg.Client> {
    const client = new pg.Client({ connectionString: this.#url, connectionTimeoutMillis: 5_000, query_timeout: 5_000 });
    client.on('error', () => void (this.#client === client && this.#lose()));
    client.on('notification', ({ channel, payload = '' }) => {
      if (channel === this.#own) this.#provenAt = Math.max(this.#provenAt, Number(payload));
      else this.heard(payload);
    });
    try {
      await client.connect();
      // A beat is worth no disk: it proves that messages come, not that they are kept.
      await client.query(`SET synchronous_commit = off; LISTEN ${CHANNEL}; LISTEN ${this.#own}`);
    } catch (error) {
      void client.end().catch(() => undefined);
      throw error;
    }
    this.heard('');
    return client;
  }

  async #lose(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    this.heard('');
    await client?.end().catch(() => undefined);
  }
}
