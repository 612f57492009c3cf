import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { openTestDatabase } from '../../harness/database.ts';
import { startTestServer } from '../../harness/server.ts';
import { accountOf, arrangeProvider, auditOf, GROUP, mapGroup, type Provider, patchOf, USER } from './arrange.ts';

const server = await startTestServer(await openTestDatabase());
const SCHEMA = 'urn:ietf:params:scim:api:messages:2.0:BulkRequest';

const user = (bulkId: string, userName: string, more: object = {}) => {
  return {
    method: 'POST',
    path: '/Users',
    bulkId,
    data: { schemas: [USER], userName, emails: [{ value: userName, primary: true }], ...more },
  };
};
const bulk = (idp: Provider, Operations: unknown[], more: object = {}) =>
  idp.scim('post', '/Bulk', { schemas: [SCHEMA], Operations, ...more });
const statuses = (body: { Operations: { status: string }[] }) => body.Operations.map(({ status }) => status);

describe('POST /Bulk (RFC 7644, 3.7)', () => {
  it('given people and their group in one request, the group first, then all are made, linked and settled', async () => {
    const idp = await arrangeProvider(server);
    await mapGroup(idp, 'Editors', 'member');
    const { body } = await bulk(idp, [
      {
        method: 'POST',
        path: '/Groups',
        bulkId: 'g',
        data: { schemas: [GROUP], displayName: 'Editors', members: [{ value: 'bulkId:a' }, { value: 'bulkId:b' }] },
      },
      user('a', 'ana@acme.test'),
      user('b', 'ben@acme.test'),
    ]).expect(200);
    assert.deepEqual(statuses(body), ['201', '201', '201']);
    assert.match(body.Operations[0].location, /\/Groups\/[0-9a-f-]{36}$/);
    assert.deepEqual((await accountOf(idp, 'ana@acme.test'))?.roles, ['member']);
    const id = body.Operations[1].location.split('/').at(-1);
    assert.deepEqual(await auditOf(idp, id), ['directory_user.created']);
  });

  it('given PATCH, PUT and DELETE, also of what the same request makes, then each is done as a request of its own', async () => {
    const idp = await arrangeProvider(server);
    const { body } = await bulk(idp, [
      user('a', 'ana@acme.test'),
      { method: 'patch', path: '/Users/bulkId:a', data: patchOf({ op: 'replace', path: 'active', value: false }) },
      user('b', 'ben@acme.test'),
      { method: 'DELETE', path: '/Users/bulkId:b' },
    ]).expect(200);
    assert.deepEqual(statuses(body), ['201', '200', '201', '204']);
    assert.equal((await accountOf(idp, 'ana@acme.test'))?.status, 'deprovisioned');
  });

  it('given one that fails, then the others are done; with failOnErrors, what comes after is not tried', async () => {
    const idp = await arrangeProvider(server);
    const operations = [user('a', 'ana@acme.test'), user('again', 'ANA@acme.test'), user('b', 'ben@acme.test')];
    const { body } = await bulk(idp, operations).expect(200);
    assert.deepEqual(statuses(body), ['201', '409', '201']);
    assert.equal(body.Operations[1].response.scimType, 'uniqueness');
    const stopped = await bulk(idp, [user('x', 'ana@acme.test'), user('c', 'cam@acme.test')], {
      failOnErrors: 1,
    }).expect(200);
    assert.deepEqual(statuses(stopped.body), ['409']);
    assert.equal(await accountOf(idp, 'cam@acme.test'), undefined);
  });

  it('SCIM-9: given references in a circle, to nothing, or to what failed, then those operations are refused, no others', async () => {
    const idp = await arrangeProvider(server);
    const group = (bulkId: string, member: string) => {
      return {
        method: 'POST',
        path: '/Groups',
        bulkId,
        data: { schemas: [GROUP], displayName: bulkId, members: [{ value: `bulkId:${member}` }] },
      };
    };
    const { body } = await bulk(idp, [
      group('one', 'two'),
      group('two', 'one'),
      group('three', 'nobody'),
      user('a', 'ana@acme.test'),
    ]).expect(200);
    assert.deepEqual(statuses(body), ['409', '409', '409', '201']);
  });

  it('given a version that is not the present one, then 412 for that operation', async () => {
    const idp = await arrangeProvider(server);
    const made = await bulk(idp, [user('a', 'ana@acme.test')]).expect(200);
    const id = made.body.Operations[0].location.split('/').at(-1);
    const patch = {
      method: 'PATCH',
      path: `/Users/${id}`,
      data: patchOf({ op: 'replace', path: 'displayName', value: 'Ana' }),
    };
    const { body } = await bulk(idp, [
      { ...patch, version: 'W/"99"' },
      { ...patch, version: made.body.Operations[0].version },
    ]).expect(200);
    assert.deepEqual(statuses(body), ['412', '200']);
  });

  it('SCIM-9: given too many, another path, a bulkId twice or none, then the whole request is refused and nothing is done', async () => {
    const idp = await arrangeProvider(server);
    const good = user('a', 'ana@acme.test');
    await bulk(
      idp,
      Array.from({ length: 1001 }, (_, at) => user(`u${at}`, `u${at}`)),
    ).expect(413);
    for (const bad of [
      { ...good, path: '/Bulk' },
      { ...good, path: '/Users/../Groups' },
      { ...good, method: 'GET' },
      { ...good, bulkId: undefined },
      { method: 'DELETE', path: '/Users' },
      'nothing',
    ]) {
      assert.equal((await bulk(idp, [good, bad]).expect(400)).body.scimType, 'invalidValue', JSON.stringify(bad));
    }
    await bulk(idp, [good, good]).expect(400);
    await idp.scim('post', '/Bulk', { Operations: [good] }).expect(400);
    assert.equal(await accountOf(idp, 'ana@acme.test'), undefined);
  });

  it('SCIM-2: given another organization’s id in an operation, then that does not exist', async () => {
    const [one, two] = [await arrangeProvider(server), await arrangeProvider(server)];
    const made = await bulk(one, [user('a', 'ana@acme.test')]).expect(200);
    const id = made.body.Operations[0].location.split('/').at(-1);
    const { body } = await bulk(two, [{ method: 'DELETE', path: `/Users/${id}` }]).expect(200);
    assert.deepEqual(statuses(body), ['404']);
  });
});
