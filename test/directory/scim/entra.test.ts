import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { openTestDatabase } from '../../harness/database.ts';
import { startTestServer } from '../../harness/server.ts';
import {
  accountOf,
  arrangeProvider,
  ENTERPRISE,
  GROUP,
  mapGroup,
  openSession,
  type Provider,
  patchOf,
  USER,
} from './arrange.ts';

const server = await startTestServer(await openTestDatabase());

const bruno = {
  schemas: [USER, ENTERPRISE],
  externalId: 'bruno-object',
  userName: 'Bruno@Contoso.test',
  active: true,
  displayName: 'Bruno Costa',
  emails: [{ type: 'work', value: 'Bruno@Contoso.test', primary: true }],
  name: { formatted: 'Bruno Costa', familyName: 'Costa', givenName: 'Bruno' },
  meta: { resourceType: 'User' },
  [ENTERPRISE]: { department: 'Sales', employeeNumber: '701984' },
};

describe("Entra's provisioning cycle", () => {
  let entra: Provider;
  let id: string;
  let group: string;
  before(async () => {
    entra = await arrangeProvider(server);
    await mapGroup(entra, 'Writers', 'member');
  });

  it('given nobody yet, when it looks up an externalId, then the list is empty', async () => {
    const found = await entra.scim('get', '/Users?filter=externalId eq "bruno-object"').expect(200);
    assert.equal(found.body.totalResults, 0);
    const probe = await entra
      .scim('get', '/Users?filter=userName eq "0c3a3c3e-5d3b-4a52-9e77-1d40a84e1f4b"')
      .expect(200);
    assert.equal(probe.body.totalResults, 0);
  });

  it('when it creates a user, then what it sent comes back as sent', async () => {
    const made = await entra.scim('post', '/Users', bruno).expect(201);
    id = made.body.id;
    assert.equal(made.body.userName, 'Bruno@Contoso.test');
    assert.deepEqual(made.body[ENTERPRISE], bruno[ENTERPRISE]);
    assert.deepEqual(made.body.schemas, [USER, ENTERPRISE]);
    assert.equal((await accountOf(entra, 'bruno@contoso.test'))?.status, 'active');
    for (const filter of [
      'externalId eq "bruno-object"',
      'emails[type eq "work" and value eq "bruno@contoso.test"]',
      'active eq true and emails.value eq "bruno@contoso.test"',
    ]) {
      const found = await entra.scim('get', `/Users?filter=${encodeURIComponent(filter)}`).expect(200);
      assert.deepEqual(
        found.body.Resources.map((each: { id: string }) => each.id),
        [id],
        filter,
      );
    }
  });

  it('when it patches with capital operations, paths and the extension, then each lands where it belongs', async () => {
    const patch = patchOf(
      { op: 'Replace', path: 'emails[type eq "work"].value', value: 'bruno.costa@contoso.test' },
      { op: 'Add', path: 'phoneNumbers[type eq "mobile"].value', value: '+49 30 1' },
      { op: 'Replace', path: 'name.familyName', value: 'Costa-Lima' },
      { op: 'Add', path: `${ENTERPRISE}:department`, value: 'Research' },
      { op: 'Add', path: `${ENTERPRISE}:manager`, value: 'manager-object' },
      { op: 'Add', path: 'roles', value: [{ value: '{"id":"r1","displayName":"Reader"}', primary: 'True' }] },
    );
    const { body } = await entra.scim('patch', `/Users/${id}`, patch).expect(200);
    assert.deepEqual(body.emails, [{ type: 'work', value: 'bruno.costa@contoso.test', primary: true }]);
    assert.deepEqual(body.phoneNumbers, [{ type: 'mobile', value: '+49 30 1' }]);
    assert.equal(body.name.familyName, 'Costa-Lima');
    assert.equal(body.name.givenName, 'Bruno');
    assert.deepEqual(body[ENTERPRISE], {
      department: 'Research',
      employeeNumber: '701984',
      manager: { value: 'manager-object' },
    });
    assert.deepEqual(body.roles, [{ value: '{"id":"r1","displayName":"Reader"}', primary: true }]);
    assert.equal((await accountOf(entra, 'bruno.costa@contoso.test'))?.status, 'active');
  });

  it('when it patches with one value whose keys are dotted and URN-qualified, then each lands too', async () => {
    const value = {
      displayName: 'Bruno Lima',
      'name.givenName': 'Bruno M.',
      [`${ENTERPRISE}:division`]: 'North',
      'emails[type eq "home"].value': 'bruno@home.test',
      [ENTERPRISE]: { costCenter: '4711' },
    };
    const { body } = await entra.scim('patch', `/Users/${id}`, patchOf({ op: 'replace', value })).expect(200);
    assert.equal(body.displayName, 'Bruno Lima');
    assert.equal(body.name.givenName, 'Bruno M.');
    assert.equal(body[ENTERPRISE].division, 'North');
    assert.equal(body[ENTERPRISE].costCenter, '4711');
    assert.equal(body[ENTERPRISE].department, 'Research');
    assert.deepEqual(body.emails.at(-1), { type: 'home', value: 'bruno@home.test' });
  });

  it('when a PATCH has no operations, then nothing changes, not even the version', async () => {
    const before = await entra.scim('get', `/Users/${id}`);
    const { body } = await entra.scim('patch', `/Users/${id}`, patchOf()).expect(200);
    assert.deepEqual(body, before.body);
  });

  it('when it creates a group with its own extra schema and adds a member, then the role follows', async () => {
    const made = await entra
      .scim('post', '/Groups', {
        schemas: [GROUP, 'urn:example:directory:extra:2.0:Group'],
        externalId: 'writers-object',
        displayName: 'Writers',
        meta: { resourceType: 'Group' },
      })
      .expect(201);
    group = made.body.id;
    const add = { op: 'Add', path: 'members', value: [{ $ref: null, value: id }] };
    await entra.scim('patch', `/Groups/${group}`, patchOf(add)).expect(204);
    assert.deepEqual((await accountOf(entra, 'bruno.costa@contoso.test'))?.roles, ['member']);
  });

  it('when it reads the group without members, then they are left out, and asked for by a filter they are found', async () => {
    const read = await entra.scim('get', `/Groups/${group}?excludedAttributes=members`).expect(200);
    assert.equal('members' in read.body, false);
    const found = await entra
      .scim('get', '/Groups?excludedAttributes=members&filter=displayName eq "writers"')
      .expect(200);
    assert.equal(found.body.totalResults, 1);
    assert.equal('members' in found.body.Resources[0], false);
    const asked = `/Groups?filter=${encodeURIComponent(`id eq "${group}" and members eq "${id}"`)}`;
    assert.equal((await entra.scim('get', asked).expect(200)).body.totalResults, 1);
    const whole = await entra.scim('get', `/Groups/${group}`).expect(200);
    assert.deepEqual(whole.body.members, [
      {
        value: id,
        $ref: `${server.url}/scim/v2/${entra.directoryId}/Users/${id}`,
        display: 'Bruno Lima',
        type: 'User',
      },
    ]);
  });

  it('when it removes the member by a list of values, then the role ends', async () => {
    const remove = { op: 'Remove', path: 'members', value: [{ $ref: null, value: id }] };
    await entra.scim('patch', `/Groups/${group}`, patchOf(remove)).expect(204);
    assert.deepEqual((await accountOf(entra, 'bruno.costa@contoso.test'))?.roles, []);
  });

  it('SCIM-12 when it disables with the string "False", then sessions end before the answer, and the user is still listed', async () => {
    await openSession(entra, (await accountOf(entra, 'bruno.costa@contoso.test'))?.id ?? '');
    const { body } = await entra
      .scim('patch', `/Users/${id}`, patchOf({ op: 'Replace', path: 'active', value: 'False' }))
      .expect(200);
    assert.equal(body.active, false);
    const account = await accountOf(entra, 'bruno.costa@contoso.test');
    assert.equal(account?.status, 'deprovisioned');
    assert.equal(account?.sessions, 0);
    assert.equal((await entra.scim('get', '/Users?filter=active eq false')).body.totalResults, 1);
  });

  it('SCIM-17 when it deletes the user, twice, then the user is gone, and the second time unknown', async () => {
    await entra.scim('delete', `/Users/${id}`).expect(204);
    await entra.scim('delete', `/Users/${id}`).expect(404);
    await entra.scim('get', `/Users/${id}`).expect(404);
    assert.equal((await entra.scim('get', '/Users')).body.totalResults, 0);
  });

  it('when the person is hired again, then the same record and account return, without their former groups', async () => {
    const made = await entra
      .scim('post', '/Users', { ...bruno, emails: [{ type: 'work', value: 'bruno.costa@contoso.test' }] })
      .expect(201);
    assert.equal(made.body.id, id);
    const account = await accountOf(entra, 'bruno.costa@contoso.test');
    assert.equal(account?.status, 'active');
    assert.deepEqual(account?.roles, []);
  });

  it("when another person gets a leaver's userName, then it is another record and another account", async () => {
    const former = await accountOf(entra, 'bruno.costa@contoso.test');
    await entra.scim('delete', `/Users/${id}`).expect(204);
    const made = await entra
      .scim('post', '/Users', {
        ...bruno,
        externalId: 'another-object',
        emails: [{ type: 'work', value: 'bruno.costa@contoso.test' }],
      })
      .expect(201);
    assert.notEqual(made.body.id, id);
    const accounts = await entra.inside(({ db }) =>
      db
        .selectFrom('users')
        .select(['id', 'status'])
        .where('email', '=', 'bruno.costa@contoso.test')
        .orderBy('created_at')
        .execute(),
    );
    assert.deepEqual(
      accounts.map((each) => each.status),
      ['deprovisioned', 'active'],
    );
    assert.equal(accounts[0]?.id, former?.id);
  });
});
