import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { makeCompany } from '../harness/company.ts';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';

const database = await openTestDatabase();
const server = await startTestServer(database);

describe('setting a directory up', () => {
  it('given somebody asks what kinds there are, then each says what it takes and what it keeps secret', async () => {
    const company = await makeCompany(server, database);
    const { body } = await company.api('get', '/directory-kinds').expect(200);
    const kinds: { kind: string; config: object; secrets: { properties?: object } }[] = body.kinds;
    assert.ok(kinds.length >= 9);
    const ldap = kinds.find(({ kind }) => kind === 'ldap');
    assert.ok(Object.hasOwn(ldap?.secrets.properties ?? {}, 'password'));
  });

  it('given settings that are not stored yet, then the first ten people come as they would be, bad records apart, and nothing is kept', async () => {
    const company = await makeCompany(server, database);
    company.write(
      ...Array.from({ length: 30 }, (_, n) => `${n},p${n}@acme.test,P${n},Sales,Agent,active`),
      'x,no-address,,,,',
    );
    const draft = { kind: 'csv', config: { file: company.feed, columns: { status: 'status' } } };
    const { body } = await company.api('post', '/directories/draft/sample').send(draft).expect(200);
    assert.equal(body.people.length, 10);
    assert.equal(body.people[0].email, 'p0@acme.test');
    assert.equal(body.people[0].attributes.department, 'Sales');
    assert.equal((await company.api('get', '/directories/draft')).status, 404);
    assert.equal((await company.api('get', '/people')).body.people.length, 0);
  });

  it('given settings with which nothing can be read, then it says what is wrong', async () => {
    const company = await makeCompany(server, database);
    const draft = { kind: 'csv', config: { file: '/nowhere/hr.csv' } };
    const { body } = await company.api('post', '/directories/draft/sample').send(draft).expect(400);
    assert.match(body.detail, /no such file/);
  });

  it('given directories name groups, then they are found by a part of their names, with their members and the rules that mean them', async () => {
    const company = await makeCompany(server, database);
    await company
      .api('put', '/directories/hr')
      .send({ kind: 'csv', config: { file: company.feed, columns: { status: 'status', groups: 'title' } } })
      .expect(200);
    company.write('1,a@acme.test,A,IT,Admins;Staff,active', '2,b@acme.test,B,IT,Staff,active');
    await company.sync();
    await company
      .api('put', '/mapping-rules/staff')
      .send({ group: 'staff', scope: { workspace: 'main' }, role: 'member' })
      .expect(200);
    const first = await company.api('get', '/directory-groups?limit=1').expect(200);
    assert.deepEqual([first.body.groups[0].name, first.body.groups[0].members], ['Admins', 1]);
    const next = encodeURIComponent(first.body.next);
    const second = await company.api('get', `/directory-groups?limit=1&cursor=${next}`).expect(200);
    assert.deepEqual(second.body.groups[0], { ...second.body.groups[0], name: 'Staff', members: 2, rules: ['staff'] });
    assert.equal(second.body.next, null);
    assert.equal((await company.api('get', '/directory-groups?query=taf')).body.groups.length, 1);
  });
});
