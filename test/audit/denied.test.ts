import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { startSession } from '../../src/credentials/session.ts';
import { type Company, makeCompany } from '../harness/company.ts';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';
import { signedIn } from '../harness/signed-in.ts';

const database = await openTestDatabase();
const server = await startTestServer(database);

/** Mia, who holds no role. */
async function mia(made: Company) {
  made.write('mia,mia@acme.example,Mia,Sales,Agent,active');
  await made.sync();
  const userId = await made.person('mia@acme.example');
  const { token } = await made.within((tx) =>
    startSession(tx, { userId, connectionId: null, authenticatedBy: 'saml' }),
  );
  const call = signedIn(server, token);
  return {
    userId,
    call: (method: 'get' | 'put' | 'post', path: string) => call(method, `/organizations/${made.slug}${path}`),
  };
}

const deniedIn = async (made: Company) =>
  (await made.api('get', '/audit-events?outcome=denied').expect(200)).body.events;

describe('a forbidden call of the administration API', () => {
  it('given somebody without the right, then who tried what is audited as denied, once', async () => {
    const made = await makeCompany(server, database);
    const { userId, call } = await mia(made);
    await call('put', '/workspaces/secret').set('X-Request-Id', 'tried-it').send({}).expect(403);
    const [event, ...more] = await deniedIn(made);
    assert.deepEqual(more, []);
    assert.equal(event.action, 'administration.denied');
    assert.deepEqual([event.actorKind, event.actorId, event.requestId], ['user', userId, 'tried-it']);
    assert.equal(event.resourceId, `PUT /api/v1/organizations/${made.slug}/workspaces/secret`);
    assert.match(event.reason, /right to administer organization/);
  });

  it('given a refusal that is told where it happens, then it is not told twice', async () => {
    const made = await makeCompany(server, database);
    const { call } = await mia(made);
    const role = { user: 'mia@acme.example', role: 'admin', scope: { workspace: 'main' }, reason: 'please' };
    await call('post', '/memberships').send(role).expect(403);
    assert.equal((await deniedIn(made)).length, 1);
  });

  it('given a flood, then only the first ten of the minute are written one by one', async () => {
    const made = await makeCompany(server, database);
    const { call } = await mia(made);
    for (let round = 0; round < 3; round++) {
      await Promise.all(Array.from({ length: 10 }, () => call('put', '/workspaces/secret').send({}).expect(403)));
    }
    assert.equal((await deniedIn(made)).length, 10);
  });

  it('given nobody, or an organization that is not theirs, then there is nothing to tell', async () => {
    const [made, other] = [await makeCompany(server, database), await makeCompany(server, database)];
    const { call } = await mia(made);
    await call('get', `/../${other.slug}/workspaces`).expect(404);
    await server.http.put(`/api/v1/organizations/${made.slug}/workspaces/x`).send({}).expect(401);
    assert.deepEqual([await deniedIn(made), await deniedIn(other)], [[], []]);
  });
});
