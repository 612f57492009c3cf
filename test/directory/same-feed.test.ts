/** A feed that says what it said before costs little, and still nothing is overlooked. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sql } from 'kysely';
import { type Company, makeCompany } from '../harness/company.ts';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';

const database = await openTestDatabase();
const server = await startTestServer(database);

const ANA = 'E1,ana@acme.example,Ana,Engineering,Developer,active,Red;Blue';
const BEN = 'E2,ben@acme.example,Ben,Sales,Manager,active,Blue';
const CAM = 'E3,cam@acme.example,Cam,Sales,Agent,active,Green';

async function companyWith(rules: Record<string, object>): Promise<Company> {
  const company = await makeCompany(server, database);
  company.header('id,email,name,department,title,status,groups');
  const config = { file: company.feed, columns: { status: 'status', groups: 'groups' } };
  await company
    .api('put', '/directories/hr')
    .send({ kind: 'csv', config, guards: { shareAppliesAbove: 100 } })
    .expect(200);
  for (const [slug, rule] of Object.entries(rules)) await company.api('put', `/mapping-rules/${slug}`).send(rule);
  return company;
}

const versions = (company: Company) =>
  company.within(async ({ db }) => {
    const rows = await db
      .selectFrom('directory_users')
      .select(['source_key', 'version'])
      .orderBy('source_key')
      .execute();
    return rows.map(({ source_key, version }) => `${source_key} ${version}`);
  });

const groupsOf = (company: Company) =>
  company.within(async ({ db }) => {
    const { rows } = await sql<{ line: string }>`
      SELECT g.display_name || ': ' || string_agg(d.source_key, ' ' ORDER BY d.source_key) AS line FROM directory_groups g
      LEFT JOIN directory_group_members m ON m.group_id = g.id LEFT JOIN directory_users d ON d.id = m.member_id
      GROUP BY g.display_name ORDER BY 1`.execute(db);
    return rows.map(({ line }) => line);
  });

describe('a full feed of which little has changed', () => {
  it('given one changed record of three, then only its facts and groups are written, and the others keep theirs', async () => {
    const company = await companyWith({ red: { group: 'Red', scope: { workspace: 'main' }, role: 'member' } });
    company.write(ANA, BEN, CAM);
    await company.sync();
    company.write(ANA, 'E2,ben@acme.example,Ben,Sales,Director,active,Red', CAM);
    const { counts } = await company.sync();
    assert.deepEqual(counts, { 'membership.add': 1 });
    assert.deepEqual(await versions(company), ['E1 1', 'E2 2', 'E3 1']);
    assert.deepEqual(await groupsOf(company), ['Blue: E1', 'Green: E3', 'Red: E1 E2']);
  });

  it('given a group that only a changed record was in, then it is gone', async () => {
    const company = await companyWith({});
    company.write(ANA, BEN, CAM);
    await company.sync();
    company.write(ANA, BEN, 'E3,cam@acme.example,Cam,Sales,Agent,active,');
    await company.sync();
    assert.deepEqual(await groupsOf(company), ['Blue: E1 E2', 'Red: E1']);
  });

  it('given somebody told twice, as before and otherwise, then nothing is changed and both places are told', async () => {
    const company = await companyWith({});
    company.write(ANA, BEN);
    await company.sync();
    company.write(ANA, BEN, 'e1,ana.other@acme.example,Ana,Sales,Developer,active,Red');
    const answer = await company.api('post', '/directories/hr/runs').send({});
    assert.equal(answer.status, 400, JSON.stringify(answer.body));
    assert.match(answer.body.detail, /line 4: the id e1 is at line 2 too/);
    company.write(ANA, BEN, BEN);
    const again = await company.api('post', '/directories/hr/runs').send({});
    assert.match(again.body.detail, /the id E2 is at line 3 too/);
  });

  it('given a workspace given by hand since, then the product that a rule gives follows with the same feed', async () => {
    const rule = { condition: '$.department == "Sales"', scope: { product: 'main/insights' }, role: 'editor' };
    const company = await companyWith({ sales: rule });
    company.write(ANA, BEN);
    await company.sync();
    assert.deepEqual(await company.memberships('ben@acme.example'), []);
    const grant = { user: 'ben@acme.example', scope: { workspace: 'main' }, role: 'member', reason: 'test' };
    await company.api('post', '/memberships').send(grant).expect(201);
    await company.sync();
    assert.deepEqual(await company.memberships('ben@acme.example'), [
      'main/insights:editor (mapping)',
      'main:member (manual)',
    ]);
  });

  it('given a rule written since, or a record that moved otherwise, then the same feed settles it', async () => {
    const company = await companyWith({});
    company.write(ANA, BEN);
    await company.sync();
    await company.within(({ db, organizationId }) =>
      sql`INSERT INTO mapping_rules (organization_id, slug, group_name, scope_kind, workspace_id, role)
        SELECT ${organizationId}::uuid, 'blue', 'Blue', 'workspace', id, 'member' FROM workspaces`.execute(db),
    );
    await company.sync();
    assert.deepEqual(await company.memberships('ben@acme.example'), ['main:member (mapping)']);
    await company.within(({ db }) =>
      sql`UPDATE users SET display_name = 'Other' WHERE email = 'ana@acme.example'`.execute(db),
    );
    assert.deepEqual((await company.sync()).counts, { 'user.update': 1 });
  });
});
