/** Slows down whoever guesses: after a few refused tokens, an address waits out its minute before another is looked at. Pure. */
import { Fault } from '../../errors.ts';

interface Refused {
  times: number;
  readonly until: number;
}

const FREE = 10;
const MINUTE = 60_000;
const MOST_ADDRESSES = 10_000;

/** The refusals that one instance has given within the last minute, by address. */
export class Refusals {
  readonly #byAddress = new Map<string, Refused>();

  /** @throws Fault `too-many-requests` with the seconds to wait */
  requireFew(address: string, now: number): void {
    const refused = this.#byAddress.get(address);
    if (refused === undefined || refused.until <= now || refused.times < FREE) return;
    const retryAfter = Math.ceil((refused.until - now) / 1000);
    throw new Fault('too-many-requests', 'There were too many requests without a valid token from this address.', {
      remedy: `Wait ${retryAfter} seconds.`,
      extra: { retryAfter },
    });
  }

  count(address: string, now: number): void {
    const before = this.#byAddress.get(address);
    if (before !== undefined && before.until > now) {
      before.times += 1;
      return;
    }
    if (this.#byAddress.size >= MOST_ADDRESSES) this.#byAddress.clear();
    this.#byAddress.set(address, { times: 1, until: now + MINUTE });
  }
}
