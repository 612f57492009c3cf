/** The SCIM rows: an identity provider's requests, eight at a time, against an express route with one statement. */
import { join } from 'node:path';
import { asOwner } from '../harness/cluster.ts';
import { OPERATOR_TOKEN } from '../harness/settings.ts';
import { databaseFor, type TestCluster } from './databases.ts';
import { type MeasuredServer, startMeasured } from './measured.ts';
import { type Cost, pairs, type Row } from './rounds.ts';

const SIZES = [1_000, 10_000, 100_000];
const AT_ONCE = 8;
const REQUESTS = 200;
const ROUNDS = 5;
const USER = 'urn:ietf:params:scim:schemas:core:2.0:User';
const GROUP = 'urn:ietf:params:scim:schemas:core:2.0:Group';
const here = (file: string) => join(import.meta.dirname, file);
const patchOf = (operation: unknown) => ({
  schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
  Operations: [operation],
});
const adding = (...ids: string[]) => patchOf({ op: 'add', path: 'members', value: ids.map((value) => ({ value })) });
const OFF = patchOf({ op: 'replace', path: 'active', value: false });

interface Side {
  readonly server: MeasuredServer;
  readonly base: string;
  readonly token: string;
  /** Ids of some of the people that there are, as far as this side knows them. */
  readonly people: string[];
  /** Ids made by this benchmark, to be let go by it. */
  readonly made: string[];
}

type Work = (side: Side) => () => Promise<Cost>;

/** Measures at each number of people. */
export async function measureScim(cluster: TestCluster): Promise<Row[]> {
  const rows: Row[] = [];
  for (const size of SIZES) rows.push(...(await measureAt(cluster, size)));
  return rows;
}

async function measureAt(cluster: TestCluster, size: number): Promise<Row[]> {
  const database = await databaseFor(cluster, cluster.template);
  const ours = await startMeasured(here('ours.ts'), database);
  const floor = await startMeasured(here('floors/scim.ts'), await databaseFor(cluster), String(size));
  try {
    const sides = {
      ours: { server: ours, ...(await directory(ours.url)), people: [], made: [] } as Side,
      floor: { server: floor, base: floor.url, token: '', people: [], made: [] } as Side,
    };
    await seed(database, sides.ours, size);
    for (const side of Object.values(sides)) side.people.push(...(await firstPeople(side)));
    const row = (what: string, reach: string, work: Work) =>
      pairs(`${what}, of ${size / 1000}k`, reach, ROUNDS, { ours: work(sides.ours), floor: work(sides.floor) });
    const against = (what: string, reach: string, one: () => Promise<Cost>, other: () => Promise<Cost>) =>
      pairs(`${what}, of ${size / 1000}k`, reach, ROUNDS, { ours: one, floor: other });

    const [first, last] = await endsByCursor(sides.ours);
    const [small, large] = [await groupOf(sides.ours, 10), await groupOf(sides.ours, Math.min(10_000, size))];
    return [
      await row('create, 8 in parallel', '1.6x', creating),
      await row('get by id', '1.4x', (side) => timed(side, () => call(side, 'GET', `/Users/${anyOf(side.people)}`))),
      await row('filter userName', '1.5x', (side) => timed(side, () => call(side, 'GET', lookUp(size)))),
      await row('page of 100, the first, by index', '1.4x', (side) =>
        timed(side, () => call(side, 'GET', '/Users?startIndex=1&count=100'), 50),
      ),
      await against('page of 100 by cursor: the last to the first', '1.2x', last, first),
      await row('100 members added to a group', '4.5x', addingHundred),
      await against(`one member into ${Math.min(10_000, size)} to one into 10`, '1.5x', large, small),
      await row('PATCH active=false, with its offboarding', '3x', leaving),
    ];
  } finally {
    await ours.close();
    await floor.close();
  }
}

const lookUp = (size: number) =>
  `/Users?filter=${encodeURIComponent(`userName eq "seed${1 + Math.floor(Math.random() * size)}@acme.test"`)}`;
const anyOf = (ids: readonly string[]) => ids[Math.floor(Math.random() * ids.length)] ?? '';

const creating: Work = (side) =>
  timed(side, async () => {
    const userName = `made${side.made.length}-${Math.random().toString(36).slice(2)}@acme.test`;
    const { id } = await call(side, 'POST', '/Users', { schemas: [USER], userName, active: true });
    side.made.push(String(id));
  });

const leaving: Work = (side) => timed(side, () => call(side, 'PATCH', `/Users/${side.made.pop()}`, OFF), 100);

const addingHundred: Work = (side) => {
  const add = async (groups: string[]) => {
    await call(side, 'PATCH', `/Groups/${groups.pop()}`, adding(...side.people.slice(0, 100)));
  };
  return async () => {
    const groups: string[] = [];
    for (let i = 0; i < 20; i++) groups.push(await makeGroup(side));
    return timed(side, () => add(groups), 20)();
  };
};

async function makeGroup(side: Side): Promise<string> {
  const displayName = `Group ${Math.random()}`;
  return String((await call(side, 'POST', '/Groups', { schemas: [GROUP], displayName }))['id']);
}

/** Adds one to a group of so many, again and again. */
async function groupOf(side: Side, size: number): Promise<() => Promise<Cost>> {
  const members: string[] = [];
  for (let cursor = ''; members.length < size + 1; ) {
    const page = await call(side, 'GET', `/Users?count=200&attributes=id&cursor=${cursor}`);
    members.push(...(page['Resources'] as { id: string }[]).map(({ id }) => id));
    cursor = String(page['nextCursor'] ?? '');
    if (cursor === '') break;
  }
  const group = await makeGroup(side);
  await call(side, 'PATCH', `/Groups/${group}`, adding(...members.slice(0, size - 1)));
  const one = members[size - 1] ?? '';
  const remove = patchOf({ op: 'remove', path: `members[value eq "${one}"]` });
  return timed(
    side,
    async () => {
      await call(side, 'PATCH', `/Groups/${group}`, adding(one));
      await call(side, 'PATCH', `/Groups/${group}`, remove);
    },
    50,
    1,
  );
}

/** The first page by cursor and the last. */
async function endsByCursor(side: Side): Promise<[() => Promise<Cost>, () => Promise<Cost>]> {
  let [cursor, before] = ['', ''];
  do {
    before = cursor;
    cursor = String((await call(side, 'GET', `/Users?count=100&attributes=id&cursor=${before}`))['nextCursor'] ?? '');
  } while (cursor !== '');
  const read = (at: string) => timed(side, () => call(side, 'GET', `/Users?count=100&cursor=${at}`), 50);
  const second = String((await call(side, 'GET', '/Users?count=100&attributes=id&cursor='))['nextCursor'] ?? '');
  return [read(second), read(before)];
}

async function firstPeople(side: Side): Promise<string[]> {
  const page = await call(side, 'GET', '/Users?startIndex=1&count=100');
  return (page['Resources'] as { id: string }[]).map(({ id }) => id);
}

/** Wall time of one request of `requests`, `atOnce` side by side, in milliseconds of the whole; and statements. */
function timed(side: Side, request: () => Promise<unknown>, requests = REQUESTS, atOnce = AT_ONCE) {
  return async (): Promise<Cost> => {
    let ms = 0;
    const { statements } = await side.server.cost(requests, async () => {
      const began = performance.now();
      let left = requests;
      await Promise.all(
        Array.from({ length: atOnce }, async () => {
          while (left-- > 0) await request();
        }),
      );
      ms = (performance.now() - began) / requests;
    });
    return { ms, statements };
  };
}

async function call(
  { base, token }: Pick<Side, 'base' | 'token'>,
  method: string,
  path: string,
  body?: unknown,
): Promise<Record<string, unknown>> {
  const response = await fetch(`${base}${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/scim+json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
  return text === '' ? {} : JSON.parse(text);
}

/** People who are there already, with their accounts. */
async function seed(database: string, { base }: Side, size: number): Promise<void> {
  const directoryId = base.slice(base.lastIndexOf('/') + 1);
  await asOwner(
    database,
    `INSERT INTO users (organization_id, email, display_name)
      SELECT d.organization_id, 'seed' || i || '@acme.test', 'Seed ' || i FROM directories d, generate_series(1, ${size}) i
      WHERE d.id = '${directoryId}';
    INSERT INTO directory_users (organization_id, directory_id, source_key, external_id, user_name, email, display_name, active, attributes,
        user_id, reconciled_present, created_at)
      SELECT organization_id, '${directoryId}', email, 'x' || email, email, email, display_name, true, jsonb_build_object('userName', email,
        'active', true, 'displayName', display_name, 'emails', jsonb_build_array(jsonb_build_object('value', email, 'type', 'work'))),
        id, true, now() - random() * interval '1 day' FROM users`,
  );
  await asOwner(database, 'VACUUM ANALYZE');
}

/** An organization's SCIM directory and its token. */
async function directory(url: string): Promise<{ base: string; token: string }> {
  const side = { base: `${url}/api/v1`, token: OPERATOR_TOKEN };
  const api = async (method: string, path: string, body: unknown) => {
    const response = await fetch(`${side.base}${path}`, {
      method,
      headers: { authorization: `Bearer ${OPERATOR_TOKEN}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (!response.ok) throw new Error(await response.text());
    return (await response.json()) as Record<string, string>;
  };
  await api('POST', '/organizations', { slug: 'acme', model: 'fastn' });
  await api('PUT', '/organizations/acme/directories/scim', { kind: 'scim' });
  const { token = '', url: base = '' } = await api('POST', '/organizations/acme/directories/scim/tokens', {});
  return { base: base.startsWith('http') ? base : `${url}${base}`, token };
}
