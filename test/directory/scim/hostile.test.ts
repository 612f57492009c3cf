/** What a SCIM server must refuse, and what it must survive. */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { openTestDatabase } from '../../harness/database.ts';
import { startTestServer } from '../../harness/server.ts';
import {
  accountOf,
  arrangeProvider,
  callScim,
  ENTERPRISE,
  GROUP,
  PATCH,
  type Provider,
  patchOf,
  USER,
} from './arrange.ts';

const server = await startTestServer(await openTestDatabase());
const person = (userName: string, more: object = {}) => ({ schemas: [USER], userName, ...more });
const deep = (depth: number) => `${'('.repeat(depth)}userName pr${')'.repeat(depth)}`;

let provider: Provider;
let id: string;
let group: string;
before(async () => {
  provider = await arrangeProvider(server);
  id = (await provider.scim('post', '/Users', person('ana@acme.test', { displayName: 'Ana' })).expect(201)).body.id;
  group = (
    await provider
      .scim('post', '/Groups', { schemas: [GROUP], displayName: 'All', members: [{ value: id }] })
      .expect(201)
  ).body.id;
});

/** Everything that a directory states, to be the same before and after a refusal. */
const state = () =>
  provider.inside(async ({ db }) => ({
    users: await db.selectFrom('directory_users').selectAll().orderBy('id').execute(),
    groups: await db.selectFrom('directory_groups').selectAll().orderBy('id').execute(),
    members: await db.selectFrom('directory_group_members').selectAll().orderBy('member_id').execute(),
  }));

interface Refusal {
  readonly name: string;
  readonly body: unknown;
  readonly status?: number;
  readonly scimType?: string;
  /** What the message must name. */
  readonly naming?: string;
}

async function refuse(
  method: 'post' | 'put' | 'patch',
  path: string,
  { name, body, status = 400, scimType, naming }: Refusal,
): Promise<void> {
  const former = await state();
  const answer = await provider.scim(method, path, body);
  assert.equal(answer.status, status, `${name}: ${answer.text.slice(0, 300)}`);
  assert.deepEqual(answer.body.schemas, ['urn:ietf:params:scim:api:messages:2.0:Error'], name);
  assert.equal(answer.body.status, String(status), name);
  assert.equal(answer.body.scimType, scimType, `${name}: ${answer.text.slice(0, 300)}`);
  assert.ok(answer.body.detail.includes(naming ?? ''), `${name}: ${answer.body.detail}`);
  assert.deepEqual(await state(), former, `${name} changed something`);
}

describe('SCIM bodies that are refused', () => {
  const creations: Refusal[] = [
    { name: 'SCIM-8 broken JSON', body: '{"userName":', scimType: 'invalidSyntax' },
    { name: 'SCIM-8 a list', body: '[]', scimType: 'invalidSyntax' },
    { name: 'SCIM-8 a string', body: '"x"', scimType: 'invalidSyntax' },
    {
      name: 'SCIM-8 one attribute twice',
      body: `{"schemas":["${USER}"],"userName":"x","active":false,"active":true}`,
      scimType: 'invalidSyntax',
      naming: 'active',
    },
    {
      name: 'SCIM-8 one attribute twice, once escaped',
      body: `{"schemas":["${USER}"],"userName":"x","name":{"givenName":"a","given\\u004eame":"b"}}`,
      scimType: 'invalidSyntax',
      naming: 'givenName',
    },
    {
      name: 'SCIM-8 one attribute in two letter cases',
      body: person('x@acme.test', { USERNAME: 'y' }),
      scimType: 'invalidSyntax',
    },
    { name: 'SCIM-8 too large', body: person('x@acme.test', { title: 'x'.repeat(5_000_000) }), status: 413 },
    {
      name: 'SCIM-16 an attribute of 1 MB',
      body: person('x@acme.test', { title: 'x'.repeat(1_000_000) }),
      status: 413,
    },
    { name: 'SCIM-19 no schemas', body: { userName: 'x@acme.test' }, scimType: 'invalidValue', naming: 'schemas' },
    {
      name: 'SCIM-19 a schema that is misspelled',
      body: { schemas: [`${USER}s`], userName: 'x' },
      scimType: 'invalidValue',
      naming: 'schemas',
    },
    { name: 'no userName', body: { schemas: [USER] }, scimType: 'invalidValue', naming: 'userName' },
    { name: 'an empty userName', body: person('  '), scimType: 'invalidValue', naming: 'userName' },
    {
      name: 'a userName of invisible characters',
      body: person('\u200b\u200d'),
      scimType: 'invalidValue',
      naming: 'userName',
    },
    { name: 'a userName with control characters', body: person('a\nb'), scimType: 'invalidValue', naming: 'userName' },
    {
      name: 'a userName of 100,000 characters',
      body: person('x'.repeat(100_000)),
      scimType: 'invalidValue',
      naming: 'userName',
    },
    { name: 'a NUL', body: person('a\0b'), scimType: 'invalidValue', naming: 'userName' },
    {
      name: 'half a surrogate pair',
      body: `{"schemas":["${USER}"],"userName":"x","title":"\\ud800"}`,
      scimType: 'invalidValue',
      naming: 'title',
    },
    { name: 'userName a number', body: { schemas: [USER], userName: 7 }, scimType: 'invalidValue', naming: 'userName' },
    { name: 'SCIM-12 active 0', body: person('x', { active: 0 }), scimType: 'invalidValue', naming: 'active' },
    { name: 'SCIM-12 active "no"', body: person('x', { active: 'no' }), scimType: 'invalidValue', naming: 'active' },
    { name: 'SCIM-12 active null', body: person('x', { active: null }), scimType: 'invalidValue', naming: 'active' },
    {
      name: 'SCIM-12 active a list',
      body: person('x', { active: [false] }),
      scimType: 'invalidValue',
      naming: 'active',
    },
    { name: 'name a string', body: person('x', { name: 'Ana' }), scimType: 'invalidValue', naming: 'name' },
    {
      name: 'a name part a number',
      body: person('x', { name: { givenName: 1 } }),
      scimType: 'invalidValue',
      naming: 'name.givenName',
    },
    {
      name: 'an e-mail a number',
      body: person('x', { emails: [{ value: 5 }] }),
      scimType: 'invalidValue',
      naming: 'emails.value',
    },
    { name: 'emails a number', body: person('x', { emails: 5 }), scimType: 'invalidValue', naming: 'emails' },
    {
      name: 'the extension a string',
      body: person('x', { [ENTERPRISE]: 'x' }),
      scimType: 'invalidValue',
      naming: ENTERPRISE,
    },
    {
      name: 'SCIM-5 __proto__',
      body: `{"schemas":["${USER}"],"userName":"x","__proto__":{"active":true}}`,
      scimType: 'invalidSyntax',
    },
    {
      name: 'SCIM-5 nested __proto__',
      body: `{"schemas":["${USER}"],"userName":"x","name":{"__proto__":{}}}`,
      scimType: 'invalidSyntax',
    },
    {
      name: 'bottomless nesting',
      body: `{"schemas":["${USER}"],"userName":"x","a":${'[['.repeat(500)}${']]'.repeat(500)}}`,
      scimType: 'invalidSyntax',
    },
    { name: 'SCIM-6 the userName taken', body: person('ana@acme.test'), status: 409, scimType: 'uniqueness' },
    {
      name: 'SCIM-6 the userName taken in another letter case',
      body: person('ANA@Acme.Test'),
      status: 409,
      scimType: 'uniqueness',
    },
    {
      name: 'SCIM-15 the userName taken in full-width letters',
      body: person('ａｎａ@acme.test'),
      status: 409,
      scimType: 'uniqueness',
    },
    {
      name: 'SCIM-15 the userName taken with an invisible character',
      body: person('ana\u200b@acme.test'),
      status: 409,
      scimType: 'uniqueness',
    },
  ];
  for (const refusal of creations) {
    it(`${refusal.name}: ${refusal.status ?? 400} ${refusal.scimType ?? ''}`, () => refuse('post', '/Users', refusal));
  }

  const groups: Refusal[] = [
    {
      name: 'SCIM-11 a member that does not exist',
      body: { members: [{ value: '5f2a1c9e-0000-4000-8000-000000000000' }] },
      scimType: 'invalidValue',
      naming: '5f2a1c9e',
    },
    {
      name: 'SCIM-11 a member that is no id',
      body: { members: [{ value: "'; DROP TABLE users" }] },
      scimType: 'invalidValue',
    },
    {
      name: 'a member without a value',
      body: { members: [{ display: 'Ana' }] },
      scimType: 'invalidValue',
      naming: 'members',
    },
    {
      name: 'SCIM-11 a group as member',
      body: { members: [{ value: 'x', type: 'Group' }] },
      scimType: 'invalidValue',
      naming: 'Groups',
    },
    {
      name: 'too many members',
      body: { members: Array.from({ length: 20_001 }, (_, i) => ({ value: `${i}` })) },
      status: 413,
    },
    { name: 'an empty name', body: { displayName: '' }, scimType: 'invalidValue', naming: 'displayName' },
    { name: 'the name of another group', body: { displayName: 'ALL' }, status: 409, scimType: 'uniqueness' },
  ];
  for (const refusal of groups) {
    const body = { schemas: [GROUP], displayName: 'New', ...(refusal.body as object) };
    it(`${refusal.name}: ${refusal.status ?? 400} ${refusal.scimType ?? ''}`, () =>
      refuse('post', '/Groups', { ...refusal, body }));
  }
});

describe('SCIM-5 patches that are refused, wholly', () => {
  const good = { op: 'replace', path: 'title', value: 'Changed' };
  const operations: Refusal[] = [
    {
      name: 'an unknown path',
      body: { op: 'replace', path: 'favouriteColour', value: 'red' },
      scimType: 'invalidPath',
    },
    { name: 'an unknown part', body: { op: 'replace', path: 'name.nickname', value: 'red' }, scimType: 'invalidPath' },
    {
      name: 'an unknown part of the extension',
      body: { op: 'add', path: `${ENTERPRISE}:salary`, value: '1' },
      scimType: 'invalidPath',
    },
    {
      name: 'a path that is none',
      body: { op: 'replace', path: 'emails[type eq', value: 'x' },
      scimType: 'invalidPath',
    },
    {
      name: 'a path with a filter that is none',
      body: { op: 'replace', path: 'emails[type is "x"].value', value: 'x' },
      scimType: 'invalidPath',
    },
    {
      name: 'a filter on one value',
      body: { op: 'replace', path: 'title[value eq "x"]', value: 'x' },
      scimType: 'invalidPath',
    },
    { name: '__proto__ as path', body: { op: 'add', path: '__proto__.active', value: true }, scimType: 'invalidPath' },
    {
      name: 'constructor as path',
      body: { op: 'add', path: 'constructor.prototype', value: true },
      scimType: 'invalidPath',
    },
    {
      name: '__proto__ as key',
      body: '{"op":"add","value":{"__proto__":{"active":false}}}',
      scimType: 'invalidSyntax',
    },
    { name: 'id', body: { op: 'replace', path: 'id', value: 'x' }, scimType: 'mutability' },
    { name: 'another id without path', body: { op: 'replace', value: { id: 'x' } }, scimType: 'mutability' },
    { name: 'meta', body: { op: 'replace', path: 'meta.version', value: 'x' }, scimType: 'mutability' },
    { name: 'groups', body: { op: 'add', path: 'groups', value: [{ value: 'x' }] }, scimType: 'mutability' },
    {
      name: 'a wrong type',
      body: { op: 'replace', path: 'title', value: { a: 1 } },
      scimType: 'invalidValue',
      naming: 'title',
    },
    {
      name: 'SCIM-12 active "maybe"',
      body: { op: 'replace', path: 'active', value: 'maybe' },
      scimType: 'invalidValue',
      naming: 'active',
    },
    {
      name: 'SCIM-12 active null',
      body: { op: 'replace', value: { active: null } },
      scimType: 'invalidValue',
      naming: 'active',
    },
    {
      name: 'SCIM-12 removing active',
      body: { op: 'remove', path: 'active' },
      scimType: 'invalidValue',
      naming: 'active',
    },
    {
      name: 'removing userName',
      body: { op: 'remove', path: 'userName' },
      scimType: 'invalidValue',
      naming: 'userName',
    },
    { name: 'removing nothing', body: { op: 'remove' }, scimType: 'noTarget' },
    {
      name: 'a target that is not there',
      body: { op: 'replace', path: 'emails[value co "nobody"].display', value: 'x' },
      scimType: 'noTarget',
    },
    { name: 'a value that is missing', body: { op: 'replace', path: 'title' }, scimType: 'invalidValue' },
    { name: 'a value without path that is no object', body: { op: 'add', value: 'x' }, scimType: 'invalidValue' },
    { name: 'an unknown op', body: { op: 'move', path: 'title', value: 'x' }, scimType: 'invalidSyntax' },
    { name: 'an operation that is a string', body: '"replace"', scimType: 'invalidSyntax' },
  ];
  for (const refusal of operations) {
    it(`${refusal.name}, among good ones: nothing is applied`, () => {
      const bad = typeof refusal.body === 'string' ? refusal.body : JSON.stringify(refusal.body);
      const list = [...Array.from({ length: 9 }, () => JSON.stringify(good)), bad].join(',');
      return refuse('patch', `/Users/${id}`, { ...refusal, body: `{"schemas":["${PATCH}"],"Operations":[${list}]}` });
    });
  }

  it('1,000 operations: 413', () =>
    refuse('patch', `/Users/${id}`, {
      name: 'many',
      status: 413,
      body: patchOf(...Array.from({ length: 1000 }, () => good)),
    }));
  it('Operations no list: 400', () =>
    refuse('patch', `/Users/${id}`, {
      name: 'none',
      scimType: 'invalidSyntax',
      body: { schemas: [PATCH], Operations: {} },
    }));
  it('no schemas: 400', () =>
    refuse('patch', `/Users/${id}`, { name: 'none', scimType: 'invalidSyntax', body: { Operations: [good] } }));

  const members: Refusal[] = [
    {
      name: 'SCIM-11 the group itself',
      body: { op: 'add', path: 'members', value: [{ value: 'GROUP' }] },
      scimType: 'invalidValue',
    },
    {
      name: 'adding by a filter',
      body: { op: 'add', path: 'members[value eq "x"]', value: {} },
      scimType: 'invalidPath',
    },
    { name: 'removing by name', body: { op: 'remove', path: 'members[display eq "Ana"]' }, scimType: 'invalidPath' },
    { name: "a member's part", body: { op: 'replace', path: 'members.display', value: 'x' }, scimType: 'invalidPath' },
    { name: 'a member that is a number', body: { op: 'add', path: 'members', value: [7] }, scimType: 'invalidValue' },
  ];
  for (const refusal of members) {
    it(`${refusal.name}, after a removal: nobody is removed`, () => {
      const bad = JSON.parse(JSON.stringify(refusal.body).replace('GROUP', group));
      return refuse('patch', `/Groups/${group}`, { ...refusal, body: patchOf({ op: 'remove', path: 'members' }, bad) });
    });
  }
});

describe('SCIM queries', () => {
  const filters: [name: string, filter: string][] = [
    ['SCIM-3 a quote', `userName eq "x' OR '1'='1" OR 1=1`],
    ['SCIM-3 a statement', `userName eq "x"; DROP TABLE users`],
    ['SCIM-3 SQL as a name', `userName' OR 1=1 -- eq "x"`],
    ['SCIM-3 a JSON path as a name', `emails[*] ? (@.value == 1)`],
    ['SCIM-3 a NUL', `userName eq "a\\u0000b"`],
    ['SCIM-4 depth 1,000', deep(1000)],
    ['an unknown attribute', 'favouriteColour eq "red"'],
    ['an unknown part', 'emails.colour eq "red"'],
    ['an unknown operator', 'userName is "x"'],
    ['the password', 'password eq "x"'],
    ['no value', 'userName eq'],
    ['an open bracket', '(userName eq "x"'],
    ['a value too much', 'userName eq "x" "y"'],
    ['an object', 'userName eq {}'],
    ['a number for text', 'userName eq 7'],
    ['text for a boolean', 'active eq "perhaps"'],
    ['an order of booleans', 'active gt true'],
    ['no date', 'meta.created gt "yesterday"'],
    ['elements of one value', 'userName[value eq "x"]'],
    ['nothing', ''],
  ];
  for (const [name, filter] of filters) {
    it(`${name}: 400 invalidFilter`, async () => {
      const answer = await provider.scim('get', `/Users?filter=${encodeURIComponent(filter)}`);
      assert.equal(answer.status, 400, answer.text.slice(0, 300));
      assert.equal(answer.body.scimType, 'invalidFilter');
    });
  }

  it('SCIM-3 given values that are SQL, when they are compared, then they are only values', async () => {
    for (const value of [`' OR ''='`, `%`, `_na@acme.test`, `\\\\`, `"$.x"`, `ana@acme.test' --`]) {
      for (const operator of ['eq', 'co', 'sw', 'ew']) {
        const filter = `userName ${operator} ${JSON.stringify(value)} or emails.value ${operator} ${JSON.stringify(value)}`;
        const { body } = await provider.scim('get', `/Users?filter=${encodeURIComponent(filter)}`).expect(200);
        assert.equal(body.totalResults, 0, filter);
      }
    }
  });

  it('SCIM-4 given a filter of 1 MB, then it is refused and the server lives', async () => {
    const answer = await provider.scim('get', `/Users?filter=${'x'.repeat(1_000_000)}`).catch(() => ({ status: 431 }));
    assert.ok(answer.status >= 400 && answer.status < 500);
    await provider.scim('get', '/Users?count=1').expect(200);
    await provider.scim('get', `/Users?filter=${encodeURIComponent(`userName eq "${'x'.repeat(9000)}"`)}`).expect(400);
  });

  const pages: [query: string, items: number, startIndex: number][] = [
    ['count=0', 0, 1],
    ['count=-1', 0, 1],
    ['count=1000000', 1, 1],
    ['startIndex=0', 1, 1],
    ['startIndex=-5', 1, 1],
    ['startIndex=1000', 0, 1000],
    ['startIndex=999999999999999', 0, 999999999999999],
  ];
  for (const [query, items, startIndex] of pages) {
    it(`SCIM-7 ${query}: ${items} items and the true total`, async () => {
      const { body } = await provider.scim('get', `/Users?${query}`).expect(200);
      assert.deepEqual(
        [body.totalResults, body.itemsPerPage, body.Resources.length, body.startIndex],
        [1, items, items, startIndex],
      );
    });
  }
  for (const query of [
    'count=ten',
    'startIndex=1.5',
    'count=1&count=2',
    'filter=userName+pr&filter=userName+pr',
    'attributes=id&excludedAttributes=id',
    'attributes=a.b.c',
  ]) {
    it(`${query}: 400 invalidValue`, async () => {
      const { body } = await provider.scim('get', `/Users?${query}`).expect(400);
      assert.equal(body.scimType, 'invalidValue');
    });
  }
});

describe('SCIM over HTTP', () => {
  it('SCIM-8 given another content type, then 415', async () => {
    for (const type of [
      'text/plain',
      'application/xml',
      'application/x-www-form-urlencoded',
      'application/json; charset=iso-8859-1',
    ]) {
      const answer = await server.http
        .post(`/scim/v2/${provider.directoryId}/Users`)
        .set('Authorization', `Bearer ${provider.token}`)
        .set('Content-Type', type)
        .send('{"userName":"x"}');
      assert.equal(answer.status, 415, type);
    }
  });

  it('given application/json, then it is taken as well', async () => {
    const answer = await server.http
      .post(`/scim/v2/${provider.directoryId}/Users`)
      .set('Authorization', `Bearer ${provider.token}`)
      .send(person('json@acme.test'))
      .expect(201);
    await provider.scim('delete', `/Users/${answer.body.id}`).expect(204);
  });

  it('SCIM-10 given a version that has passed, when it is changed or deleted, then 412 and nothing happens', async () => {
    const { headers } = await provider.scim('get', `/Users/${id}`).expect(200);
    const etag = headers['etag'] ?? '';
    await provider
      .scim('patch', `/Users/${id}`, patchOf({ op: 'replace', path: 'title', value: 'Lead' }))
      .set('If-Match', etag)
      .expect(200);
    await provider
      .scim('patch', `/Users/${id}`, patchOf({ op: 'replace', path: 'title', value: 'Late' }))
      .set('If-Match', etag)
      .expect(412);
    await provider.scim('put', `/Users/${id}`, person('ana@acme.test')).set('If-Match', etag).expect(412);
    await provider.scim('delete', `/Users/${id}`).set('If-Match', etag).expect(412);
    const now = await provider.scim('get', `/Users/${id}`).expect(200);
    assert.equal(now.body.title, 'Lead');
    await provider
      .scim('get', `/Users/${id}`)
      .set('If-None-Match', now.headers['etag'] ?? '')
      .expect(304);
  });

  it('given what there is not, then 501 or 404, and ServiceProviderConfig says so', async () => {
    const config = await provider.scim('get', '/ServiceProviderConfig').expect(200);
    assert.equal(config.body.changePassword.supported, false);
    await provider.scim('get', '/Me').expect(501);
    await provider.scim('get', '/Nothing').expect(404);
  });

  it('when it asks for types and schemas, then each is there, alone and in the list', async () => {
    for (const path of ['ResourceTypes', 'Schemas']) {
      const list = await provider.scim('get', `/${path}`).expect(200);
      assert.equal(list.body.totalResults, list.body.Resources.length);
      for (const each of list.body.Resources) {
        assert.deepEqual((await provider.scim('get', `/${path}/${each.id}`).expect(200)).body, each);
      }
    }
    await provider.scim('get', '/Schemas/urn:nobody').expect(404);
  });
});

describe('SCIM tokens', () => {
  it("SCIM-1 given no, a wrong, an expired, a revoked token, or another directory's, then 401, and the audit knows", async () => {
    const own = await arrangeProvider(server);
    const other = await arrangeProvider(server);
    const base = `/organizations/${own.organization}/directories/idp/tokens`;
    const revoked = (await server.api('post', base).send({}).expect(201)).body;
    await callScim(server, own.directoryId, revoked.token, 'get', '/Users').expect(200);
    await server.api('delete', `${base}/${revoked.id}`).expect(204);
    const expired = (await server.api('post', base).send({ expiresInDays: 1 }).expect(201)).body;
    await own.inside(({ db }) =>
      db
        .updateTable('directory_tokens')
        .set({ expires_at: new Date(0) })
        .where('id', '=', expired.id)
        .execute(),
    );
    for (const token of [undefined, 'wrong', `${own.token}x`, revoked.token, expired.token, other.token]) {
      const answer = await callScim(server, own.directoryId, token, 'get', '/Users');
      assert.equal(answer.status, 401, `${token}`);
      assert.match(answer.headers['www-authenticate'] ?? '', /^Bearer/);
      assert.deepEqual(answer.body.schemas, ['urn:ietf:params:scim:api:messages:2.0:Error']);
    }
    for (const directory of ['5f2a1c9e-0000-4000-8000-000000000000', 'x', "' OR 1=1"]) {
      await callScim(server, encodeURIComponent(directory), own.token, 'get', '/Users').expect(401);
    }
    const refused = await own.inside(({ db }) =>
      db.selectFrom('audit_events').selectAll().where('action', '=', 'scim.refused').execute(),
    );
    assert.deepEqual(refused.map((event) => [event.outcome, event.reason]).sort(), [
      ['denied', 'no token'],
      ['denied', 'token not valid for this directory'],
    ]);
  });

  it('given two valid tokens, when a third is asked for, then 409 until one is revoked; the list shows use but no secret', async () => {
    const own = await arrangeProvider(server);
    const base = `/organizations/${own.organization}/directories/idp/tokens`;
    await server.api('post', base).send({}).expect(201);
    await server.api('post', base).send({}).expect(409);
    await own.scim('get', '/Users').expect(200);
    const { tokens } = (await server.api('get', base).expect(200)).body;
    assert.equal(tokens.length, 2);
    assert.ok(tokens.find((token: { id: string }) => token.id === own.tokenId).lastUsedAt);
    assert.doesNotMatch(JSON.stringify(tokens), /dbscim_/);
    await server.api('delete', `${base}/${own.tokenId}`).expect(204);
    await own.scim('get', '/Users').expect(401);
    await server.api('post', base).send({}).expect(201);
    await server.api('delete', `${base}/${own.tokenId}`).expect(404);
  });

  it('given a directory that is pulled, when a token is asked for, then 409', async () => {
    const own = await arrangeProvider(server);
    const base = `/organizations/${own.organization}/directories/hr`;
    await server.api('put', base).send({ kind: 'csv', config: { file: '/nowhere.csv' } });
    await server.api('post', `${base}/tokens`).send({}).expect(409);
  });
});

describe('SCIM-14 an old request again', () => {
  it('given somebody was let go by hand, when the directory repeats what it said before, then they stay gone', async () => {
    const user = await accountOf(provider, 'ana@acme.test');
    await provider.inside(({ db }) =>
      db
        .updateTable('users')
        .set({ status: 'deprovisioned' })
        .where('id', '=', user?.id ?? '')
        .execute(),
    );
    await provider.scim('patch', `/Users/${id}`, patchOf({ op: 'replace', value: { active: true } })).expect(200);
    await provider.scim('put', `/Users/${id}`, person('ana@acme.test', { displayName: 'Ana again' })).expect(200);
    assert.equal((await accountOf(provider, 'ana@acme.test'))?.status, 'deprovisioned');
  });
});
