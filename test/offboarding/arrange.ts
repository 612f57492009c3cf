/** A company with Lea and Max, both administrators of the workspace `main` by a mapping rule; and Lea at work. */
import { sql } from 'kysely';
import { startSession } from '../../src/credentials/session.ts';
import { type Company, makeCompany } from '../harness/company.ts';
import type { TestDatabase } from '../harness/database.ts';
import type { TestServer } from '../harness/server.ts';
import { signedIn } from '../harness/signed-in.ts';

export const LEA = 'E1,lea@acme.example,Lea,Engineering,Developer,active';
export const MAX = 'E2,max@acme.example,Max,Engineering,Developer,active';

export async function companyWithPeople(server: TestServer, database: TestDatabase): Promise<Company> {
  const company = await makeCompany(server, database);
  await company.within(({ db, organizationId }) =>
    sql`INSERT INTO mapping_rules (organization_id, slug, condition, scope_kind, workspace_id, role)
      SELECT ${organizationId}::uuid, 'everybody', 'exists($.department)'::jsonpath, 'workspace', w.id, 'admin' FROM workspaces w`.execute(
      db,
    ),
  );
  company.write(LEA, MAX);
  await company.sync();
  return company;
}

/** Lea's session, personal key and access token, all made through the API with her session. */
export async function leaActs(server: TestServer, company: Company) {
  const lea = await company.person('lea@acme.example');
  const session = await company.within((tx) =>
    startSession(tx, { userId: lea, connectionId: null, authenticatedBy: 'saml' }),
  );
  const asLea = signedIn(server, session.token);
  const key = await asLea('post', `/organizations/${company.slug}/api-keys`)
    .send({ name: 'laptop', kind: 'personal', scopes: ['workspace.view'], workspace: 'main' })
    .expect(201);
  const token = await asLea('post', `/organizations/${company.slug}/access-tokens`).send({ client: 'app' }).expect(201);
  return {
    lea,
    session: session.token,
    asLea,
    key: key.body.key as string,
    keyId: key.body.id as string,
    token: token.body.access_token as string,
  };
}

/** Whether a key or token counts at this moment. */
export async function isActive(server: TestServer, credential: string): Promise<boolean> {
  const { body } = await server.http
    .post('/oauth/introspect')
    .set('Authorization', server.operator)
    .type('form')
    .send({ token: credential })
    .expect(200);
  return body.active;
}
