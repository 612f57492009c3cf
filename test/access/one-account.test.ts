/** `accounts.organizationsPerPerson` of the access model: how many organizations may know a person at a time. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Company, makeCompany } from '../harness/company.ts';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';

const database = await openTestDatabase();
const server = await startTestServer(database);

const LIA = 'lia@person.example';
const row = (email: string) => `1,${email},Lia,Sales,Agent,active`;

async function pair(model: string): Promise<[Company, Company]> {
  return [await makeCompany(server, database, { model }), await makeCompany(server, database, { model })];
}

const knows = async (company: Company) =>
  (await company.api('get', `/people?search=${LIA}&status=active`).expect(200)).body.people.length === 1;

/** An invitation's link, for there is no mail server. */
async function invite(company: Company, email: string): Promise<string> {
  const roles = [{ scope: 'organization', role: 'member' }];
  const { body } = await company.api('post', '/invitations').send({ email, roles }).expect(201);
  return new URL(body.url).pathname;
}
const accept = (link: string) =>
  server.http
    .post(link)
    .set('Origin', server.url)
    .set('Accept', 'application/json')
    .send({ password: 'a long enough one 1' });

describe('a model of one organization per person (ai-security-gateway)', () => {
  it('given somebody has an account, then no other organization’s directory makes a second, until the first has ended; then the first does not come back', async () => {
    const [one, other] = await pair('ai-security-gateway');
    one.write(row(LIA));
    await one.sync();
    other.write(row(LIA));
    const held = await other.sync();
    const { changes } = (await other.api('get', `/runs/${held.id}/changes`).expect(200)).body;
    assert.partialDeepStrictEqual(changes, [
      { kind: 'user.ambiguous', reason: 'has an account in another organization, and each person has one' },
    ]);
    assert.deepEqual([await knows(one), await knows(other)], [true, false]);
    await one.api('post', `/people/${LIA}/offboard`).send({ reason: 'moves on' }).expect(201);
    await other.sync();
    assert.deepEqual([await knows(one), await knows(other)], [false, true]);
    const { body } = await one.api('post', `/people/${LIA}/rehire`).send({ reason: 'back' }).expect(409);
    assert.match(JSON.stringify(body.obstacles), /account in another organization/);
  });

  it('given two invitations that are accepted in the same moment, then one of them makes the account', async () => {
    const companies = await pair('ai-security-gateway');
    for (let round = 0; round < 2; round += 1) {
      const email = `ned-${round}@person.example`;
      const links = await Promise.all(companies.map((company) => invite(company, email)));
      const answers = await Promise.all(links.map(accept));
      assert.deepEqual(answers.map(({ status }) => status).sort(), [201, 409]);
      assert.match(answers.find(({ status }) => status === 409)?.body.detail, /account in another organization/);
    }
  });
});

describe('a model of several (magone-ai)', () => {
  it('given the same person in two organizations, then they have two accounts', async () => {
    const companies = await pair('magone-ai');
    for (const company of companies) {
      company.write(row(LIA));
      await company.sync();
    }
    assert.deepEqual(await Promise.all(companies.map(knows)), [true, true]);
  });
});
