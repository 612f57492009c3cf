/**
 * The planner's statistics while tables grow for the first time. Without any it takes every index that begins with the organization for
 * equally good, and autovacuum looks only once a minute: within a first cycle of thousands of people that is far too late.
 */
import { type Kysely, sql } from 'kysely';
import type { Log } from '../log.ts';
import type { Tables } from './tables.ts';

const FIRST = 100;
const GROWTH = 5;
const ENOUGH = 1_000_000;

/** Has the statistics of people, groups and memberships taken anew when a process has written 100 of them, 500, 2,500 ... */
export class Statistics {
  readonly #db: Kysely<Tables>;
  readonly #log: Log;
  #written = 0;
  #next = FIRST;

  constructor(db: Kysely<Tables>, log: Log) {
    this.#db = db;
    this.#log = log;
  }

  /** Counts rows written; never waits. */
  wrote(rows: number): void {
    this.#written += rows;
    if (this.#written < this.#next || this.#next > ENOUGH) return;
    while (this.#next <= this.#written) this.#next *= GROWTH;
    sql`SELECT refresh_statistics()`.execute(this.#db).catch((error: unknown) => {
      this.#log.warn({ error }, 'statistics could not be taken');
    });
  }
}
