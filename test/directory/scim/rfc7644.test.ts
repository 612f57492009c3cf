/** Every MUST of RFC 7644, section 3, that applies to a service provider of what this one offers; each named by its section. */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { openTestDatabase } from '../../harness/database.ts';
import { startTestServer } from '../../harness/server.ts';
import { arrangeProvider, callScim, ENTERPRISE, GROUP, type Provider, patchOf, USER } from './arrange.ts';

const database = await openTestDatabase();
const server = await startTestServer(database);
const ERROR = 'urn:ietf:params:scim:api:messages:2.0:Error';
const LIST = 'urn:ietf:params:scim:api:messages:2.0:ListResponse';
const SEARCH = 'urn:ietf:params:scim:api:messages:2.0:SearchRequest';

let idp: Provider;
let count = 0;
before(async () => {
  idp = await arrangeProvider(server);
});

const person = (more: object = {}) => ({ schemas: [USER], userName: `person${++count}@acme.test`, ...more });
const make = async (more: object = {}) => (await idp.scim('post', '/Users', person(more)).expect(201)).body;
const change = (id: string, ...operations: unknown[]) => idp.scim('patch', `/Users/${id}`, patchOf(...operations));
const find = (filter: string) => idp.scim('get', `/Users?filter=${encodeURIComponent(filter)}`);
const bulk = (...Operations: unknown[]) =>
  idp.scim('post', '/Bulk', { schemas: ['urn:ietf:params:scim:api:messages:2.0:BulkRequest'], Operations });

describe('RFC 7644 3.1 and 3.2: requests', () => {
  it('3.1: every request and answer carries schemas; the media type is application/scim+json', async () => {
    const { body, headers } = await idp.scim('post', '/Users', person()).expect(201);
    assert.deepEqual(body.schemas, [USER]);
    assert.match(headers['content-type'] ?? '', /^application\/scim\+json/);
    const { body: refused } = await idp.scim('post', '/Users', { userName: 'nobody' }).expect(400);
    assert.deepEqual(refused.schemas, [ERROR]);
  });

  it('3.1: readOnly attributes in a POST or PUT are ignored', async () => {
    const made = await make({ id: 'mine', meta: { resourceType: 'Cat' }, groups: [{ value: 'g' }] });
    assert.notEqual(made.id, 'mine');
    assert.equal(made.meta.resourceType, 'User');
    assert.equal('groups' in made, false);
    const put = { schemas: [USER], userName: made.userName, id: 'mine', meta: { created: '1970-01-01T00:00:00Z' } };
    const { body } = await idp.scim('put', `/Users/${made.id}`, put).expect(200);
    assert.equal(body.id, made.id);
    assert.equal(body.meta.created, made.meta.created);
  });

  it('3.2: a method that an endpoint does not know is no success', async () => {
    await idp.scim('put', '/Users', person()).expect(404);
    await idp.scim('delete', '/Groups').expect(404);
  });
});

describe('RFC 7644 3.3: creating', () => {
  it('3.3: 201, with the resource, its URI in Location and, the same, in meta.location', async () => {
    const { body, headers } = await idp.scim('post', '/Users', person()).expect(201);
    assert.equal(headers['location'], body.meta.location);
    assert.ok(body.meta.location.endsWith(`/Users/${body.id}`));
    const followed = await callScim(server, idp.directoryId, idp.token, 'get', `/Users/${body.id}`).expect(200);
    assert.deepEqual(followed.body, body);
  });

  it('3.3: a duplicate is 409 with scimType uniqueness', async () => {
    const { userName } = await make();
    const { body } = await idp.scim('post', '/Users', { schemas: [USER], userName }).expect(409);
    assert.equal(body.scimType, 'uniqueness');
  });

  it('3.3.1: meta.resourceType is set by the server, by the endpoint posted to', async () => {
    assert.equal((await make()).meta.resourceType, 'User');
    const group = await idp.scim('post', '/Groups', { schemas: [GROUP], displayName: 'Typed' }).expect(201);
    assert.equal(group.body.meta.resourceType, 'Group');
  });
});

describe('RFC 7644 3.4: reading', () => {
  it('3.4.1: a resource by its id is 200 with the resource', async () => {
    const made = await make();
    assert.deepEqual((await idp.scim('get', `/Users/${made.id}`).expect(200)).body, made);
  });

  it('3.4.2: a list names ListResponse and gives totalResults, even where nothing is found', async () => {
    const { body } = await find('userName eq "nobody at all"').expect(200);
    assert.deepEqual(body.schemas, [LIST]);
    assert.equal(body.totalResults, 0);
    assert.deepEqual(body.Resources, []);
  });

  it('3.4.2.2: attribute names and operators are of any letter case', async () => {
    const { userName, id } = await make();
    const { body } = await find(`USERNAME EQ "${userName}" AnD ID Eq "${id}"`).expect(200);
    assert.equal(body.totalResults, 1);
  });

  it('3.4.2.2: not binds before and, and before or; brackets first', async () => {
    const tag = `tag${++count}`;
    const [a, b] = [await make({ title: `${tag} a` }), await make({ title: `${tag} b`, nickName: 'n' })];
    const ids = async (filter: string) =>
      (await find(filter).expect(200)).body.Resources.map((each: { id: string }) => each.id);
    assert.deepEqual(await ids(`title eq "${tag} a" or title sw "${tag}" and nickName pr`), [a.id, b.id]);
    assert.deepEqual(await ids(`(title eq "${tag} a" or title sw "${tag}") and nickName pr`), [b.id]);
    assert.deepEqual(await ids(`title sw "${tag}" and not (nickName pr)`), [a.id]);
  });

  it('3.4.2.2: an expression in square brackets holds for one value of the attribute', async () => {
    const emails = [
      { value: 'one@cross.test', type: 'work' },
      { value: 'two@cross.test', type: 'home' },
    ];
    await make({ emails });
    assert.equal((await find('emails[type eq "work" and value co "one@cross"]')).body.totalResults, 1);
    assert.equal((await find('emails[type eq "home" and value co "one@cross"]')).body.totalResults, 0);
  });

  it('3.4.2.2: what can not be filtered is 400 invalidFilter', async () => {
    for (const filter of ['userName', 'userName like "x"', 'shoeSize eq "9"', 'active gt true', '(userName pr']) {
      const { body } = await find(filter).expect(400);
      assert.equal(body.scimType, 'invalidFilter', filter);
    }
  });

  it('3.4.2.2: strings are compared by the attribute’s caseExact', async () => {
    const { userName } = await make({ externalId: 'CaseSensitive' });
    assert.equal((await find(`userName eq "${userName.toUpperCase()}"`)).body.totalResults, 1);
    assert.equal((await find('externalId eq "casesensitive"')).body.totalResults, 0);
    assert.equal((await find('externalId eq "CaseSensitive"')).body.totalResults, 1);
  });

  it('3.4.2.3: sortBy sorts, ascending where sortOrder is left out, case by caseExact', async () => {
    const tag = `sort${++count}`;
    for (const title of ['b', 'A', 'c']) await make({ title, nickName: tag });
    const { body } = await idp
      .scim('get', `/Users?sortBy=title&filter=${encodeURIComponent(`nickName eq "${tag}"`)}`)
      .expect(200);
    assert.deepEqual(
      body.Resources.map((each: { title: string }) => each.title),
      ['A', 'b', 'c'],
    );
  });

  it('3.4.2.4: startIndex below 1 is 1; a negative count is 0; never more than count', async () => {
    const first = (await idp.scim('get', '/Users?startIndex=-3&count=2').expect(200)).body;
    assert.deepEqual([first.startIndex, first.itemsPerPage, first.Resources.length], [1, 2, 2]);
    const none = (await idp.scim('get', '/Users?count=-1').expect(200)).body;
    assert.deepEqual([none.itemsPerPage, none.Resources.length], [0, 0]);
    assert.equal(none.totalResults, first.totalResults);
  });

  it('3.4.2.5 and 3.9: attributes give the minimum and those; excludedAttributes never take the minimum', async () => {
    const { id } = await make({ title: 'Editor', nickName: 'Nick' });
    const only = (await idp.scim('get', `/Users/${id}?attributes=title`).expect(200)).body;
    assert.deepEqual(Object.keys(only).sort(), ['id', 'schemas', 'title']);
    const without = (await idp.scim('get', `/Users/${id}?excludedAttributes=title,id,schemas`).expect(200)).body;
    assert.deepEqual([without.id, without.title, without.nickName], [id, undefined, 'Nick']);
  });

  it('3.4.3: POST .search answers as the query does, with the list’s schema', async () => {
    const { userName } = await make();
    const filter = `userName eq "${userName}"`;
    const { body } = await idp.scim('post', '/Users/.search', { schemas: [SEARCH], filter }).expect(200);
    assert.deepEqual(body, (await find(filter)).body);
    const all = await idp.scim('post', '/.search', { schemas: [SEARCH], filter }).expect(200);
    assert.deepEqual(all.body.Resources, body.Resources);
  });
});

describe('RFC 7644 3.5.1: replacing', () => {
  it('3.5.1: 200 with the whole resource; what is left out is gone', async () => {
    const { id, userName } = await make({ title: 'Editor', nickName: 'Nick' });
    const { body } = await idp.scim('put', `/Users/${id}`, { schemas: [USER], userName, nickName: 'N' }).expect(200);
    assert.deepEqual([body.title, body.nickName, body.userName], [undefined, 'N', userName]);
  });

  it('3.5.1: a required attribute must be there', async () => {
    const { id } = await make();
    const { body } = await idp.scim('put', `/Users/${id}`, { schemas: [USER], title: 'x' }).expect(400);
    assert.equal(body.scimType, 'invalidValue');
  });

  it('3.5.1: PUT makes nothing that is not there', async () => {
    await idp.scim('put', '/Users/00000000-0000-4000-8000-000000000000', person()).expect(404);
  });
});

describe('RFC 7644 3.5.2: patching', () => {
  it('3.5.2: the body names PatchOp and has Operations', async () => {
    const { id } = await make();
    for (const body of [{ Operations: [] }, { schemas: [USER], Operations: [] }, { schemas: patchOf().schemas }]) {
      assert.equal((await idp.scim('patch', `/Users/${id}`, body).expect(400)).body.scimType, 'invalidSyntax');
    }
  });

  it('3.5.2: all operations or none', async () => {
    const made = await make({ title: 'before' });
    const good = { op: 'replace', path: 'title', value: 'after' };
    await change(made.id, good, { op: 'replace', path: 'active', value: 'perhaps' }).expect(400);
    assert.deepEqual((await idp.scim('get', `/Users/${made.id}`)).body, made);
  });

  it('3.5.2: operations are done in their order', async () => {
    const { id } = await make();
    const [one, two] = ['one', 'two'].map((value) => ({ op: 'replace', path: 'title', value }));
    assert.equal((await change(id, one, two).expect(200)).body.title, 'two');
  });

  it('3.5.2: no operation may change what is readOnly: mutability', async () => {
    const { id } = await make();
    for (const path of ['id', 'meta.created', 'groups']) {
      assert.equal(
        (await change(id, { op: 'replace', path, value: 'x' }).expect(400)).body.scimType,
        'mutability',
        path,
      );
    }
  });

  it('3.5.2: whether a value became the primary one, the others are so no more', async () => {
    const { id } = await make({ emails: [{ value: 'a@p.test', primary: true }] });
    const { body } = await change(id, { op: 'add', path: 'emails', value: [{ value: 'b@p.test', primary: true }] });
    assert.deepEqual(
      body.emails
        .filter((email: { primary?: boolean }) => email.primary)
        .map((email: { value: string }) => email.value),
      ['b@p.test'],
    );
  });

  it('3.5.2: a path is readable: invalidPath', async () => {
    const { id } = await make();
    for (const path of ['emails[', 'a b c', '.title', 'emails[type eq].value']) {
      assert.equal(
        (await change(id, { op: 'replace', path, value: 'x' }).expect(400)).body.scimType,
        'invalidPath',
        path,
      );
    }
  });

  it('3.5.2.1: add has a value; without a path it is a set of attributes; a value that is there already is not added', async () => {
    const { id } = await make({ emails: [{ value: 'a@p.test', type: 'work' }] });
    await change(id, { op: 'add', path: 'title' }).expect(400);
    const added = (await change(id, { op: 'add', value: { title: 'T', nickName: 'N' } }).expect(200)).body;
    assert.deepEqual([added.title, added.nickName], ['T', 'N']);
    const again = { op: 'add', path: 'emails', value: [{ value: 'a@p.test', type: 'work' }] };
    const same = (await change(id, again).expect(200)).body;
    assert.equal(same.emails.length, 1);
    assert.equal(same.meta.lastModified, added.meta.lastModified);
  });

  it('3.5.2.2: remove without a path is noTarget; a required attribute stays; the last value takes the attribute along', async () => {
    const { id } = await make({ title: 'T', emails: [{ value: 'a@p.test', type: 'work' }] });
    assert.equal((await change(id, { op: 'remove' }).expect(400)).body.scimType, 'noTarget');
    await change(id, { op: 'remove', path: 'userName' }).expect(400);
    const { body } = await change(
      id,
      { op: 'remove', path: 'title' },
      { op: 'remove', path: 'emails[type eq "work"]' },
    );
    assert.deepEqual(['title' in body, 'emails' in body], [false, false]);
  });

  it('3.5.2.3: replace of what is not there adds it; of a filtered part it changes those values only', async () => {
    const { id } = await make({
      phoneNumbers: [
        { value: '1', type: 'work' },
        { value: '2', type: 'home' },
      ],
    });
    const { body } = await change(
      id,
      { op: 'replace', path: 'title', value: 'new' },
      { op: 'replace', path: 'phoneNumbers[type eq "home"].value', value: '3' },
    ).expect(200);
    assert.equal(body.title, 'new');
    assert.deepEqual(body.phoneNumbers, [
      { value: '1', type: 'work' },
      { value: '3', type: 'home' },
    ]);
  });

  it('3.5.2.3: replace whose filter means nothing is 400 noTarget', async () => {
    const { id } = await make();
    const nothing = { op: 'replace', path: 'emails[value co "nowhere"].type', value: 'work' };
    assert.equal((await change(id, nothing).expect(400)).body.scimType, 'noTarget');
  });

  it('3.5.2: 200 with the resource, or 204; 200 where attributes are asked for', async () => {
    const { id } = await make();
    assert.equal((await change(id, { op: 'replace', path: 'title', value: 'x' }).expect(200)).body.id, id);
    const group = (await idp.scim('post', '/Groups', { schemas: [GROUP], displayName: 'Patched' }).expect(201)).body;
    const add = patchOf({ op: 'add', path: 'members', value: [{ value: id }] });
    await idp.scim('patch', `/Groups/${group.id}`, add).expect(204);
    const { body } = await idp.scim('patch', `/Groups/${group.id}?attributes=members`, add).expect(200);
    assert.deepEqual(
      body.members.map((each: { value: string }) => each.value),
      [id],
    );
  });
});

describe('RFC 7644 3.6: deleting', () => {
  it('3.6: 204; then 404 for everything, no list has it, and its name is free', async () => {
    const { id, userName } = await make();
    assert.equal((await idp.scim('delete', `/Users/${id}`).expect(204)).text, '');
    await idp.scim('get', `/Users/${id}`).expect(404);
    await idp.scim('put', `/Users/${id}`, { schemas: [USER], userName }).expect(404);
    await change(id, { op: 'replace', path: 'title', value: 'x' }).expect(404);
    await idp.scim('delete', `/Users/${id}`).expect(404);
    assert.equal((await find(`userName eq "${userName}"`)).body.totalResults, 0);
    await idp.scim('post', '/Users', { schemas: [USER], userName }).expect(201);
  });
});

describe('RFC 7644 3.7: bulk', () => {
  it('3.7: an answer for each operation, with location, method, bulkId and status as a string; response where it failed', async () => {
    const { body } = await bulk(
      { method: 'POST', path: '/Users', bulkId: 'a', data: person() },
      { method: 'POST', path: '/Users', bulkId: 'b', data: { schemas: [USER] } },
    ).expect(200);
    assert.deepEqual(body.schemas, ['urn:ietf:params:scim:api:messages:2.0:BulkResponse']);
    const [good, bad] = body.Operations;
    assert.deepEqual([good.method, good.bulkId, good.status], ['POST', 'a', '201']);
    assert.match(good.location, /\/Users\/[0-9a-f-]{36}$/);
    assert.deepEqual([bad.status, bad.response.schemas], ['400', [ERROR]]);
    assert.equal('location' in bad, false);
  });

  it('3.7.2: a bulkId is resolved wherever it is used, also before its own operation', async () => {
    const { body } = await bulk(
      {
        method: 'POST',
        path: '/Groups',
        bulkId: 'g',
        data: { schemas: [GROUP], displayName: 'Bulk', members: [{ value: 'bulkId:u' }] },
      },
      { method: 'POST', path: '/Users', bulkId: 'u', data: person() },
    ).expect(200);
    assert.deepEqual(
      body.Operations.map((each: { status: string }) => each.status),
      ['201', '201'],
    );
  });

  it('3.7.3: failOnErrors ends the work; without it all are tried', async () => {
    const bad = { method: 'POST', path: '/Users', bulkId: 'bad', data: { schemas: [USER] } };
    const good = { method: 'POST', path: '/Users', bulkId: 'good', data: person() };
    assert.equal((await bulk(bad, good).expect(200)).body.Operations.length, 2);
    const { body } = await idp
      .scim('post', '/Bulk', {
        schemas: ['urn:ietf:params:scim:api:messages:2.0:BulkRequest'],
        failOnErrors: 1,
        Operations: [bad, { ...good, data: person() }],
      })
      .expect(200);
    assert.equal(body.Operations.length, 1);
  });

  it('3.7.4: more operations, or more bytes, than ServiceProviderConfig says are 413', async () => {
    const { body: config } = await idp.scim('get', '/ServiceProviderConfig').expect(200);
    const { maxOperations, maxPayloadSize } = config.bulk;
    const operation = { method: 'DELETE', path: '/Users/00000000-0000-4000-8000-000000000000' };
    await bulk(...Array.from({ length: maxOperations + 1 }, () => operation)).expect(413);
    await idp.scim('post', '/Bulk', `{"pad":"${'x'.repeat(maxPayloadSize)}"}`).expect(413);
  });
});

describe('RFC 7644 3.8 to 3.14: the rest', () => {
  it('3.8: JSON is taken and given as application/scim+json or application/json; other types are refused', async () => {
    const post = (type: string) =>
      server.http
        .post(`/scim/v2/${idp.directoryId}/Users`)
        .set('Authorization', `Bearer ${idp.token}`)
        .set('Content-Type', type)
        .send(JSON.stringify(person()));
    await post('application/scim+json').expect(201);
    await post('application/json').expect(201);
    await post('text/plain').expect(415);
  });

  it('3.9: attributes and excludedAttributes hold for what a write answers too; extensions are named by their URN', async () => {
    const made = await idp
      .scim('post', `/Users?attributes=userName,${ENTERPRISE}:department`, {
        ...person({ title: 'T' }),
        [ENTERPRISE]: { department: 'D', division: 'V' },
      })
      .expect(201);
    assert.deepEqual(made.body[ENTERPRISE], { department: 'D' });
    assert.equal('title' in made.body, false);
    await idp.scim('get', '/Users?attributes=title&excludedAttributes=title').expect(400);
  });

  it('3.10: an attribute may be written with the URN of its schema', async () => {
    const { userName } = await make();
    assert.equal((await find(`${USER}:userName eq "${userName}"`).expect(200)).body.totalResults, 1);
  });

  it('3.11: /Me is answered 501 where it is not offered', async () => {
    for (const verb of ['get', 'put', 'patch', 'delete', 'post'] as const) await idp.scim(verb, '/Me').expect(501);
  });

  it('3.12: errors are JSON with the error schema and the status as a string', async () => {
    for (const [answer, status] of [
      [await idp.scim('get', '/Users/nobody'), '404'],
      [await idp.scim('post', '/Users', '{'), '400'],
      [await callScim(server, idp.directoryId, undefined, 'get', '/Users'), '401'],
    ] as const) {
      assert.deepEqual([answer.body.schemas, answer.body.status], [[ERROR], status]);
      assert.ok(answer.body.detail);
    }
  });

  it('3.14: each resource has its version as ETag and in meta; If-Match holds, If-None-Match spares', async () => {
    const { body, headers } = await idp.scim('post', '/Users', person()).expect(201);
    assert.equal(headers['etag'], body.meta.version);
    const etag = String(headers['etag']);
    assert.equal((await idp.scim('get', `/Users/${body.id}`).set('If-None-Match', etag).expect(304)).text, '');
    const rename = () => change(body.id, { op: 'replace', path: 'title', value: `t${++count}` });
    const after = await rename().set('If-Match', etag).expect(200);
    assert.notEqual(after.headers['etag'], etag);
    await rename().set('If-Match', etag).expect(412);
    await idp.scim('delete', `/Users/${body.id}`).set('If-Match', etag).expect(412);
    await idp.scim('get', `/Users/${body.id}`).set('If-None-Match', etag).expect(200);
  });

  it('4: what is asked of a discovery endpoint is told whole: a filter is 403', async () => {
    for (const path of ['/Schemas', '/ResourceTypes', '/ServiceProviderConfig']) {
      await idp.scim('get', `${path}?filter=${encodeURIComponent('id pr')}`).expect(403);
      await idp.scim('get', path).expect(200);
    }
  });
});
