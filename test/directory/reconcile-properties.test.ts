/**
 * The reconcile against a model of it that a child could check: random companies, rules and days. After each day everybody has just what
 * the plain model says, and running again changes nothing.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { sql } from 'kysely';
import { type Company, makeCompany } from '../harness/company.ts';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';

const RUNS = Number(process.env['PROPERTY_RUNS'] ?? 25);
const database = await openTestDatabase();
const server = await startTestServer(database);
const DAY = 86_400_000;
/** So few that everything meets everything. */
const IDS = ['a', 'b', 'c', 'd', 'e'] as const;
const DEPARTMENTS = ['Sales', 'Support'] as const;
const GROUPS = ['Red', 'Blue', 'Green'] as const;
const RANKS: Record<string, number> = { admin: 50, billing: 45, member: 40, 'p-admin': 30, editor: 20, viewer: 10 };
const LOOSE = {
  maxDeprovisions: 100,
  maxDeprovisionShare: 1,
  maxMembershipRemovals: 1000,
  maxMembershipRemovalShare: 1,
  maxGroupRemovalShare: 1,
  maxGroupMemberRemovalShare: 1,
  maxAdministrativeGrants: 1000,
  maxAdministrativeGrantShare: 1,
  maxAdministrativeRemovals: 1000,
  maxAdministrativeRemovalShare: 1,
  maxFeedShrink: 1,
};

interface Entry {
  readonly department: string;
  readonly level: string;
  readonly groups: readonly string[];
  readonly status: 'active' | 'terminated';
  /** In days from today; null: none. */
  readonly starts: number | null;
  readonly ends: number | null;
}

interface Rule {
  readonly group: string | null;
  readonly department: string | null;
  readonly level: string | null;
  readonly effect: 'grant' | 'deny';
  readonly scope: 'main' | 'main/insights';
  /** Null denies every role. */
  readonly role: string | null;
  readonly position: number;
  readonly enabled: boolean;
}

type Event =
  | { readonly kind: 'feed'; readonly feed: Partial<Record<(typeof IDS)[number], Entry | null>> }
  | { readonly kind: 'rule'; readonly slug: string; readonly rule: Rule | null }
  | { readonly kind: 'by hand'; readonly id: (typeof IDS)[number] };

const entry: fc.Arbitrary<Entry> = fc.record({
  department: fc.constantFrom(...DEPARTMENTS),
  level: fc.constantFrom('1', '2'),
  groups: fc.subarray([...GROUPS]),
  status: fc.constantFrom('active' as const, 'active' as const, 'active' as const, 'terminated' as const),
  starts: fc.constantFrom(null, null, null, -30, 0, 5),
  ends: fc.constantFrom(null, null, null, -5, 0, 30),
});
const ruleAt = <S extends Rule['scope']>(scope: S, roles: readonly string[]) =>
  fc.record({
    group: fc.option(fc.constantFrom(...GROUPS)),
    department: fc.option(fc.constantFrom(...DEPARTMENTS)),
    level: fc.option(fc.constantFrom('1', '2')),
    effect: fc.constantFrom('grant' as const, 'grant' as const, 'grant' as const, 'deny' as const),
    scope: fc.constant(scope),
    role: fc.option(fc.constantFrom(...roles), { freq: 6 }),
    position: fc.nat(3),
    enabled: fc.constantFrom(true, true, true, false),
  });
const rule: fc.Arbitrary<Rule> = fc
  .oneof(ruleAt('main', ['admin', 'billing', 'member']), ruleAt('main/insights', ['p-admin', 'editor', 'viewer']))
  .filter((each) => each.group !== null || each.department !== null || each.level !== null)
  .filter((each) => each.effect === 'deny' || each.role !== null);
const event: fc.Arbitrary<Event> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('feed' as const),
      feed: fc.dictionary(fc.constantFrom(...IDS), fc.option(entry, { freq: 5 }), { minKeys: 1 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('rule' as const),
      slug: fc.constantFrom('r1', 'r2', 'r3', 'r4'),
      rule: fc.option(rule, { freq: 6 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('by hand' as const), id: fc.constantFrom(...IDS) }) },
);

/** What should be, kept in the plainest way. */
class Model {
  readonly feed = new Map<string, Entry>();
  readonly rules = new Map<string, Rule>();
  readonly accounts = new Map<string, 'active' | 'deprovisioned'>();
  readonly byHand = new Set<string>();
  /** Who has one of the product's seats. */
  readonly seated = new Set<string>();
  readonly seats: number | null;

  constructor(seats: number | null) {
    this.seats = seats;
  }

  /** Everybody's wishes are looked at, or one person's. */
  seat(only?: string): void {
    const wanting = IDS.filter((id) => this.accounts.get(id) === 'active' && this.#wantsProduct(id));
    for (const id of this.seated) if (!wanting.some((each) => each === id)) this.seated.delete(id);
    for (const id of wanting) {
      if ((only === undefined || only === id) && this.seated.size < (this.seats ?? 100)) this.seated.add(id);
    }
  }

  #wantsProduct(id: string): boolean {
    const inWorkspace = this.#derived(id, 'main') !== undefined || this.byHand.has(id);
    return inWorkspace && this.#derived(id, 'main/insights') !== undefined;
  }

  /** The feed is read. */
  settle(): void {
    for (const id of IDS) {
      const stated = this.feed.get(id);
      const account = this.accounts.get(id);
      if (stated !== undefined && isPresent(stated)) this.accounts.set(id, 'active');
      else if (account === 'active' && (stated === undefined || isGone(stated))) {
        this.accounts.set(id, 'deprovisioned');
        this.byHand.delete(id);
      }
    }
    this.seat();
  }

  /** `scope:role (source)` of everybody. */
  memberships(): string[] {
    return [...this.accounts]
      .filter(([, status]) => status === 'active')
      .flatMap(([id]) => this.#of(id).map((each) => `${id} ${each}`))
      .sort();
  }

  #of(id: string): string[] {
    const main = this.#derived(id, 'main');
    const insights = this.#derived(id, 'main/insights');
    const byHand = this.byHand.has(id);
    // A product is given only to whoever is in its workspace, as long as there are seats.
    const product = this.seated.has(id) ? [`main/insights:${insights}`] : [];
    return [
      ...(main === undefined ? [] : [`main:${main} (mapping)`]),
      ...(byHand ? ['main:member (manual)'] : []),
      ...product.map((each) => `${each} (mapping)`),
    ];
  }

  #derived(id: string, scope: Rule['scope']): string | undefined {
    const stated = this.feed.get(id);
    if (stated === undefined || !isPresent(stated)) return undefined;
    const matching = [...this.rules]
      .filter(([, each]) => each.enabled && each.scope === scope && matches(each, stated))
      .sort(([one], [other]) => (one < other ? -1 : 1));
    const denied = matching.filter(([, { effect }]) => effect === 'deny').map(([, { role }]) => role);
    const granted = matching.filter(
      ([, { effect, role }]) => effect === 'grant' && !denied.includes(role) && !denied.includes(null),
    );
    granted.sort(
      ([, one], [, other]) => RANKS[other.role ?? '']! - RANKS[one.role ?? '']! || one.position - other.position,
    );
    return granted[0]?.[1].role ?? undefined;
  }
}

function isPresent({ status, starts, ends }: Entry): boolean {
  return status === 'active' && (starts ?? 0) <= 0 && (ends ?? 0) >= 0;
}

function isGone({ status, ends }: Entry): boolean {
  return status !== 'active' || (ends ?? 0) < 0;
}

function matches(each: Rule, stated: Entry): boolean {
  return (
    (each.group === null || stated.groups.includes(each.group)) &&
    (each.department === null || stated.department === each.department) &&
    (each.level === null || stated.level === each.level)
  );
}

const day = (days: number | null) =>
  days === null ? '' : new Date(Date.now() + days * DAY).toISOString().slice(0, 10);

function write(company: Company, feed: ReadonlyMap<string, Entry>): void {
  // Somebody is always there: an empty feed would be held, as it should.
  const rows = [
    ['z', { department: 'None', level: '0', groups: [], status: 'active', starts: null, ends: null }] as const,
    ...feed,
  ];
  company.write(
    ...rows.map(
      ([id, { department, level, groups, status, starts, ends }]) =>
        `${id},${id}@acme.example,${id},${department},${level},${status},${day(starts)},${day(ends)},${groups.join(';')}`,
    ),
  );
}

async function happen(company: Company, model: Model, what: Event): Promise<void> {
  if (what.kind === 'feed') {
    for (const [id, stated] of Object.entries(what.feed)) {
      if (stated === null) model.feed.delete(id);
      else if (stated !== undefined) model.feed.set(id, stated);
    }
    model.settle();
    write(company, model.feed);
    assert.equal((await company.sync()).status, 'applied');
  } else if (what.kind === 'rule' && what.rule !== null) {
    model.rules.set(what.slug, what.rule);
    model.seat();
    await company.api('put', `/mapping-rules/${what.slug}`).send(inputOf(what.rule)).expect(200);
  } else if (what.kind === 'rule') {
    if (!model.rules.delete(what.slug)) return;
    model.seat();
    await company.api('delete', `/mapping-rules/${what.slug}`).expect(200);
  } else if (what.kind === 'by hand' && model.accounts.get(what.id) === 'active' && !model.byHand.has(what.id)) {
    model.byHand.add(what.id);
    model.seat(what.id);
    const grant = { user: `${what.id}@acme.example`, scope: { workspace: 'main' }, role: 'member', reason: 'test' };
    await company.api('post', '/memberships').send(grant).expect(201);
    // What a hand gives may let a rule's product follow, with the next look at the person.
    await company.api('post', `/people/${what.id}@acme.example/reconcile`).send({}).expect(200);
  }
}

function inputOf({ group, department, level, scope, role, ...rest }: Rule): Record<string, unknown> {
  const conditions = [
    ...(department === null ? [] : [`$.department == "${department}"`]),
    ...(level === null ? [] : [`$.title == "${level}"`]),
  ];
  return {
    ...rest,
    group,
    condition: conditions.length === 0 ? null : conditions.join(' && '),
    scope: scope === 'main' ? { workspace: 'main' } : { product: scope },
    role: role === 'p-admin' ? 'admin' : role,
  };
}

async function actual(company: Company): Promise<string[]> {
  const rows = await company.within(async ({ db }) => {
    const found = await sql<{ line: string }>`
      SELECT split_part(u.email, '@', 1) || ' ' || concat_ws('/', w.slug, p.slug) || ':'
        || CASE WHEN m.role = 'admin' AND p.slug IS NOT NULL THEN 'p-admin' ELSE m.role END || ' (' || m.source || ')' AS line
      FROM memberships m JOIN users u ON u.id = m.user_id LEFT JOIN workspaces w ON w.id = m.workspace_id
      LEFT JOIN products p ON p.id = m.product_id WHERE u.email <> 'z@acme.example'`.execute(db);
    return found.rows;
  });
  return rows.map(({ line }) => line).sort();
}

const statuses = (company: Company) =>
  company.within(async ({ db }) => {
    const rows = await db
      .selectFrom('users')
      .select(['email', 'status'])
      .where('email', '<>', 'z@acme.example')
      .execute();
    return new Map(rows.map(({ email, status }) => [email.split('@')[0], status]));
  });

describe('the one reconcile', () => {
  it('given any company, rules and days, then everybody has what the plain model says, and again changes nothing', async () => {
    let sequences = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(event, { minLength: 2, maxLength: 6 }),
        fc.constantFrom(null, 1, 2),
        async (events, seats) => {
          sequences += 1;
          const company = await makeCompany(server, database, { guards: LOOSE });
          const columns = { status: 'status', startsOn: 'starts', endsOn: 'ends', groups: 'groups' };
          company.header('id,email,name,department,title,status,starts,ends,groups');
          await company
            .api('put', '/directories/hr')
            .send({ kind: 'csv', config: { file: company.feed, columns }, guards: LOOSE })
            .expect(200);
          await company.api('put', '/workspaces/main/products/insights').send({ seats }).expect(200);
          const model = new Model(seats);
          for (const what of events) {
            await happen(company, model, what);
            assert.deepEqual(await actual(company), model.memberships(), JSON.stringify(what));
            assert.deepEqual(await statuses(company), model.accounts);
          }
          write(company, model.feed);
          const again = await company.sync();
          model.settle();
          assert.deepEqual(await actual(company), model.memberships(), 'read once more');
          const { 'membership.withheld': _, ...changes } = (await company.sync()).counts;
          assert.deepEqual([again.status, changes], ['applied', {}]);
        },
      ),
      { numRuns: RUNS },
    );
    assert.ok(sequences >= RUNS);
  });
});
