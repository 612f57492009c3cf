/** Before anything is served: is every sealing key known that something here may be sealed under? */
import { type Kysely, sql } from 'kysely';
import { Fault } from '../errors.ts';
import type { SealingKeys } from '../sealing-keys.ts';
import type { Tables } from './tables.ts';
import { INSTALLATION, inTenant, type Origin } from './tenant.ts';

const START: Origin = { actor: { kind: 'system', id: 'start', label: 'start' } };

/** @throws Fault `invalid-settings` naming the keys, by id, that are missing */
export async function refuseMissingKeys(db: Kysely<Tables>, keys: SealingKeys): Promise<void> {
  const made = await sql<{ is: boolean }>`SELECT to_regclass('public.sealing_keys') IS NOT NULL AS is`.execute(db);
  if (!made.rows[0]?.is) return;
  const used = await inTenant(
    db,
    INSTALLATION,
    START,
    (tx) => tx.db.selectFrom('sealing_keys').select('id').orderBy('first_used_at').execute(),
    'reader',
  );
  const missing = used.map(({ id }) => id).filter((id) => keys.find(id) === undefined);
  if (missing.length === 0) return;
  throw new Fault(
    'invalid-settings',
    `The sealing key ${missing.join(' and ')}, under which secrets here are sealed, is not among those given (${keys.current.id} seals).`,
    {
      where: 'secrets.sealingKey',
      remedy: 'Give it too, after the one that is to seal; "drawbridge keys rotate" then makes it needless.',
    },
  );
}

/** Remembers the key that seals from now on. */
export async function noteSealingKey(db: Kysely<Tables>, { current }: SealingKeys): Promise<void> {
  await inTenant(db, INSTALLATION, START, (tx) =>
    tx.db
      .insertInto('sealing_keys')
      .values({ organization_id: INSTALLATION, id: current.id })
      .onConflict((conflict) => conflict.doNothing())
      .execute(),
  );
}
