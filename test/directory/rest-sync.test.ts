/** A JSON API as a directory: put through the API with its secrets, and run. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { startPersonio } from '../doubles/hr-services.ts';
import { makeCompany } from '../harness/company.ts';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';
import { makeWorld } from './sources/world.ts';

const database = await openTestDatabase();
const server = await startTestServer(database);
const secrets = { clientId: 'client', clientSecret: 'secret-of-the-double' };

describe('a JSON API as a directory', () => {
  it('given a preset and secrets, then people come and go by what the service says, and no secret is shown', async () => {
    const world = makeWorld(20);
    const personio = await startPersonio(world);
    database.onEnd(personio.close);
    const company = await makeCompany(server, database);
    const put = await company
      .api('put', '/directories/personio')
      .send({ kind: 'rest', config: { preset: 'personio', baseUrl: personio.url }, secrets })
      .expect(200);
    assert.ok(!JSON.stringify(put.body).includes('secret-of-the-double'));
    const run = async () => (await company.api('post', '/directories/personio/runs').send({})).body;

    assert.deepEqual((await run()).counts, { 'user.create': 18 });
    world.people.splice(1, 1);
    assert.deepEqual((await run()).counts, { 'user.deprovision': 1 });
    personio.meet('denied', 1, 2);
    const failed = await run();
    assert.match(failed.detail, /answers 401/);
    assert.deepEqual((await run()).counts, {});
  });

  it('given neither a preset nor everything that one would say, then it is refused with what is missing', async () => {
    const company = await makeCompany(server, database);
    const { body } = await company
      .api('put', '/directories/x')
      .send({ kind: 'rest', config: { preset: 'bamboohr' } })
      .expect(400);
    assert.match(JSON.stringify(body), /needs the company/);
  });
});
