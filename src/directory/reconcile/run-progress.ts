/** How far a run has got, for whoever looks from elsewhere; written now and then, never for each record. */
import { sql } from 'kysely';
import type { Log } from '../../log.ts';
import type { Store } from '../../store/database.ts';
import { inTenant, type Origin, type TenantTransaction } from '../../store/tenant.ts';

export type Phase = 'reading' | 'planning' | 'applying';

export interface Progress {
  readonly phase: Phase;
  /** People read so far. */
  readonly records: number;
}

export interface Watched {
  readonly organizationId: string;
  readonly origin: Origin;
  /** Told at once of every step. */
  readonly onProgress?: ((progress: Progress) => void) | undefined;
}

const EVERY_MS = 2_000;

/** A run begins to read. `expected`: how many the directory named last time. */
export async function beginProgress(tx: TenantTransaction, runId: string, directoryId: string): Promise<void> {
  await sql`
    INSERT INTO sync_progress (organization_id, run_id, expected)
    SELECT ${tx.organizationId}::uuid, ${runId}::uuid, count(*) FROM directory_users
    WHERE directory_id = ${directoryId} AND deleted_at IS NULL`.execute(tx.db);
}

/** How many a directory named last time. */
export async function countPeople({ db }: TenantTransaction, directoryId: string): Promise<number> {
  const { count } = await db
    .selectFrom('directory_users')
    .select((count) => count.fn.countAll<number>().as('count'))
    .where('directory_id', '=', directoryId)
    .where('deleted_at', 'is', null)
    .executeTakeFirstOrThrow();
  return count;
}

/** Nothing more is to be told than what has become of it. */
export async function endProgress(tx: TenantTransaction, runId: string): Promise<void> {
  await tx.db.deleteFrom('sync_progress').where('run_id', '=', runId).execute();
}

/**
 * Tells a run's progress. It is written beside the run's own transaction, whose rows nobody else sees before it ends, and the run does not
 * wait for it.
 */
export function progressTeller(deps: { readonly store: Store; readonly log: Log }, watched: Watched, runId: string) {
  let last = 0;
  let phase: Phase = 'reading';
  let records = 0;
  const tell = (always: boolean) => {
    watched.onProgress?.({ phase, records });
    if (!always && Date.now() - last < EVERY_MS) return;
    last = Date.now();
    const now = { phase, records };
    inTenant(deps.store.db, watched.organizationId, watched.origin, (tx) => write(tx, runId, now)).catch((error) =>
      deps.log.warn({ error, runId }, "a run's progress could not be told"),
    );
  };
  return {
    read: (people: number) => {
      records = people;
      tell(false);
    },
    enter: (next: Phase) => {
      phase = next;
      tell(true);
    },
  };
}

async function write({ db }: TenantTransaction, runId: string, { phase, records }: Progress): Promise<void> {
  // One that was told late takes nothing back.
  await sql`
    UPDATE sync_progress SET since = CASE WHEN phase = ${phase} THEN since ELSE now() END, phase = ${phase}, records = ${records}
    WHERE run_id = ${runId} AND records <= ${records}
      AND array_position(${PHASES}, phase) <= array_position(${PHASES}, ${phase}::text)`.execute(db);
}

const PHASES = sql`ARRAY['reading', 'planning', 'applying']`;
