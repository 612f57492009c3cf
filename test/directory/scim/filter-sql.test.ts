/** The answer of the database to any filter is that of a plain reading of the filter over the same resources. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { sql } from 'kysely';
import { type Filter, type Literal, type Operator, parseFilter } from '../../../src/directory/scim/filter.ts';
import { filterCondition } from '../../../src/directory/scim/filter-sql.ts';
import { USERS } from '../../../src/directory/scim/users.ts';
import { asOwner } from '../../harness/cluster.ts';
import { openTestDatabase } from '../../harness/database.ts';
import { startTestServer } from '../../harness/server.ts';
import { arrangeProvider, ENTERPRISE, GROUP, USER } from './arrange.ts';

const database = await openTestDatabase();
const server = await startTestServer(database);

interface Email {
  readonly value?: string;
  readonly type?: string;
  readonly primary?: boolean;
}

interface Person {
  readonly userName: string;
  readonly displayName?: string | undefined;
  readonly title?: string | undefined;
  readonly externalId?: string | undefined;
  readonly active: boolean;
  readonly name?: { readonly familyName?: string };
  readonly emails?: readonly Email[];
  readonly department?: string | undefined;
}

const word = fc.stringMatching(/^[abAB%_"\\ä.]{1,3}$/);
const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
const person: fc.Arbitrary<Person> = fc
  .record({
    userName: word,
    displayName: maybe(word),
    title: maybe(word),
    externalId: maybe(word),
    active: fc.boolean(),
    familyName: maybe(word),
    emails: fc.array(
      fc.record(
        { value: word, type: fc.constantFrom('work', 'home'), primary: fc.boolean() },
        { requiredKeys: ['value'] },
      ),
      { maxLength: 3 },
    ),
    department: maybe(word),
  })
  .map(({ familyName, emails, ...rest }) => ({
    ...rest,
    ...(familyName === undefined ? {} : { name: { familyName } }),
    ...(emails.length === 0 ? {} : { emails }),
  }));

const text = (value: string) => JSON.stringify(value);
const anyOperator = fc.constantFrom('eq', 'ne', 'co', 'sw', 'ew', 'gt', 'ge', 'lt', 'le');
const ofText = (...paths: string[]) =>
  fc.oneof(
    fc
      .tuple(fc.constantFrom(...paths), anyOperator, word)
      .map(([path, operator, value]) => `${path} ${operator} ${text(value)}`),
    fc.constantFrom(...paths).map((path) => `${path} pr`),
    fc
      .tuple(fc.constantFrom(...paths), fc.constantFrom('eq', 'ne'))
      .map(([path, operator]) => `${path} ${operator} null`),
  );
const ofFlag = (path: string) =>
  fc.tuple(fc.constantFrom('eq', 'ne'), fc.boolean()).map(([operator, value]) => `${path} ${operator} ${value}`);
const nested = (leaf: fc.Arbitrary<string>, depth: number) =>
  fc.letrec<{ tree: string }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: depth },
      leaf,
      fc.tuple(tie('tree'), fc.constantFrom('and', 'or'), tie('tree')).map(([a, word, b]) => `(${a}) ${word} (${b})`),
      tie('tree').map((inner) => `not (${inner})`),
    ),
  })).tree;
const element = nested(fc.oneof(ofText('value', 'type'), ofFlag('primary')), 2).map((inner) => `emails[${inner}]`);
const filter = nested(
  fc.oneof(
    ofText('userName', 'DISPLAYNAME', 'title', 'externalId', 'name.familyName', `${ENTERPRISE}:department`),
    ofText('emails.value', 'emails', `${USER}:emails.type`),
    ofFlag('active'),
    element,
  ),
  4,
);

/** What a filter means, read over one resource. */
function means(tree: Filter, who: Person): boolean {
  switch (tree.kind) {
    case 'and':
      return means(tree.left, who) && means(tree.right, who);
    case 'or':
      return means(tree.left, who) || means(tree.right, who);
    case 'not':
      return !means(tree.filter, who);
    case 'element':
      return (who.emails ?? []).some((email) => inElement(tree.filter, email));
    default:
      return valuesAt(who, tree.path).some((value) => compares(tree, value, /externalid$/i.test(tree.path)));
  }
}

function inElement(tree: Filter, email: Email): boolean {
  switch (tree.kind) {
    case 'and':
      return inElement(tree.left, email) && inElement(tree.right, email);
    case 'or':
      return inElement(tree.left, email) || inElement(tree.right, email);
    case 'not':
      return !inElement(tree.filter, email);
    case 'element':
      throw new Error('element filters do not nest');
    default:
      return compares(tree, email[tree.path as keyof Email], false);
  }
}

/** A single-valued attribute always has its one value, if an undefined one; of a list each element counts. */
function valuesAt(who: Person, path: string): (string | boolean | undefined)[] {
  const name = path.replace(`${USER}:`, '').replace(`${ENTERPRISE}:`, '').toLowerCase();
  if (name === 'name.familyname') return [who.name?.familyName];
  if (name === 'emails' || name === 'emails.value') return (who.emails ?? []).map((email) => email.value);
  if (name === 'emails.type') return (who.emails ?? []).map((email) => email.type);
  const key = Object.keys(who).find((each) => each.toLowerCase() === name) as keyof Person | undefined;
  return [key === undefined ? undefined : (who[key] as string | boolean | undefined)];
}

type Leaf = Extract<Filter, { kind: 'present' | 'compare' }>;

function compares(leaf: Leaf, value: string | boolean | undefined, exact: boolean): boolean {
  if (leaf.kind === 'present') return value !== undefined && value !== '';
  return holds(leaf.operator, folded(value, exact), folded(leaf.value, exact));
}

function folded(value: Literal | undefined, exact: boolean): Literal | undefined {
  return typeof value === 'string' && !exact ? value.toLowerCase() : (value ?? undefined);
}

function holds(operator: Operator, left: Literal | undefined, right: Literal | undefined): boolean {
  if (operator === 'eq') return left === right;
  if (operator === 'ne') return left !== right;
  if (typeof left !== 'string' || typeof right !== 'string') return false;
  const order = Buffer.compare(Buffer.from(left), Buffer.from(right));
  const answers: Record<string, boolean> = {
    co: left.includes(right),
    sw: left.startsWith(right),
    ew: left.endsWith(right),
    gt: order > 0,
    ge: order >= 0,
    lt: order < 0,
    le: order <= 0,
  };
  return answers[operator] ?? false;
}

describe('filters in SQL', () => {
  it('given random people, when random filters are asked, then who is found is who the filter means', async () => {
    const provider = await arrangeProvider(server);
    const people = fc.sample(
      fc.uniqueArray(person, { minLength: 60, maxLength: 60, selector: ({ userName }) => userName.toLowerCase() }),
      { numRuns: 1, seed: 7 },
    )[0] as Person[];
    for (const { department, ...core } of people) {
      const extension = department === undefined ? {} : { [ENTERPRISE]: { department } };
      await provider.scim('post', '/Users', { schemas: [USER], ...core, ...extension }).expect(201);
    }
    await fc.assert(
      fc.asyncProperty(filter, async (asked) => {
        const { body } = await provider
          .scim('post', '/Users/.search', {
            schemas: ['urn:ietf:params:scim:api:messages:2.0:SearchRequest'],
            filter: asked,
            count: 200,
            attributes: ['userName'],
          })
          .expect(200);
        const found = body.Resources.map((each: { userName: string }) => each.userName).sort();
        const meant = people.filter((who) => means(parseFilter(asked), who)).map((who) => who.userName);
        assert.deepEqual(found, meant.sort(), asked);
        assert.equal(body.totalResults, meant.length);
      }),
      { numRuns: 300 },
    );
  });

  it('given four thousand people, when one is looked up in a usual way, then an index finds them', async () => {
    const provider = await arrangeProvider(server);
    await provider.inside(async ({ db, organizationId }) => {
      await db
        .insertInto('directory_users')
        .values(
          Array.from({ length: 4000 }, (_, i) => ({
            organization_id: organizationId,
            directory_id: provider.directoryId,
            source_key: `user${i}`,
            external_id: `x${i}`,
            user_name: `user${i}`,
            email: `user${i}@acme.test`,
            active: true,
            starts_at: null,
            ends_at: null,
            attributes: {
              userName: `user${i}`,
              active: true,
              displayName: `User ${i}`,
              emails: [{ value: `User${i}@acme.test`, type: 'work' }],
            },
            fingerprint: null,
            user_id: null,
            deleted_at: null,
          })),
        )
        .execute();
    });
    await asOwner(database.ownerUrl, 'ANALYZE directory_users');
    for (const [asked, index] of [
      ['userName eq "USER77"', 'source_key_key'],
      ['externalId eq "x77"', 'directory_users_external'],
      ['displayName eq "user 77"', 'directory_users_display_name'],
      ['emails.value eq "user77@ACME.test"', 'directory_users_email'],
      ['emails[type eq "work" and value eq "user77@acme.test"]', 'directory_users_email'],
    ] as const) {
      const { body } = await provider.scim('get', `/Users?filter=${encodeURIComponent(asked)}`).expect(200);
      assert.deepEqual(
        body.Resources.map((each: { userName: string }) => each.userName),
        ['user77'],
        asked,
      );
      const plan = await provider.inside(async ({ db }) => {
        const { rows } = await sql<{ 'QUERY PLAN': string }>`
          EXPLAIN SELECT * FROM directory_users d WHERE d.directory_id = ${provider.directoryId}
            AND ${filterCondition(USERS, parseFilter(asked))}`.execute(db);
        return rows.map((row) => row['QUERY PLAN']).join('\n');
      });
      assert.match(plan, new RegExp(index), asked);
      assert.doesNotMatch(plan, /Seq Scan/, asked);
    }
  });

  it('RFC 7644 3.4.3: given a search at the root, then users and groups answer together, page by page', async () => {
    const provider = await arrangeProvider(server);
    for (const userName of ['ana', 'ben', 'eva'])
      await provider.scim('post', '/Users', { schemas: [USER], userName, displayName: userName }).expect(201);
    for (const displayName of ['ana', 'writers'])
      await provider.scim('post', '/Groups', { schemas: [GROUP], displayName }).expect(201);
    const search = (more: object) =>
      provider.scim('post', '/.search', { schemas: ['urn:ietf:params:scim:api:messages:2.0:SearchRequest'], ...more });
    const names = (body: { Resources: { displayName: string }[] }) => body.Resources.map((each) => each.displayName);
    assert.deepEqual(names((await search({}).expect(200)).body), ['ana', 'ben', 'eva', 'ana', 'writers']);
    const page = (await search({ startIndex: 3, count: 2 }).expect(200)).body;
    assert.deepEqual([names(page), page.totalResults, page.itemsPerPage], [['eva', 'ana'], 5, 2]);
    assert.deepEqual(names((await search({ startIndex: 5, count: 2 }).expect(200)).body), ['writers']);
    assert.deepEqual(names((await search({ filter: 'displayName eq "ana"' }).expect(200)).body), ['ana', 'ana']);
    const found = (await search({ filter: 'userName pr and meta.resourceType eq "User"' }).expect(200)).body;
    assert.equal(found.totalResults, 3);
    assert.equal((await search({ filter: 'meta.resourceType eq "Group"' }).expect(200)).body.totalResults, 2);
    for (const more of [{ filter: 'shoeSize eq "9"' }, { sortBy: 'displayName' }, { cursor: '' }]) {
      assert.ok((await search(more).expect(400)).body.scimType);
    }
  });
});
