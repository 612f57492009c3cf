/** The same feed again, after something else has changed that memberships or the lifecycle hang on: it finds all that a look at everybody finds. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sql } from 'kysely';
import { type Company, makeCompany } from '../harness/company.ts';
import { openTestDatabase } from '../harness/database.ts';
import { LOOSE_GUARDS } from '../harness/loose-guards.ts';
import { startTestServer } from '../harness/server.ts';

const database = await openTestDatabase();
const server = await startTestServer(database);

const ANA = 'E1,ana@acme.example,Ana,Engineering,Developer,active,,Red;Blue';
const BEN = 'E2,ben@acme.example,Ben,Sales,Manager,active,,Blue';
const CAM = 'E3,cam@acme.example,Cam,Sales,Agent,active,,Green';
/** In the workspace, so that only a seat is wanting. */
const CAM_TOO = 'E3,cam@acme.example,Cam,Sales,Agent,active,,Blue';
const PEOPLE = ['ana', 'ben', 'cam'];
const reason = 'test';

/** Rules for a department and a group, one of a workspace and one of its product; the feed read twice. */
async function settledCompany(options: { readonly model?: string } = {}): Promise<Company> {
  const company = await makeCompany(server, database, options);
  company.header('id,email,name,department,title,status,ends,groups');
  await directory(company, {});
  const rules = {
    blue: { group: 'Blue', scope: { workspace: 'main' }, role: 'member' },
    sales: { condition: '$.department == "Sales"', scope: { product: 'main/insights' }, role: 'editor' },
  };
  for (const [slug, rule] of Object.entries(rules))
    await company.api('put', `/mapping-rules/${slug}`).send(rule).expect(200);
  company.write(ANA, BEN, CAM);
  await company.sync();
  const again = (await company.sync()).counts;
  assert.deepEqual(again, {});
  return company;
}

const directory = (company: Company, more: object) => {
  const columns = { status: 'status', endsOn: 'ends', groups: 'groups' };
  const said = { kind: 'csv', config: { file: company.feed, columns }, guards: LOOSE_GUARDS, ...more };
  return company.api('put', '/directories/hr').send(said).expect(200);
};

const run = (company: Company, statement: ReturnType<typeof sql>) => company.within(({ db }) => statement.execute(db));
const exclude = (company: Company, role: string) =>
  run(
    company,
    sql`INSERT INTO membership_exclusions (organization_id, user_id, scope_kind, workspace_id, product_id, role, reason, excluded_by)
      SELECT m.organization_id, m.user_id, m.scope_kind, m.workspace_id, m.product_id, m.role, 'test', 'test'
      FROM memberships m JOIN users u ON u.id = m.user_id WHERE u.email = 'ben@acme.example' AND m.role = ${role}`,
  );

/** Of the product's two people one has a seat. */
async function waitForSeats(company: Company): Promise<void> {
  await company.api('put', '/workspaces/main/products/insights').send({ seats: 1 });
  company.write(ANA, BEN, CAM_TOO);
  assert.deepEqual((await company.sync()).counts, { 'membership.add': 1, 'membership.withheld': 1 });
  assert.deepEqual((await company.sync()).counts, { 'membership.withheld': 1 });
}

/** What everybody has, and whether they are in. */
async function standing(company: Company): Promise<string[]> {
  const lines: string[] = [];
  for (const name of PEOPLE) {
    const email = `${name}@acme.example`;
    const { status } = (await company.api('get', `/people/${email}`)).body;
    lines.push(`${name} ${status}`, ...(await company.memberships(email)).map((each) => `${name} ${each}`));
  }
  return lines;
}

const GROUNDS: Readonly<Record<string, (company: Company) => Promise<unknown>>> = {
  'a review excludes somebody from what a rule gives': (company) => exclude(company, 'member'),
  'an exclusion is over': async (company) => {
    await exclude(company, 'member');
    await company.sync();
    await run(company, sql`DELETE FROM membership_exclusions`);
  },
  'a product has fewer seats': (company) => company.api('put', '/workspaces/main/products/insights').send({ seats: 0 }),
  'a product has seats for everybody again': async (company) => {
    await company.api('put', '/workspaces/main/products/insights').send({ seats: 0 });
    await company.sync();
    await company.api('put', '/workspaces/main/products/insights').send({ seats: null });
  },
  'whoever has the only seat moves, and others wait for it': async (company) => {
    await waitForSeats(company);
    company.write(ANA, 'E2,ben@acme.example,Ben,Engineering,Manager,active,,Blue', CAM_TOO);
  },
  'whoever has the only seat leaves, and others wait for it': async (company) => {
    await waitForSeats(company);
    company.write(ANA, CAM_TOO);
  },
  'a seat more is bought': async (company) => {
    await waitForSeats(company);
    await company.api('put', '/workspaces/main/products/insights').send({ seats: 2 });
  },
  'somebody begins to wait otherwise than by a run': async (company) => {
    await company.api('put', '/workspaces/main/products/insights').send({ seats: 1 });
    company.write(ANA, BEN, CAM_TOO);
    await company.api('post', '/people/cam@acme.example/sync').send({}).expect(200);
    await company.api('put', '/workspaces/main/products/insights').send({ seats: 2 });
  },
  'the workspace is given by hand': (company) =>
    company
      .api('post', '/memberships')
      .send({ user: 'cam@acme.example', scope: { workspace: 'main' }, role: 'member', reason })
      .expect(201),
  'what was given by hand expires': async (company) => {
    const given = { user: 'cam@acme.example', scope: { workspace: 'main' }, role: 'member', reason };
    await company.api('post', '/memberships').send(given).expect(201);
    await company.sync();
    await run(company, sql`UPDATE memberships SET expires_at = now() WHERE source = 'manual'`);
  },
  'a rule is disabled': (company) => run(company, sql`UPDATE mapping_rules SET enabled = false WHERE slug = 'blue'`),
  'the organization follows another model': (company) => run(company, sql`UPDATE organizations SET model = 'fastn'`),
  'somebody is suspended': (company) =>
    company.api('post', '/people/ben@acme.example/suspend').send({ reason }).expect(204),
  'somebody is let go by hand': (company) =>
    company.api('post', '/people/ben@acme.example/offboard').send({ reason }).expect(201),
  'somebody is let go by hand and taken back': async (company) => {
    await company.api('post', '/people/ben@acme.example/offboard').send({ reason }).expect(201);
    await company.sync();
    await company.api('post', '/people/ben@acme.example/rehire').send({ reason });
  },
  'somebody who left is protected no more': async (company) => {
    await run(company, sql`UPDATE users SET protected = true WHERE email = 'ben@acme.example'`);
    company.write(ANA, CAM);
    const { id } = await company.sync();
    await company.api('post', `/runs/${id}/approve`).send({}).expect(200);
    await run(company, sql`UPDATE users SET protected = false`);
  },
  'the days of grace end': async (company) => {
    await directory(company, { graceDays: 5 });
    company.write(ANA, CAM);
    await company.sync();
    await run(company, sql`UPDATE directory_users SET leaves_at = now() WHERE leaves_at IS NOT NULL`);
  },
  'somebody in grace is there again': async (company) => {
    await directory(company, { graceDays: 5 });
    company.write(ANA, CAM);
    await company.sync();
    company.write(ANA, BEN, CAM);
  },
  'a plan is discarded': async (company) => {
    company.write(ANA, 'E2,ben@acme.example,Ben,Engineering,Manager,active,,Green', CAM);
    const { id } = await company.sync('plan');
    await company.api('post', `/runs/${id}/discard`).send({}).expect(200);
  },
  'a plan is approved that was made before': async (company) => {
    company.write(ANA, 'E2,ben@acme.example,Ben,Engineering,Manager,active,,Green', CAM);
    const { id } = await company.sync('plan');
    await company.api('post', `/runs/${id}/approve`).send({}).expect(200);
  },
};

describe('the same feed after something else has changed', { concurrency: 4 }, () => {
  for (const [ground, happens] of Object.entries(GROUNDS)) {
    it(`given ${ground}, then it leaves nothing that a look at everybody would find`, async () => {
      const company = await settledCompany();
      await happens(company);
      const { id, status } = await company.sync();
      if (status === 'held') await company.api('post', `/runs/${id}/approve`).send({}).expect(200);
      const found = await standing(company);
      await run(company, sql`UPDATE directories SET grounds = NULL`);
      const { counts } = await company.sync('plan');
      delete counts['membership.withheld'];
      assert.deepEqual(counts, {}, found.join('\n'));
    });
  }

  it('given an exclusion since the last run, then nobody is given it again, and whoever is excluded no more has it', async () => {
    const company = await settledCompany();
    await exclude(company, 'member');
    await company.sync();
    assert.deepEqual(await company.memberships('ben@acme.example'), []);
    await run(company, sql`DELETE FROM membership_exclusions`);
    await company.sync();
    assert.deepEqual(await company.memberships('ben@acme.example'), [
      'main/insights:editor (mapping)',
      'main:member (mapping)',
    ]);
  });

  it('given the directory is in another time zone, then the last day of somebody ends there', async () => {
    const company = await settledCompany();
    // Where it is tomorrow already, and where it is still yesterday: one of the two is not where UTC is.
    const day = new Date(Date.now() - 86_400_000).toISOString().slice(0, 10);
    company.write(ANA, `E2,ben@acme.example,Ben,Sales,Manager,active,${day},Blue`, CAM);
    await directory(company, { timeZone: 'Etc/GMT+12' });
    await company.sync();
    const endsAt = () =>
      company.within(async ({ db }) => {
        const { rows } = await sql<{
          at: Date;
        }>`SELECT ends_at AS at FROM directory_users WHERE source_key = 'E2'`.execute(db);
        return rows[0]?.at.getUTCHours();
      });
    assert.equal(await endsAt(), 12);
    await directory(company, { timeZone: 'Etc/GMT-9' });
    await company.sync();
    assert.equal(await endsAt(), 15);
  });

  for (const [moved, statement] of Object.entries({
    'an exclusion': sql`INSERT INTO membership_exclusions (organization_id, user_id, scope_kind, workspace_id, role, reason, excluded_by)
      SELECT u.organization_id, u.id, 'workspace', w.id, 'member', 'test', 'test' FROM users u, workspaces w WHERE u.email = 'cam@acme.example'`,
    seats: sql`UPDATE products SET seats = 0`,
    'the model': sql`UPDATE organizations SET model = 'fastn'`,
    'the time zone': sql`UPDATE directories SET time_zone = 'Asia/Tokyo'`,
  }))
    it(`given ${moved} changed since a plan was made, then it is not applied any more`, async () => {
      const company = await settledCompany();
      company.write(ANA, BEN, 'E3,cam@acme.example,Cam,Sales,Agent,active,,Blue');
      const { id } = await company.sync('plan');
      await run(company, statement);
      const { body } = await company.api('post', `/runs/${id}/approve`).send({}).expect(409);
      assert.match(body.type, /:plan-moved$/);
    });
});
