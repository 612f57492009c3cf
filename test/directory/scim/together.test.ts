/** Many at once, and several tenants side by side. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { openTestDatabase } from '../../harness/database.ts';
import { startTestServer } from '../../harness/server.ts';
import {
  accountOf,
  arrangeDirectory,
  arrangeProvider,
  arrangeRecords,
  callScim,
  GROUP,
  mapGroup,
  patchOf,
  USER,
} from './arrange.ts';

const database = await openTestDatabase();
const server = await startTestServer(database);
const second = await startTestServer(database);
const person = (userName: string, more: object = {}) => ({ schemas: [USER], userName, ...more });
const statuses = (answers: readonly { status: number }[]) => answers.map((answer) => answer.status).sort();

describe('SCIM side by side', () => {
  it('SCIM-6 given eight creates of one userName at once, on two instances, then one 201 and seven 409', async () => {
    const provider = await arrangeProvider(server);
    const names = ['ana', 'ANA', 'Ana', 'aNa', 'anA', 'ANa', 'aNA', 'AnA'];
    const answers = await Promise.all(
      names.map((name, i) =>
        callScim(
          i % 2 ? server : second,
          provider.directoryId,
          provider.token,
          'post',
          '/Users',
          person(`${name}@acme.test`),
        ),
      ),
    );
    assert.deepEqual(statuses(answers), [201, 409, 409, 409, 409, 409, 409, 409]);
    for (const answer of answers.filter((each) => each.status === 409))
      assert.equal(answer.body.scimType, 'uniqueness');
    assert.equal((await provider.scim('get', '/Users')).body.totalResults, 1);
  });

  it('SCIM-6 given eight creates of somebody deleted at once, then one revives them and seven are refused', async () => {
    const provider = await arrangeProvider(server);
    const { body } = await provider.scim('post', '/Users', person('ana@acme.test')).expect(201);
    await provider.scim('delete', `/Users/${body.id}`).expect(204);
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => provider.scim('post', '/Users', person('ana@acme.test'))),
    );
    assert.deepEqual(statuses(answers), [201, 409, 409, 409, 409, 409, 409, 409]);
    assert.equal(answers.find((each) => each.status === 201)?.body.id, body.id);
    assert.equal((await accountOf(provider, 'ana@acme.test'))?.status, 'active');
  });

  it('given a rename to a userName that is taken, then 409; to one that a leaver had, then it is done', async () => {
    const provider = await arrangeProvider(server);
    const ana = (await provider.scim('post', '/Users', person('ana@acme.test')).expect(201)).body;
    const ben = (await provider.scim('post', '/Users', person('ben@acme.test')).expect(201)).body;
    const rename = patchOf({ op: 'replace', path: 'userName', value: 'Ana@acme.test' });
    const refused = await provider.scim('patch', `/Users/${ben.id}`, rename).expect(409);
    assert.equal(refused.body.scimType, 'uniqueness');
    await provider.scim('delete', `/Users/${ana.id}`).expect(204);
    await provider.scim('patch', `/Users/${ben.id}`, rename).expect(200);
    assert.equal(
      (await provider.scim('get', `/Users?filter=${encodeURIComponent('userName eq "ana@acme.test"')}`)).body
        .Resources[0].id,
      ben.id,
    );
  });

  it('given two users of one e-mail address made at once, then both exist, and only one account', async () => {
    const provider = await arrangeProvider(server);
    const emails = [{ value: 'shared@acme.test' }];
    const answers = await Promise.all(
      [1, 2, 3, 4].map((n) => provider.scim('post', '/Users', person(`login-${n}`, { emails }))),
    );
    assert.deepEqual(statuses(answers), [201, 201, 201, 201]);
    const accounts = await provider.inside(({ db }) => db.selectFrom('users').select('email').execute());
    assert.deepEqual(accounts, [{ email: 'shared@acme.test' }]);
  });

  it('given 100 members added one by one at once, then the group has exactly these, and each their role', async () => {
    const provider = await arrangeProvider(server);
    await mapGroup(provider, 'All', 'member');
    const group = (await provider.scim('post', '/Groups', { schemas: [GROUP], displayName: 'All' }).expect(201)).body
      .id;
    const ids: string[] = [];
    for (let i = 0; i < 100; i++)
      ids.push((await provider.scim('post', '/Users', person(`user${i}@acme.test`)).expect(201)).body.id);
    const answers = await Promise.all(
      ids.map((value) =>
        provider.scim('patch', `/Groups/${group}`, patchOf({ op: 'add', path: 'members', value: [{ value }] })),
      ),
    );
    assert.ok(answers.every((answer) => answer.status === 204));
    const read = await provider.scim('get', `/Groups/${group}`).expect(200);
    assert.deepEqual(read.body.members.map((each: { value: string }) => each.value).sort(), [...ids].sort());
    const count = () => provider.inside(({ db }) => db.selectFrom('memberships').select('id').execute());
    assert.equal((await count()).length, 100);

    const leaving = ids.slice(0, 20);
    await Promise.all([
      ...leaving.map((id) => provider.scim('delete', `/Users/${id}`).expect(204)),
      ...leaving.map((value) =>
        provider
          .scim('patch', `/Groups/${group}`, patchOf({ op: 'remove', path: 'members', value: [{ value }] }))
          .expect(204),
      ),
    ]);
    assert.equal((await provider.scim('get', `/Groups/${group}`)).body.members.length, 80);
    assert.equal((await count()).length, 80);
  });

  it('SCIM-2 given the ids of another tenant, on every verb, then 404, and nothing of theirs moves', async () => {
    const [acme, globex] = [await arrangeProvider(server), await arrangeProvider(server)];
    const ana = (await acme.scim('post', '/Users', person('ana@acme.test')).expect(201)).body;
    const group = (
      await acme
        .scim('post', '/Groups', { schemas: [GROUP], displayName: 'All', members: [{ value: ana.id }] })
        .expect(201)
    ).body;
    const own = (await globex.scim('post', '/Groups', { schemas: [GROUP], displayName: 'Own' }).expect(201)).body;
    const former = await acme.scim('get', `/Groups/${group.id}`);
    const rename = patchOf({ op: 'replace', value: { displayName: 'Taken' } });
    for (const [path, body] of [
      [`/Users/${ana.id}`, person('ana@acme.test')],
      [`/Groups/${group.id}`, { schemas: [GROUP], displayName: 'Taken' }],
    ] as const) {
      await globex.scim('get', path).expect(404);
      await globex.scim('put', path, body).expect(404);
      await globex.scim('patch', path, rename).expect(404);
      await globex.scim('delete', path).expect(404);
    }
    await globex
      .scim('patch', `/Groups/${own.id}`, patchOf({ op: 'add', path: 'members', value: [{ value: ana.id }] }))
      .expect(400);
    for (const filter of [`id eq "${ana.id}"`, 'userName eq "ana@acme.test"', 'userName pr']) {
      assert.equal((await globex.scim('get', `/Users?filter=${encodeURIComponent(filter)}`)).body.totalResults, 0);
    }
    await callScim(server, acme.directoryId, globex.token, 'delete', `/Users/${ana.id}`).expect(401);
    assert.deepEqual((await acme.scim('get', `/Groups/${group.id}`)).body, former.body);
  });

  it('SCIM-2, TEN-13 given a thousand requests of two tenants that interleave on two instances, then each has exactly its own', async () => {
    const tenants = [await arrangeProvider(server), await arrangeProvider(server)];
    const mine = (tenant: number) => new RegExp(`@tenant${tenant}\\.test$`);
    const known: string[][] = [[], []];
    const turn = async (i: number) => {
      const tenant = i % 2;
      const { directoryId, token } = tenants[tenant] as (typeof tenants)[number];
      const ask = (...rest: [method: 'get' | 'post', path: string, body?: unknown]) =>
        callScim(i % 3 ? server : second, directoryId, token, ...rest);
      const [own, foreign] = [known[tenant], known[1 - tenant]] as [string[], string[]];
      switch (i % 5) {
        case 0:
        case 1: {
          const { body } = await ask('post', '/Users', person(`user${i}@tenant${tenant}.test`)).expect(201);
          own.push(body.id);
          return;
        }
        case 2: {
          const { body } = await ask('get', '/Users?count=20').expect(200);
          for (const user of body.Resources) assert.match(user.userName, mine(tenant));
          return;
        }
        case 3:
          if (own.length > 0)
            assert.match((await ask('get', `/Users/${own.at(-1)}`).expect(200)).body.userName, mine(tenant));
          return;
        default:
          if (foreign.length > 0) await ask('get', `/Users/${foreign.at(-1)}`).expect(404);
      }
    };
    const waiting = Array.from({ length: 1000 }, (_, i) => i).reverse();
    await Promise.all(
      Array.from({ length: 16 }, async () => {
        for (let i = waiting.pop(); i !== undefined; i = waiting.pop()) await turn(i);
      }),
    );
    for (const [index, tenant] of tenants.entries()) {
      const { body } = await tenant.scim('get', '/Users?count=200').expect(200);
      assert.equal(body.totalResults, 200);
      for (const user of body.Resources) assert.match(user.userName, mine(index));
    }
  });

  it('given 200 members added side by side, one by one, to a group of 10,000, then exactly these are more, and only they are looked at', async () => {
    const provider = await arrangeProvider(server);
    await mapGroup(provider, 'All', 'member');
    await arrangeRecords(provider, 10_200);
    const ids = await provider.inside(async ({ db }) => {
      const rows = await db.selectFrom('directory_users').select('id').orderBy('source_key').execute();
      return rows.map((row) => row.id);
    });
    const old = ids.slice(0, 10_000).map((value) => ({ value }));
    const made = await provider.scim('post', '/Groups?excludedAttributes=members', {
      schemas: [GROUP],
      displayName: 'All',
    });
    const group = made.body.id;
    await provider.scim('patch', `/Groups/${group}`, patchOf({ op: 'add', path: 'members', value: old })).expect(204);
    const answers = await Promise.all(
      ids
        .slice(10_000)
        .map((value, i) =>
          callScim(
            i % 2 ? server : second,
            provider.directoryId,
            provider.token,
            'patch',
            `/Groups/${group}`,
            patchOf({ op: 'add', path: 'members', value: [{ value }] }),
          ),
        ),
    );
    assert.deepEqual([...new Set(statuses(answers))], [204]);
    const { body } = await provider.scim('get', `/Groups/${group}`).expect(200);
    assert.equal(new Set(body.members.map((each: { value: string }) => each.value)).size, 10_200);
    // Whoever is in the group is found page by page as well.
    const members = `/Users?filter=${encodeURIComponent(`groups.value eq "${group}"`)}&attributes=id&count=200`;
    const first = (await provider.scim('get', `${members}&cursor=`).expect(200)).body;
    assert.deepEqual([first.totalResults, first.Resources.length], [10_200, 200]);
    const last = (await provider.scim('get', `/Groups/${group}?excludedAttributes=members`).expect(200)).body;
    assert.equal(last.meta.version, 'W/"202"');
  });

  it('RFC 9865: given a walk over 20,000 users while others are deleted, then every survivor comes once', async () => {
    const provider = await arrangeProvider(server);
    await arrangeRecords(provider, 20_000);
    const gone = new Set<string>();
    const seen: string[] = [];
    for (let cursor: string | undefined = ''; cursor !== undefined; ) {
      const { body }: { body: { Resources: { id: string }[]; nextCursor?: string } } = await provider
        .scim('get', `/Users?attributes=userName&count=200&cursor=${cursor}`)
        .expect(200);
      seen.push(...body.Resources.map((each) => each.id));
      cursor = body.nextCursor;
      const victims = await provider.inside(async ({ db }) => {
        const rows = await db
          .selectFrom('directory_users')
          .select('id')
          .where('deleted_at', 'is', null)
          .limit(3)
          .offset(seen.length % 977)
          .execute();
        return rows.map((row) => row.id);
      });
      await Promise.all(victims.map((id) => provider.scim('delete', `/Users/${id}`).expect(204)));
      for (const id of victims) gone.add(id);
    }
    assert.equal(new Set(seen).size, seen.length);
    const survivors = await provider.inside(({ db }) =>
      db.selectFrom('directory_users').select('id').where('deleted_at', 'is', null).execute(),
    );
    assert.equal(survivors.length, 20_000 - gone.size);
    const met = new Set(seen);
    for (const { id } of survivors) assert.ok(met.has(id));
  });

  it('SCIM-13 given two directories of one organization, then each sees its own records, and both are of one person', async () => {
    const first = await arrangeProvider(server);
    const other = await arrangeDirectory(server, first, 'second');
    const shared = { externalId: 'e-1', emails: [{ value: 'ana@acme.test' }] };
    const here = (await first.scim('post', '/Users', person('ana', shared)).expect(201)).body;
    const there = (await other.scim('post', '/Users', person('ana', shared)).expect(201)).body;
    assert.notEqual(here.id, there.id);
    await other.scim('get', `/Users/${here.id}`).expect(404);
    assert.equal((await other.scim('get', '/Users')).body.totalResults, 1);
    const accounts = await first.inside(({ db }) => db.selectFrom('users').select('id').execute());
    assert.equal(accounts.length, 1);
    await callScim(server, first.directoryId, other.token, 'get', '/Users').expect(401);
  });

  it('given 250 users, when they are read page by page, then each comes once, in one order, with the true total', async () => {
    const provider = await arrangeProvider(server);
    await provider.inside(({ db, organizationId }) =>
      db
        .insertInto('directory_users')
        .values(
          Array.from({ length: 250 }, (_, i) => ({
            organization_id: organizationId,
            directory_id: provider.directoryId,
            source_key: `user${i}`,
            external_id: null,
            user_name: `user${i}`,
            email: null,
            active: true,
            starts_at: null,
            ends_at: null,
            attributes: { userName: `user${i}`, active: true },
            fingerprint: null,
            user_id: null,
            deleted_at: null,
          })),
        )
        .execute(),
    );
    const seen: string[] = [];
    for (let startIndex = 1; startIndex <= 250; startIndex += 100) {
      const { body } = await provider
        .scim('get', `/Users?startIndex=${startIndex}&count=100&attributes=userName`)
        .expect(200);
      assert.equal(body.totalResults, 250);
      seen.push(...body.Resources.map((each: { userName: string }) => each.userName));
    }
    assert.equal(new Set(seen).size, 250);
    const capped = await provider.scim('get', '/Users?count=5000').expect(200);
    assert.equal(capped.body.itemsPerPage, 200);
  });
});
