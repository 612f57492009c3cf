/** What an instance has read of organizations and keeps in memory, for as long as nothing says that it has changed. */
import type { Changes, Moment } from './changes.ts';

interface Entry<V> {
  readonly organizationId: string;
  readonly since: Moment;
  readonly value: V;
}

const MOST = 50_000;

export class Remembered<V> {
  readonly #changes: Pick<Changes, 'holds'>;
  readonly #entries = new Map<string, Entry<V>>();

  constructor(changes: Pick<Changes, 'holds'>) {
    this.#changes = changes;
  }

  /** What is known under a key; undefined where it has to be read (again). */
  get(key: string): V | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    if (this.#changes.holds(entry.organizationId, entry.since)) return entry.value;
    this.#entries.delete(key);
    return undefined;
  }

  /** @param since from before it was read, so that what changed meanwhile is not missed */
  set(key: string, organizationId: string, since: Moment, value: V): void {
    this.#entries.delete(key);
    if (this.#entries.size >= MOST) {
      for (const [oldest] of this.#entries) {
        this.#entries.delete(oldest);
        break;
      }
    }
    this.#entries.set(key, { organizationId, since, value });
  }
}
