import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sql } from 'kysely';
import { type Company, makeCompany } from '../harness/company.ts';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';

const database = await openTestDatabase();
const server = await startTestServer(database);

const PEOPLE = ['olga', 'adam', 'mia', 'ben', 'zoe'];

async function company(model: string): Promise<Company> {
  const made = await makeCompany(server, database, { model });
  made.write(...PEOPLE.map((name) => `${name},${name}@acme.example,${name},Sales,Agent,active`));
  await made.sync();
  return made;
}

const give = (made: Company, name: string, role: string, scope: unknown = 'organization') =>
  made
    .api('post', '/memberships')
    .send({ user: `${name}@acme.example`, role, scope, reason: 'needed' })
    .expect(201);

async function warned(made: Company): Promise<string[]> {
  const { body } = await made.api('get', '/warnings').expect(200);
  return body.warnings.map(({ code, message }: { code: string; message: string }) => `${code}: ${message}`);
}

describe('warnings of an organization', () => {
  it('given a fresh one, then there is none', async () =>
    assert.deepEqual(await warned(await company('magone-ai')), []));

  it('given more than three owners, then it warns, and no more once one has stepped down or left', async () => {
    const made = await company('magone-ai');
    for (const name of PEOPLE) await give(made, name, 'org_owner');
    assert.deepEqual(await warned(made), ['too-many-owners: There are 5 owners; more than 3 is too many.']);
    for (const name of ['zoe', 'ben'])
      await made.api('post', `/people/${name}@acme.example/offboard`).send({ reason: 'left' }).expect(201);
    assert.deepEqual(await warned(made), []);
  });

  it('given people inactive for 90 days, then each is named; who was never active counts from when they came', async () => {
    const made = await company('fastn');
    await made.within(({ db }) =>
      sql`UPDATE users SET created_at = now() - interval '91 days',
        last_active_at = CASE email WHEN 'olga@acme.example' THEN now() - interval '89 days' WHEN 'mia@acme.example' THEN NULL
          ELSE now() - interval '100 days' END`.execute(db),
    );
    await made.api('post', '/people/ben@acme.example/offboard').send({ reason: 'left' }).expect(201);
    const { body } = await made.api('get', '/warnings').expect(200);
    assert.equal(body.inactive, 3);
    assert.deepEqual(
      (await warned(made)).map((each) => each.split(' ')[1]),
      ['adam@acme.example', 'mia@acme.example', 'zoe@acme.example'],
    );
  });

  it('given a key over a year old, and one whose workspace became another environment, then it warns of both until they are revoked', async () => {
    const made = await company('smart-ai-hub');
    const ids = [];
    for (const name of ['old', 'shared']) {
      const { body } = await made
        .api('post', '/api-keys')
        .send({ name, kind: 'service', scopes: ['agent.use'], workspace: 'main' })
        .expect(201);
      ids.push(body.id);
    }
    await made.within(({ db }) =>
      sql`UPDATE api_keys SET created_at = now() - interval '366 days' WHERE name = 'old'`.execute(db),
    );
    assert.equal((await warned(made)).filter((each) => each.startsWith('old-key')).length, 1);
    await made.api('put', '/workspaces/main').send({ environment: 'development' }).expect(200);
    const shared = (await warned(made)).filter((each) => /serves development and production/.test(each));
    assert.equal(shared.length, 2);
    for (const id of ids) await made.api('delete', `/api-keys/${id}`);
    assert.deepEqual(await warned(made), []);
  });

  it('given an administrative default role, then setting it is refused unless acknowledged, and it is warned of from then on', async () => {
    const made = await company('ai-security-gateway');
    await made.api('patch', '').send({ defaultRole: 'admin' }).expect(400);
    await made.api('patch', '').send({ defaultRole: 'admin', acknowledgeAdministrativeDefault: true }).expect(200);
    assert.match(
      (await warned(made)).join(),
      /administrative-default-role: The default role "Admin" is administrative/,
    );
    await made.api('patch', '').send({ defaultRole: 'member' }).expect(200);
    assert.deepEqual(await warned(made), []);
  });

  it('given nobody has reviewed for a quarter, then it is due', async () => {
    const made = await company('magone-ai');
    await made.within(({ db }) => sql`UPDATE organizations SET created_at = now() - interval '100 days'`.execute(db));
    assert.match((await warned(made)).join(), /review-due/);
  });
});
