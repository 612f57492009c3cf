/**
 * Uses of API keys: when and from where one was last used, and the audit of its uses by endpoint. A use is noted in memory and written a
 * second later, many at once, so that it costs the caller nothing; an instance that is killed forgets that second.
 */
import { sql } from 'kysely';
import { type AuditEvent, recordOf } from '../audit/record.ts';
import type { Log } from '../log.ts';
import type { Store } from '../store/database.ts';
import { inTenant, type Origin, type TenantTransaction } from '../store/tenant.ts';
import type { KnownKey } from './known-keys.ts';

export interface Use {
  /** Where: of ours, or of the platform as it tells. */
  readonly endpoint: string;
  /** From where, if that is known. */
  readonly address: string | undefined;
}

export type NoteUse = (known: KnownKey, use: Use) => void;

const WRITTEN_EVERY_MS = 1_000;
/** Where the model has uses summarized, one event tells of a minute. */
const SUMMARIZED_MS = 60_000;
/** However busy a key is, an event lists no more times than this; it still tells how many uses there were. */
const MOST_TIMES = 10_000;
const MOST_NOTED = 50_000;
const KEYS: Origin = { actor: { kind: 'system', id: 'api keys', label: 'api keys' } };

interface Noted extends Use {
  readonly organizationId: string;
  readonly keyId: string;
  readonly label: string;
  readonly each: boolean;
  readonly first: number;
  last: number;
  count: number;
  times: number[];
  /** Not yet written as the key's last use. */
  fresh: boolean;
}

/** Opens the notes of this instance; what is noted when the store closes is written before. */
export function openKeyUses(deps: { readonly store: Pick<Store, 'db' | 'beforeClose'>; readonly log: Log }): NoteUse {
  const notes = new Notes(deps);
  deps.store.beforeClose(() => notes.write('all'));
  return (known, use) => notes.note(known, use);
}

class Notes {
  readonly #deps: { readonly store: Pick<Store, 'db'>; readonly log: Log };
  readonly #noted = new Map<string, Noted>();
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> | undefined;

  constructor(deps: { readonly store: Pick<Store, 'db'>; readonly log: Log }) {
    this.#deps = deps;
  }

  note({ key, model }: KnownKey, { endpoint, address }: Use): void {
    const now = Date.now();
    this.#add({
      organizationId: key.organization_id,
      keyId: key.id,
      label: `${key.name} (${key.display})`,
      each: model.apiKeys[key.kind]?.uses === 'each',
      endpoint,
      address,
      first: now,
      last: now,
      count: 1,
      times: [now],
      fresh: true,
    });
    this.#timer ??= setTimeout(() => void this.write('due'), WRITTEN_EVERY_MS).unref();
  }

  /** Writes what is due, one write after the other. */
  async write(which: 'due' | 'all'): Promise<void> {
    await this.#writing;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#writing = this.#writeNow(which);
    await this.#writing;
    if (this.#noted.size > 0) this.#timer ??= setTimeout(() => void this.write('due'), WRITTEN_EVERY_MS).unref();
  }

  #add(use: Noted): void {
    const name = `${use.keyId} ${use.address} ${use.endpoint}`;
    const known = this.#noted.get(name);
    if (known === undefined) {
      if (this.#noted.size < MOST_NOTED) this.#noted.set(name, use);
      else this.#deps.log.error({ key: use.keyId, uses: use.count }, 'uses of an API key are not audited');
      return;
    }
    known.count += use.count;
    known.fresh = true;
    known.last = Math.max(known.last, use.last);
    if (known.each) known.times.push(...use.times.slice(0, MOST_TIMES - known.times.length));
  }

  async #writeNow(which: 'due' | 'all'): Promise<void> {
    const now = Date.now();
    const byOrganization = Map.groupBy(this.#noted.values(), ({ organizationId }) => organizationId);
    for (const [organizationId, noted] of byOrganization) {
      const due = noted.filter(({ each, first }) => which === 'all' || each || now - first >= SUMMARIZED_MS);
      const fresh = noted.filter((each) => each.fresh);
      if (due.length === 0 && fresh.length === 0) continue;
      for (const each of fresh) each.fresh = false;
      for (const each of due) this.#noted.delete(`${each.keyId} ${each.address} ${each.endpoint}`);
      await this.#writeFor(organizationId, fresh, due).catch((error: unknown) => {
        this.#deps.log.error({ error }, 'uses of API keys could not be written; they will be tried again');
        for (const each of due) this.#add(each);
      });
    }
  }

  #writeFor(organizationId: string, used: readonly Noted[], told: readonly Noted[]): Promise<void> {
    return inTenant(this.#deps.store.db, organizationId, KEYS, async (tx) => {
      await writeLastUses(tx, used);
      await recordOf(tx, told.map(eventOf));
    });
  }
}

async function writeLastUses({ db }: TenantTransaction, used: readonly Noted[]): Promise<void> {
  if (used.length === 0) return;
  const uses = used.map(({ keyId, last, address }) => ({ id: keyId, at: new Date(last), from: address ?? null }));
  await sql`
    UPDATE api_keys k SET last_used_at = latest.at, last_used_from = coalesce(latest."from", k.last_used_from)
    FROM (SELECT u.id, max(u.at) AS at, (array_agg(u."from" ORDER BY u.at DESC) FILTER (WHERE u."from" IS NOT NULL))[1] AS "from"
      FROM jsonb_to_recordset(${JSON.stringify(uses)}::jsonb) AS u(id uuid, at timestamptz, "from" text) GROUP BY u.id) latest
    WHERE k.id = latest.id AND coalesce(k.last_used_at < latest.at, true)`.execute(db);
}

function eventOf(noted: Noted): { event: AuditEvent; origin: Origin } {
  const { keyId, label, endpoint, address, count, first, last, times, each } = noted;
  const timeOf = (time: number) => new Date(time).toISOString();
  const when = each ? { times: times.map(timeOf) } : { first: timeOf(first), last: timeOf(last) };
  return {
    event: { action: 'api_key.used', resource: { type: 'api_key', id: keyId }, detail: { endpoint, count, ...when } },
    origin: { actor: { kind: 'api_key', id: keyId, label }, address },
  };
}
