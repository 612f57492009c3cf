/**
 * Connections as this instance remembers them. Each use asks the database for the version first, in the one statement that finds the
 * connection's organization anyway; so what is remembered is never older than the question.
 */
import type { Kysely } from 'kysely';
import { locateConnection } from '../store/locate.ts';
import type { Tables } from '../store/tables.ts';
import { inTenant, type Origin } from '../store/tenant.ts';
import { type Connection, findConnection } from './connection.ts';

const MOST = 1000;
const known = new WeakMap<Kysely<Tables>, Map<string, Connection>>();

/** The connection of an id as it is now; undefined where there is none. */
export async function currentConnection(
  db: Kysely<Tables>,
  id: string,
  origin: Origin,
): Promise<Connection | undefined> {
  const located = await locateConnection(db, id);
  if (located === undefined) return undefined;
  const remembered = known.get(db) ?? new Map<string, Connection>();
  known.set(db, remembered);
  const found = remembered.get(id);
  if (found?.version === located.version) return found;
  const read = await inTenant(db, located.organizationId, origin, (tx) => findConnection(tx, id), 'reader');
  if (remembered.size >= MOST) remembered.clear();
  // By the row's own id: the one in hand is a slice of the request's address, and would keep that in memory, codes and all.
  remembered.set(read.id, read);
  return read;
}
