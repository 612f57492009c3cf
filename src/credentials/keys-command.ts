/** `drawbridge keys` and `drawbridge keys rotate`. */
import { sql } from 'kysely';
import { record } from '../audit/record.ts';
import { Fault } from '../errors.ts';
import type { SealingKeys } from '../sealing-keys.ts';
import type { Settings } from '../settings.ts';
import type { Store } from '../store/database.ts';
import { locateOrganizations } from '../store/locate.ts';
import { INSTALLATION, inTenant, type Origin } from '../store/tenant.ts';
import { type KeyUse, keyUses, type Resealed, recordResealed, resealBatch } from './resealing.ts';
import { SEALED_COLUMNS } from './sealed-columns.ts';

interface CommandDependencies {
  readonly settings: Pick<Settings, 'secrets'>;
  readonly store: Pick<Store, 'db'>;
}

/** Rows at once: a fraction of a second of work, and of waiting for who wants to write one of them. */
const BATCH = 500;
const COMMAND: Origin = { actor: { kind: 'operator', id: 'command-line', label: 'command line' } };

/** A line for each key, and one for each column with rows under it. */
export async function listSealingKeys(deps: CommandDependencies): Promise<string[]> {
  const { sealingKeys } = deps.settings.secrets;
  const uses = await allUses(deps);
  const ids = [...new Set([sealingKeys.current.id, ...uses.map(({ key }) => key)])];
  return ids.flatMap((id) =>
    keyLines(
      sealingKeys,
      id,
      uses.filter(({ key }) => key === id),
    ),
  );
}

/**
 * Re-seals everything under the key that seals now, telling of each batch; then no other key opens anything any longer.
 * @throws Fault `conflict` where something does not open, once everything else is done
 */
export async function rotateSealingKeys(deps: CommandDependencies, say: (line: string) => void): Promise<void> {
  const { sealingKeys } = deps.settings.secrets;
  let [done, stuck] = [0, 0];
  for (const organizationId of [INSTALLATION, ...(await locateOrganizations(deps.store.db))]) {
    stuck += await resealOrganization(deps, organizationId, (rows) => {
      done += rows;
      say(`${done} re-sealed`);
    });
  }
  if (stuck > 0) {
    throw new Fault(
      'conflict',
      `${stuck} stored secrets do not open under any key that is known here; ${done} were re-sealed.`,
      {
        remedy: 'See "drawbridge keys"; give the keys that are missing, and rotate again.',
      },
    );
  }
  const left = (await allUses(deps)).filter(({ key }) => key !== sealingKeys.current.id);
  // An instance that still seals with another key has sealed something meanwhile.
  if (left.length > 0) {
    throw new Fault('conflict', 'Something was sealed under another key meanwhile.', {
      remedy: 'Let every instance seal with the new key first, then rotate again.',
    });
  }
  await forgetOthers(deps, sealingKeys);
  say(`Everything is sealed under the key ${sealingKeys.current.id}; no other opens anything any longer.`);
}

/** @returns how many rows do not open */
async function resealOrganization(
  { settings, store }: CommandDependencies,
  organizationId: string,
  told: (rows: number) => void,
): Promise<number> {
  const { sealingKeys } = settings.secrets;
  let [done, stuck] = [0, 0];
  for (const column of SEALED_COLUMNS) {
    let after: readonly unknown[] | null = null;
    do {
      const from: readonly unknown[] | null = after;
      const batch: Resealed = await inTenant(store.db, organizationId, COMMAND, (tx) =>
        resealBatch(tx, sealingKeys, column, from, BATCH),
      );
      done += batch.done;
      stuck += batch.stuck;
      if (batch.done > 0) told(batch.done);
      after = batch.next;
    } while (after !== null);
  }
  if (done > 0) await inTenant(store.db, organizationId, COMMAND, (tx) => recordResealed(tx, sealingKeys, done));
  return stuck;
}

async function allUses({ store }: CommandDependencies): Promise<KeyUse[]> {
  const sums = new Map<string, KeyUse>();
  for (const organizationId of [INSTALLATION, ...(await locateOrganizations(store.db))]) {
    for (const use of await inTenant(store.db, organizationId, COMMAND, keyUses, 'reader')) {
      const name = [use.key, use.table, use.column].join(' ');
      sums.set(name, { ...use, rows: use.rows + (sums.get(name)?.rows ?? 0) });
    }
  }
  return [...sums.values()];
}

async function forgetOthers({ store }: CommandDependencies, { current }: SealingKeys): Promise<void> {
  await inTenant(store.db, INSTALLATION, COMMAND, async (tx) => {
    const { rows } = await sql<{ id: string }>`DELETE FROM sealing_keys WHERE id <> ${current.id} RETURNING id`.execute(
      tx.db,
    );
    const forgotten = rows.map(({ id }) => ({ action: 'sealing_key.retired', resource: { type: 'sealing_key', id } }));
    await record(tx, ...forgotten);
  });
}

function keyLines(keys: SealingKeys, id: string, uses: readonly KeyUse[]): string[] {
  const total = uses.reduce((sum, { rows }) => sum + rows, 0);
  const state = id === keys.current.id ? 'seals' : keys.find(id) === undefined ? 'NOT KNOWN HERE' : 'only opens';
  return [
    `key ${id} (${state}): ${total} ${total === 1 ? 'row' : 'rows'}`,
    ...uses.map(({ table, column, rows }) => `  ${table}.${column}: ${rows}`),
  ];
}
