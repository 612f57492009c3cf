import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { openTestDatabase } from '../../harness/database.ts';
import { startTestServer } from '../../harness/server.ts';
import {
  accountOf,
  arrangeProvider,
  auditOf,
  GROUP,
  mapGroup,
  openSession,
  type Provider,
  patchOf,
  USER,
} from './arrange.ts';

const server = await startTestServer(await openTestDatabase());

/** As Okta's profile push sends it. */
const ana = {
  schemas: [USER],
  userName: 'ana@acme.test',
  name: { givenName: 'Ana', familyName: 'Alder' },
  emails: [{ primary: true, value: 'ana@acme.test', type: 'work' }],
  displayName: 'Ana Alder',
  locale: 'en-US',
  externalId: '00u1abcd',
  groups: [],
  password: 'aRandomOne1!',
  active: true,
};

describe("Okta's provisioning cycle", () => {
  let okta: Provider;
  let id: string;
  let group: string;
  before(async () => {
    okta = await arrangeProvider(server);
    await mapGroup(okta, 'Editors', 'member');
  });

  it('given nobody yet, when it looks a userName up, then the list is empty', async () => {
    const found = await okta
      .scim('get', '/Users?filter=userName%20eq%20%22ana%40acme.test%22&startIndex=1&count=100')
      .expect(200);
    assert.equal(found.headers['content-type']?.split(';')[0], 'application/scim+json');
    assert.deepEqual(found.body, {
      schemas: ['urn:ietf:params:scim:api:messages:2.0:ListResponse'],
      totalResults: 0,
      startIndex: 1,
      itemsPerPage: 0,
      Resources: [],
    });
  });

  it('when it creates a user, then the account exists, and the password is nowhere', async () => {
    const made = await okta.scim('post', '/Users', ana).expect(201);
    id = made.body.id;
    assert.equal(made.headers['location'], `${server.url}/scim/v2/${okta.directoryId}/Users/${id}`);
    assert.equal(made.body.meta.location, made.headers['location']);
    assert.equal(made.body.meta.version, made.headers['etag']);
    assert.deepEqual(made.body.name, ana.name);
    assert.deepEqual(made.body.emails, ana.emails);
    assert.equal(made.body.externalId, '00u1abcd');
    assert.equal(made.body.active, true);
    assert.equal('password' in made.body, false);
    const stored = await okta.inside(({ db }) =>
      db.selectFrom('directory_users').selectAll().where('id', '=', id).executeTakeFirstOrThrow(),
    );
    assert.doesNotMatch(JSON.stringify(stored), /aRandomOne/);
    const account = await accountOf(okta, 'ana@acme.test');
    assert.equal(account?.status, 'active');
    assert.equal(account?.displayName, 'Ana Alder');
    assert.deepEqual(await auditOf(okta, id), ['directory_user.created']);
  });

  it('when it looks the userName up in another letter case, then it finds the same user, and GET gives it', async () => {
    const found = await okta.scim('get', '/Users?filter=userName+eq+%22ANA@acme.test%22').expect(200);
    assert.equal(found.body.totalResults, 1);
    const read = await okta.scim('get', `/Users/${id}`).expect(200);
    assert.deepEqual(found.body.Resources[0], read.body);
  });

  it('when it pushes a profile change as PUT, then the account follows', async () => {
    const put = await okta
      .scim('put', `/Users/${id}`, { ...ana, id, displayName: 'Ana Birch', nickName: 'Annie' })
      .expect(200);
    assert.equal(put.body.displayName, 'Ana Birch');
    assert.equal(put.body.nickName, 'Annie');
    assert.equal(put.body.meta.version, 'W/"2"');
    assert.equal((await accountOf(okta, 'ana@acme.test'))?.displayName, 'Ana Birch');
  });

  it('when it pushes a group and then adds a member, then the mapped role is there when the answer is', async () => {
    const made = await okta
      .scim('post', '/Groups', { schemas: [GROUP], displayName: 'Editors', members: [] })
      .expect(201);
    group = made.body.id;
    assert.deepEqual(made.body.members, []);
    await okta
      .scim(
        'patch',
        `/Groups/${group}`,
        patchOf({ op: 'add', path: 'members', value: [{ value: id, display: 'ana@acme.test' }] }),
      )
      .expect(204);
    assert.deepEqual((await accountOf(okta, 'ana@acme.test'))?.roles, ['member']);
    const read = await okta.scim('get', `/Users/${id}`).expect(200);
    assert.deepEqual(
      read.body.groups.map((each: { value: string }) => each.value),
      [group],
    );
  });

  it('when it renames the group without members, then they stay members, and the rule no longer matches', async () => {
    await okta
      .scim('patch', `/Groups/${group}`, patchOf({ op: 'replace', value: { id: group, displayName: 'Writers' } }))
      .expect(204);
    const read = await okta.scim('get', `/Groups/${group}`).expect(200);
    assert.equal(read.body.displayName, 'Writers');
    assert.equal(read.body.members.length, 1);
    assert.deepEqual((await accountOf(okta, 'ana@acme.test'))?.roles, []);
    await okta
      .scim('patch', `/Groups/${group}`, patchOf({ op: 'replace', value: { displayName: 'Editors' } }))
      .expect(204);
    assert.deepEqual((await accountOf(okta, 'ana@acme.test'))?.roles, ['member']);
  });

  it('when it removes the member by a filter and pushes the list again, then the role goes and comes', async () => {
    await okta
      .scim('patch', `/Groups/${group}`, patchOf({ op: 'remove', path: `members[value eq "${id}"]` }))
      .expect(204);
    assert.deepEqual((await accountOf(okta, 'ana@acme.test'))?.roles, []);
    await okta
      .scim('patch', `/Groups/${group}`, patchOf({ op: 'replace', path: 'members', value: [{ value: id }] }))
      .expect(204);
    assert.deepEqual((await accountOf(okta, 'ana@acme.test'))?.roles, ['member']);
  });

  it('when it deactivates with a value without a path, then access has ended before the answer', async () => {
    const account = await accountOf(okta, 'ana@acme.test');
    await openSession(okta, account?.id ?? '');
    const answer = await okta
      .scim('patch', `/Users/${id}`, patchOf({ op: 'replace', value: { active: false } }))
      .expect(200);
    assert.equal(answer.body.active, false);
    const after = await accountOf(okta, 'ana@acme.test');
    assert.deepEqual(
      { status: after?.status, roles: after?.roles, sessions: after?.sessions },
      { status: 'deprovisioned', roles: [], sessions: 0 },
    );
    const listed = await okta.scim('get', '/Users?filter=userName eq "ana@acme.test"').expect(200);
    assert.equal(listed.body.totalResults, 1, 'an inactive user is still a user');
  });

  it('when it reactivates with a PUT, then the same account is back with what its groups give', async () => {
    const put = await okta.scim('put', `/Users/${id}`, { ...ana, id }).expect(200);
    assert.equal(put.body.active, true);
    const account = await accountOf(okta, 'ana@acme.test');
    assert.deepEqual({ status: account?.status, roles: account?.roles }, { status: 'active', roles: ['member'] });
    assert.equal(account?.sessions, 0, 'old sessions stay ended');
  });

  it('when it deletes the group, then its role ends and the group is unknown', async () => {
    await okta.scim('delete', `/Groups/${group}`).expect(204);
    await okta.scim('get', `/Groups/${group}`).expect(404);
    assert.deepEqual((await accountOf(okta, 'ana@acme.test'))?.roles, []);
    assert.deepEqual((await auditOf(okta, group)).at(-1), 'directory_group.deleted');
  });
});
