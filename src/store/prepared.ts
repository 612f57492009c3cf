/** Statements that are planned once. Behind row-level security a small statement takes longer to plan than to run. */
import { createHash } from 'node:crypto';
import type { PostgresPool, PostgresPoolClient } from 'kysely';
import { type RawBuilder, sql } from 'kysely';
import type pg from 'pg';

const MARK = '/* prepared */';
/** What PostgreSQL says where the tables have changed under a statement that it has planned. */
const STALE = 'cached plan must not change result type';
const names = new Map<string, string>();

/**
 * A statement that each connection keeps prepared. Its text must be the program's own, the same each time: never one that grows with its
 * values, nor a client's filter.
 */
export function prepared<Row>(statement: RawBuilder<Row>): RawBuilder<Row> {
  return sql<Row>`${sql.raw(MARK)} ${statement}`;
}

/** The pool, with marked statements prepared, and each transaction begun together with its first statement where that has no values. */
export function frugal(pool: pg.Pool): PostgresPool {
  const clients = new WeakMap<pg.PoolClient, FrugalClient>();
  return {
    options: pool.options,
    end: () => pool.end(),
    connect: async () => {
      const client = await pool.connect();
      const known = clients.get(client) ?? new FrugalClient(client);
      clients.set(client, known);
      return known;
    },
  };
}

type Result = { command: 'INSERT'; rowCount: number; rows: never[] };
const NOTHING = { command: 'BEGIN', rowCount: 0, rows: [] } as unknown as Result;

class FrugalClient implements PostgresPoolClient {
  readonly #client: pg.PoolClient;
  #begins = false;
  #stale = false;

  constructor(client: pg.PoolClient) {
    this.#client = client;
  }

  get processID(): number {
    return (this.#client as unknown as { processID: number }).processID;
  }

  query = (async (text: string, values: readonly unknown[] = []) => {
    if (text === 'begin') {
      this.#begins = true;
      return NOTHING;
    }
    const begins = this.#begins;
    this.#begins = false;
    if (begins && (text === 'commit' || text === 'rollback')) return NOTHING;
    if (begins && values.length === 0) return lastOf(await this.#client.query(`begin; ${text}`));
    if (begins) await this.#client.query('begin');
    return text.startsWith(MARK) ? this.#prepared(text, values) : this.#client.query(text, [...values]);
  }) as unknown as PostgresPoolClient['query'];

  async #prepared(text: string, values: readonly unknown[]) {
    try {
      return await this.#client.query({ name: nameOf(text), text, values: [...values] });
    } catch (error) {
      // This connection would say so again and again; the next one plans anew.
      this.#stale ||= (error as Error).message === STALE;
      throw error;
    }
  }

  release(discard?: boolean): void {
    this.#begins = false;
    this.#client.release(discard || this.#stale);
  }
}

function lastOf(results: pg.QueryResult | pg.QueryResult[]): pg.QueryResult {
  return Array.isArray(results) ? (results.at(-1) as pg.QueryResult) : results;
}

function nameOf(text: string): string {
  let name = names.get(text);
  if (name === undefined) {
    name = createHash('sha256').update(text).digest('base64url').slice(0, 20);
    names.set(text, name);
  }
  return name;
}
