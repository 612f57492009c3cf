/** A company with somebody who administers it. */
import { type Company, makeCompany } from '../harness/company.ts';
import type { TestDatabase } from '../harness/database.ts';
import type { TestServer } from '../harness/server.ts';

/** Ada owns the workspace `main` and came with the feed. @param more further rows of it */
export async function administeredCompany(
  server: TestServer,
  database: TestDatabase,
  ...more: readonly string[]
): Promise<Company> {
  const company = await makeCompany(server, database);
  company.write('1,ada@acme.test,Ada,IT,Admin,active', ...more);
  await company.sync();
  await company
    .api('post', '/memberships')
    .send({ user: 'ada@acme.test', role: 'owner', scope: { workspace: 'main' }, reason: 'test' })
    .expect(201);
  return company;
}
