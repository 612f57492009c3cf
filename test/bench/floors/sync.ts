/**
 * The least that a sync takes: the rows copied by the database itself into temporary tables, a set-based difference, and what differs
 * written. It checks nothing, keeps no plan, gives nobody access and must never be used.
 */
import pg from 'pg';
import type { FeedFiles } from '../feed.ts';
import type { Cost } from '../rounds.ts';

const SAID = ['email', 'name', 'department', 'title', 'status', 'site'];
const of = (table: string) => SAID.map((column) => `${table}.${column}`).join(', ');

export interface BareSync {
  /** Synchronizes; milliseconds. */
  sync(files: FeedFiles): Promise<number>;
  /** Writes one person by their key. */
  settleOne(): Promise<Cost>;
  close(): Promise<void>;
}

/** Opens a database for it, by its owner's URL; the database's server must be able to read the files. */
export async function openBareSync(url: string): Promise<BareSync> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(`CREATE TABLE people (key text PRIMARY KEY, email text NOT NULL, name text NOT NULL, department text, title text,
      status text, site text);
    CREATE TABLE members (group_key text, user_key text, PRIMARY KEY (group_key, user_key))`);
  return {
    sync: async ({ people, members }) => {
      const start = performance.now();
      await client.query(`BEGIN;
        CREATE TEMPORARY TABLE given_people (LIKE people) ON COMMIT DROP;
        CREATE TEMPORARY TABLE given_members (LIKE members) ON COMMIT DROP;
        COPY given_people FROM '${people}' (FORMAT csv);
        COPY given_members FROM '${members}' (FORMAT csv);
        ANALYZE given_people; ANALYZE given_members;
        UPDATE people p SET (${SAID}) = (SELECT ${of('g')}) FROM given_people g
          WHERE g.key = p.key AND (${of('g')}) IS DISTINCT FROM (${of('p')});
        INSERT INTO people SELECT * FROM given_people g WHERE NOT EXISTS (SELECT FROM people p WHERE p.key = g.key);
        DELETE FROM people p WHERE NOT EXISTS (SELECT FROM given_people g WHERE g.key = p.key);
        INSERT INTO members SELECT * FROM given_members g
          WHERE NOT EXISTS (SELECT FROM members m WHERE (m.group_key, m.user_key) = (g.group_key, g.user_key));
        DELETE FROM members m
          WHERE NOT EXISTS (SELECT FROM given_members g WHERE (m.group_key, m.user_key) = (g.group_key, g.user_key));
        COMMIT`);
      return performance.now() - start;
    },
    settleOne: async () => {
      const start = performance.now();
      await client.query(`UPDATE people SET status = 'active' WHERE key = 'E7'`);
      return { ms: performance.now() - start, statements: 1 };
    },
    close: () => client.end(),
  };
}
