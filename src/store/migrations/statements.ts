import { type Kysely, sql } from 'kysely';

/**
 * A migration's `up` from plain SQL. `:app` stands for the application's role name, as a literal; the migrator sets it for the
 * transaction (`app.migration_role`).
 */
export function statements(text: string): (db: Kysely<unknown>) => Promise<void> {
  return async (db) => {
    const { rows } = await sql<{ role: string }>`
      SELECT current_setting('app.migration_role') AS role
    `.execute(db);
    const role = rows[0]?.role ?? '';
    await sql.raw(text.replaceAll(':app_ident', `"${role}"`).replaceAll(':app', `'${role}'`)).execute(db);
  };
}
