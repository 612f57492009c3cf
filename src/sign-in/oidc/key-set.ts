/**
 * A provider's signing keys, shared by all requests of this instance. A key that is not known has the set fetched once, whoever asks;
 * a fetch that did not bring it is the last one for a minute, so that no stream of made-up keys becomes a stream of requests.
 */
import type { JSONWebKeySet } from 'jose';

/** Whose tokens ask; anybody may post a logout token, and must not use up what logins may ask. */
export type Asking = 'login' | 'logout';

/** Gives the keys, at most five minutes old; read anew where they lack the one of this id. */
export type KeysHaving = (kid: string | undefined, asking: Asking) => Promise<JSONWebKeySet>;

const KEEP_MS = 5 * 60_000;
const BARREN_MS = 60_000;

interface Fetched {
  readonly keys: JSONWebKeySet;
  /** The fetch's place in the order in which they began. */
  readonly turn: number;
  readonly at: number;
}

/** @param fetchKeys reads the set from the provider */
export function keySet(fetchKeys: () => Promise<JSONWebKeySet>): KeysHaving {
  let turns = 0;
  let kept: Fetched | undefined;
  let underWay: Promise<Fetched> | undefined;
  const barrenUntil = new Map<Asking, number>();

  /** Those who come while a fetch is under way wait for it. */
  function fetchOnce(): Promise<Fetched> {
    if (underWay !== undefined) return underWay;
    turns += 1;
    const [turn, at] = [turns, Date.now()];
    underWay = fetchKeys()
      .then((keys) => {
        kept = { keys, turn, at };
        return kept;
      })
      .finally(() => {
        underWay = undefined;
      });
    return underWay;
  }

  return async (kid, asking) => {
    const before = turns;
    let known = kept !== undefined && Date.now() - kept.at < KEEP_MS ? kept : await fetchOnce();
    // One that was under way already may have been answered before the provider had the key; the next one was not.
    while (!has(known.keys, kid) && known.turn <= before && (barrenUntil.get(asking) ?? 0) <= Date.now()) {
      known = await fetchOnce();
      if (!has(known.keys, kid) && known.turn > before) barrenUntil.set(asking, Date.now() + BARREN_MS);
    }
    return known.keys;
  };
}

function has({ keys }: JSONWebKeySet, kid: string | undefined): boolean {
  return kid === undefined || keys.some((key) => key.kid === kid);
}
