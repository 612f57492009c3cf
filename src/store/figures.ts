/** Numbers of the whole installation, for whoever watches it; of no tenant which. */
import { type Kysely, sql } from 'kysely';
import type { Tables } from './tables.ts';

export async function installationFigures(
  db: Kysely<Tables>,
): Promise<{ readonly figure: string; readonly label: string; readonly value: number }[]> {
  const { rows } = await sql<{ figure: string; label: string; value: number }>`
    SELECT figure, label, value FROM installation_figures() WHERE value IS NOT NULL
    UNION ALL
    SELECT 'queue_jobs', q.name, count(j.id) FROM pgboss.queue q
    LEFT JOIN pgboss.job j ON j.name = q.name AND j.state IN ('created', 'retry', 'active')
    WHERE q.name NOT LIKE '\\_\\_%' GROUP BY q.name`.execute(db);
  return rows;
}
