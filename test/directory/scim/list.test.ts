import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { sql } from 'kysely';
import { openTestDatabase } from '../../harness/database.ts';
import { startTestServer } from '../../harness/server.ts';
import { arrangeProvider, ENTERPRISE, GROUP, type Provider, USER } from './arrange.ts';

const server = await startTestServer(await openTestDatabase());
const SEARCH = 'urn:ietf:params:scim:api:messages:2.0:SearchRequest';

interface Listed {
  readonly totalResults: number;
  readonly startIndex?: number;
  readonly nextCursor?: string;
  readonly Resources: { readonly id: string; readonly userName: string }[];
}

describe('lists', () => {
  let idp: Provider;
  const names = ['Zoe', 'anna', 'Bert', 'álvaro', 'carl'];
  before(async () => {
    idp = await arrangeProvider(server);
    for (const [at, name] of names.entries()) {
      await idp
        .scim('post', '/Users', {
          schemas: [USER],
          userName: `${name}@acme.test`,
          name: { familyName: name },
          emails: [
            { value: `b${at}@acme.test`, type: 'work' },
            { value: `a${9 - at}@acme.test`, type: 'home', primary: true },
          ],
          ...(at === 0 ? {} : { [ENTERPRISE]: { department: at % 2 ? 'Sales' : 'IT' } }),
        })
        .expect(201);
    }
    await idp.scim('post', '/Groups', { schemas: [GROUP], displayName: 'b-group' }).expect(201);
    await idp.scim('post', '/Groups', { schemas: [GROUP], displayName: 'A-group' }).expect(201);
  });

  const list = async (query: string, type = 'Users'): Promise<Listed> =>
    (await idp.scim('get', `/${type}?${query}`).expect(200)).body;
  const namesOf = ({ Resources }: Listed) => Resources.map(({ userName }) => userName.split('@')[0]);

  it('RFC 7644 3.4.2.3: given sortBy, then it sorts by it without regard to case, ascending unless said', async () => {
    assert.deepEqual(namesOf(await list('sortBy=userName')).slice(0, 3), ['anna', 'Bert', 'carl']);
    assert.deepEqual(
      namesOf(
        await list('sortBy=name.familyName&sortOrder=descending&filter=userName%20ne%20%22%C3%A1lvaro%40acme.test%22'),
      ),
      ['Zoe', 'carl', 'Bert', 'anna'],
    );
    const groups = (await idp.scim('get', '/Groups?sortBy=displayName').expect(200)).body;
    assert.deepEqual(
      groups.Resources.map(({ displayName }: { displayName: string }) => displayName),
      ['A-group', 'b-group'],
    );
  });

  it('RFC 7644 3.4.2.3: given several values, then the primary one counts; who has none comes last, or first when descending', async () => {
    assert.deepEqual(namesOf(await list('sortBy=emails')), ['carl', 'álvaro', 'Bert', 'anna', 'Zoe']);
    const department = encodeURIComponent(`${ENTERPRISE}:department`);
    assert.equal(namesOf(await list(`sortBy=${department}`)).at(-1), 'Zoe');
    assert.equal(namesOf(await list(`sortBy=${department}&sortOrder=descending`))[0], 'Zoe');
  });

  it('given nothing to sort by, or no such order, then it says so', async () => {
    for (const query of [
      'sortBy=moon',
      'sortBy=groups',
      'sortBy=password',
      'sortBy=userName&sortOrder=sideways',
      "sortBy=userName')--",
    ]) {
      const { body } = await idp.scim('get', `/Users?${encodeURI(query)}`).expect(400);
      assert.equal(body.scimType, 'invalidValue', query);
    }
  });

  it('RFC 9865: given a cursor, then pages follow each other to the end, each person once, with a true total', async () => {
    const seen: string[] = [];
    let cursor: string | undefined = '';
    let pages = 0;
    while (cursor !== undefined) {
      const page: Listed = await list(`count=2&cursor=${cursor}`);
      assert.equal(page.totalResults, 5);
      assert.equal(page.startIndex, undefined);
      seen.push(...page.Resources.map(({ id }) => id));
      cursor = page.nextCursor;
      pages += 1;
    }
    assert.deepEqual([pages, seen.length, new Set(seen).size], [3, 5, 5]);
  });

  it('RFC 9865: given people come and go between pages, then nobody who stays is missed or told twice', async () => {
    const other = await arrangeProvider(server);
    for (let at = 0; at < 6; at++)
      await other.scim('post', '/Users', { schemas: [USER], userName: `u${at}` }).expect(201);
    const first = (await other.scim('get', '/Users?count=3&cursor=').expect(200)).body;
    await other.scim('delete', `/Users/${first.Resources[0].id}`).expect(204);
    await other.scim('post', '/Users', { schemas: [USER], userName: 'late' }).expect(201);
    const second = (await other.scim('get', `/Users?count=10&cursor=${first.nextCursor}`).expect(200)).body;
    assert.deepEqual(
      second.Resources.map(({ userName }: { userName: string }) => userName),
      ['u3', 'u4', 'u5', 'late'],
    );
    assert.equal(second.nextCursor, undefined);
  });

  it('RFC 9865: given a cursor that is none, of another filter, or with an index, then invalidCursor or invalidValue', async () => {
    const { nextCursor } = await list('count=1&cursor=');
    for (const query of ['cursor=nonsense', `cursor=${nextCursor}&filter=active%20eq%20true`, 'cursor=W10']) {
      assert.equal((await idp.scim('get', `/Users?${query}`).expect(400)).body.scimType, 'invalidCursor', query);
    }
    assert.equal((await idp.scim('get', '/Users?cursor=&startIndex=2').expect(400)).body.scimType, 'invalidValue');
  });

  it('RFC 7644 3.4.3: given POST .search, then it answers like the query', async () => {
    const body = {
      schemas: [SEARCH],
      filter: 'userName sw "a"',
      sortBy: 'userName',
      attributes: ['userName'],
      startIndex: 1,
      count: 10,
    };
    const found = await idp.scim('post', '/Users/.search', body).expect(200);
    assert.deepEqual(
      found.body.Resources.map((each: Record<string, unknown>) => Object.keys(each).sort()),
      [['id', 'schemas', 'userName']],
    );
    assert.equal((await idp.scim('post', '/Groups/.search', { schemas: [SEARCH] }).expect(200)).body.totalResults, 2);
    for (const wrong of [
      { filter: 'x' },
      { schemas: [SEARCH], count: 'ten' },
      { schemas: [SEARCH], attributes: ['a'], excludedAttributes: ['b'] },
    ]) {
      assert.equal((await idp.scim('post', '/Users/.search', wrong).expect(400)).body.scimType, 'invalidValue');
    }
  });

  it('given ServiceProviderConfig, then it says that all of this is there', async () => {
    const { body } = await idp.scim('get', '/ServiceProviderConfig').expect(200);
    assert.deepEqual([body.sort.supported, body.pagination.cursor, body.pagination.index], [true, true, true]);
  });

  it('given a page far behind in a large directory, then it is found by an index, not by counting', async () => {
    const large = await arrangeProvider(server);
    await large.inside(({ db, organizationId }) =>
      sql`INSERT INTO directory_users (organization_id, directory_id, source_key, user_name, active, attributes, created_at)
        SELECT ${organizationId}::uuid, ${large.directoryId}::uuid, 'u' || n, 'u' || n, true, '{}', now() + n * interval '1 microsecond'
        FROM generate_series(1, 5000) n`.execute(db),
    );
    const plan = await large.inside(({ db }) =>
      sql<{
        'QUERY PLAN': string;
      }>`EXPLAIN SELECT d.* FROM directory_users d WHERE d.directory_id = ${large.directoryId} AND d.deleted_at IS NULL
        AND (d.created_at, d.id) > (now()::timestamptz, gen_random_uuid()) ORDER BY d.created_at, d.id LIMIT 101`.execute(
        db,
      ),
    );
    const text = plan.rows.map((row) => row['QUERY PLAN']).join('\n');
    assert.match(text, /directory_users_made/);
    assert.doesNotMatch(text, /Sort/);
  });
});
