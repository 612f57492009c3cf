/**
 * A kind of source from one end to the other: put by the API with its secrets, pulled, people and memberships made of it by rules; then
 * changes and a leaver; then it refuses, and nobody is changed.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { HttpDouble } from '../../doubles/http-double.ts';
import { makeCompany } from '../../harness/company.ts';
import { openTestDatabase } from '../../harness/database.ts';
import { startTestServer } from '../../harness/server.ts';
import { makeWorld, type World } from './world.ts';

export interface EndToEnd<Double extends HttpDouble> {
  start(world: World): Promise<Double>;
  /** What an administrator says of the directory. */
  directory(double: Double): { kind: string; config: object; secrets: Record<string, string> };
  /** Has the double say in which department somebody is. */
  department(double: Double, id: string, name: string): void;
  /** The condition of a rule that gives to whoever is in the department Research. */
  readonly inResearch: string;
}

/** Declares the test. Somebody who belongs to `Engineering` is member, somebody in Research editor of a product besides. */
export async function checkEndToEnd<Double extends HttpDouble>(name: string, tested: EndToEnd<Double>): Promise<void> {
  const database = await openTestDatabase();
  const server = await startTestServer(database);

  describe(`${name} (end to end)`, () => {
    it('given a directory with secrets, rules, changes, a leaver and at last a refusal, then access follows and nobody is lost', async () => {
      const world = makeWorld(8);
      const double = await tested.start(world);
      database.onEnd(() => double.close());
      tested.department(double, 'p1', 'Research');
      const company = await makeCompany(server, database);
      const { kind, config, secrets } = tested.directory(double);
      const put = await company.api('put', '/directories/people').send({ kind, config, secrets });
      assert.ok(put.ok, JSON.stringify(put.body));
      for (const secret of Object.values(secrets)) assert.equal(JSON.stringify(put.body).includes(secret), false);
      for (const [rule, when, scope, role] of [
        ['engineers', { group: 'Engineering' }, { workspace: 'main' }, 'member'],
        ['researchers', { condition: tested.inResearch }, { product: 'main/insights' }, 'editor'],
      ] as const) {
        await company
          .api('put', `/mapping-rules/${rule}`)
          .send({ ...when, scope, role })
          .expect(200);
      }
      const run = () => company.api('post', '/directories/people/runs').send({});
      const people = () =>
        company.within(({ db }) => db.selectFrom('users').select(['email', 'status']).orderBy('email').execute());

      const first = await run();
      assert.equal(first.body.status, 'applied', JSON.stringify(first.body));
      assert.deepEqual(first.body.counts, { 'user.create': 8, 'membership.add': 4 });
      const researcher = ['main/insights:editor (mapping)', 'main:member (mapping)'];
      assert.deepEqual(await company.memberships('p1@acme.example'), researcher);
      assert.deepEqual(await company.memberships('p2@acme.example'), ['main:member (mapping)']);
      assert.deepEqual(await company.memberships('p5@acme.example'), []);

      tested.department(double, 'p1', 'Sales');
      world.people.splice(1, 1);
      world.groups[0]!.members = ['p1', 'p3', 'p5'];
      const second = await run();
      assert.equal(second.body.status, 'applied', JSON.stringify(second.body));
      assert.deepEqual(second.body.counts, { 'user.deprovision': 1, 'membership.add': 1, 'membership.remove': 1 });
      assert.deepEqual(await company.memberships('p1@acme.example'), ['main:member (mapping)']);
      assert.deepEqual(await company.memberships('p2@acme.example'), []);
      assert.deepEqual(await company.memberships('p5@acme.example'), ['main:member (mapping)']);
      assert.deepEqual((await run()).body.counts, {}, 'nothing has changed since');

      const before = await people();
      double.meet('denied', 0, Number.POSITIVE_INFINITY);
      assert.equal((await run()).status, 502);
      const { body } = await company.api('get', '/runs?limit=1').expect(200);
      assert.equal(body.runs[0].status, 'failed');
      assert.match(body.runs[0].error, /401/);
      assert.deepEqual(await people(), before);
      assert.deepEqual(await company.memberships('p5@acme.example'), ['main:member (mapping)']);
    });
  });
}
