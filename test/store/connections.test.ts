import assert from 'node:assert/strict';
import { it } from 'node:test';
import { sql } from 'kysely';
import { asOwner } from '../harness/cluster.ts';
import { openTestDatabase } from '../harness/database.ts';

const { store, ownerUrl } = await openTestDatabase();

it('given a database that compiles its plans, then on no connection of ours it does', async () => {
  const { pathname } = new URL(ownerUrl);
  await asOwner(ownerUrl, `ALTER DATABASE ${pathname.slice(1)} SET jit = on`);
  const jit = async () => (await sql<{ jit: string }>`SHOW jit`.execute(store.db)).rows[0]?.jit;
  const atOnce = await Promise.all([jit(), jit(), jit()]);
  assert.deepEqual(atOnce, ['off', 'off', 'off']);
});
