/** What tests of the audit need: a company with some history, and the hand of somebody who owns the database. */
import pg from 'pg';
import { sealOrganization } from '../../src/audit/seal.ts';
import { unsealedOrganizations } from '../../src/store/locate.ts';
import { until } from '../harness/command.ts';
import { type Company, makeCompany } from '../harness/company.ts';
import type { TestDatabase } from '../harness/database.ts';
import type { TestServer } from '../harness/server.ts';

/** A company with some thirty people, sealed. */
export async function companyWithHistory(server: TestServer, database: TestDatabase): Promise<Company> {
  const made = await makeCompany(server, database);
  made.write(
    ...Array.from({ length: 30 }, (_, at) => `E${at},person${at}@acme.example,Person ${at},Sales,Agent,active`),
  );
  await made.sync();
  await sealWhole(server, made);
  return made;
}

/** Seals everything; transactions of other tests on the same cluster may hold that up for a moment. */
export async function sealWhole(server: TestServer, { id, slug }: Pick<Company, 'id' | 'slug'>): Promise<void> {
  const whole = async () => {
    await sealOrganization(server.deps, id, 10);
    const waiting = await unsealedOrganizations(server.deps.store.db);
    return waiting.every(({ organizationId }) => organizationId !== id);
  };
  await until(whole, 30, `${slug} is sealed`);
}

/** Does what no role of the application can: as a superuser, whom no wall holds. */
export async function asSuperuser<Row = Record<string, unknown>>(
  { ownerUrl }: TestDatabase,
  ...statements: string[]
): Promise<Row[]> {
  const owner = new pg.Client({ connectionString: ownerUrl });
  await owner.connect();
  try {
    await owner.query('BEGIN');
    let rows: Row[] = [];
    for (const statement of statements) rows = (await owner.query(statement)).rows as Row[];
    await owner.query('COMMIT');
    return rows;
  } finally {
    await owner.end();
  }
}
