/** Random companies for the property test: two directories that tell of the same few people, rules, and what people do by hand. */
import fc from 'fast-check';

/** So few that everything meets everything. */
export const IDS = ['a', 'b', 'c', 'd', 'e'] as const;
export const GROUPS = ['Red', 'Blue', 'Green'] as const;
export const DIRECTORIES = ['hr', 'it'] as const;
const DEPARTMENTS = ['Sales', 'Support'] as const;

export type Id = (typeof IDS)[number];
export type GroupName = (typeof GROUPS)[number];
export type DirectoryName = (typeof DIRECTORIES)[number];

/** What the directory `hr` says of somebody, whole each time. */
export interface Employee {
  readonly department: string;
  readonly level: string;
  readonly groups: readonly GroupName[];
  readonly status: 'active' | 'terminated';
  /** In days from today; null: none. */
  readonly starts: number | null;
  readonly ends: number | null;
}

/** What `it` says, which tells only changes; its groups are told apart, and may be within each other, even in a circle. */
export interface Member {
  readonly department: string;
  readonly level: string;
  readonly active: boolean;
}

export interface Rule {
  readonly directory: DirectoryName | null;
  readonly group: GroupName | null;
  readonly department: string | null;
  readonly level: string | null;
  readonly effect: 'grant' | 'deny';
  readonly scope: 'main' | 'main/insights';
  /** Null denies every role. */
  readonly role: string | null;
  readonly position: number;
  readonly enabled: boolean;
}

/** Of those who are named, null: there no more. */
type Changes<K extends string, V> = Partial<Record<K, V | null>>;

export type Event =
  | { readonly kind: 'hr'; readonly people: Changes<Id, Employee>; readonly mode: 'plan' | 'run' }
  | {
      readonly kind: 'it';
      readonly people: Changes<Id, Member>;
      readonly groups: Changes<GroupName, readonly (Id | GroupName)[]>;
      readonly mode: 'plan' | 'run';
      /** It remembers no earlier point from now on, and tells everything. */
      readonly forgets: boolean;
    }
  | { readonly kind: 'rule'; readonly slug: string; readonly rule: Rule | null }
  | { readonly kind: 'by hand'; readonly id: Id }
  | { readonly kind: 'settle'; readonly id: Id }
  /** So many days of grace go by, and the clock looks. */
  | { readonly kind: 'wait'; readonly days: number }
  | { readonly kind: 'protect'; readonly id: Id; readonly isProtected: boolean };

export interface Company {
  readonly events: readonly Event[];
  readonly seats: number | null;
  /** Whether the domain of its addresses is proven: else nobody is matched by their address. */
  readonly verified: boolean;
  /** For how many days whoever `hr` no longer names is kept. */
  readonly grace: number;
  /** Which directory is read again at the end, when it says nothing new. */
  readonly again: DirectoryName;
}

const department = fc.constantFrom(...DEPARTMENTS);
const level = fc.constantFrom('1', '2');
const mode = fc.constantFrom('run' as const, 'run' as const, 'run' as const, 'run' as const, 'plan' as const);

const employee: fc.Arbitrary<Employee> = fc.record({
  department,
  level,
  groups: fc.subarray([...GROUPS]),
  status: fc.constantFrom('active' as const, 'active' as const, 'active' as const, 'terminated' as const),
  starts: fc.constantFrom(null, null, null, -30, 0, 5),
  ends: fc.constantFrom(null, null, null, -5, 0, 30),
});
const member: fc.Arbitrary<Member> = fc.record({
  department,
  level,
  active: fc.constantFrom(true, true, true, false),
});

const ruleAt = <S extends Rule['scope']>(scope: S, roles: readonly string[]) =>
  fc.record({
    directory: fc.constantFrom(null, null, null, ...DIRECTORIES),
    group: fc.option(fc.constantFrom(...GROUPS)),
    department: fc.option(department),
    level: fc.option(level),
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

const person = fc.constantFrom(...IDS);
const changesOf = <K extends string, V>(key: fc.Arbitrary<K>, value: fc.Arbitrary<V>, minKeys: number) =>
  fc.dictionary(key, fc.option(value, { freq: 5 }), { minKeys }) as fc.Arbitrary<Changes<K, V>>;

const event: fc.Arbitrary<Event> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('hr' as const), people: changesOf(person, employee, 1), mode }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('it' as const),
      people: changesOf(person, member, 0),
      groups: changesOf(fc.constantFrom(...GROUPS), fc.subarray([...IDS, ...GROUPS]), 0),
      mode,
      forgets: fc.constantFrom(...Array(9).fill(false), true),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('rule' as const),
      slug: fc.constantFrom('r1', 'r2', 'r3', 'r4'),
      rule: fc.option(rule, { freq: 6 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('by hand' as const), id: person }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('settle' as const), id: person }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('wait' as const), days: fc.constantFrom(3, 5) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('protect' as const), id: person, isProtected: fc.boolean() }),
  },
);

export const company: fc.Arbitrary<Company> = fc.record({
  events: fc.array(event, { minLength: 2, maxLength: 7 }),
  seats: fc.constantFrom(null, 1, 2),
  verified: fc.constantFrom(true, true, false),
  grace: fc.constantFrom(0, 7),
  again: fc.constantFrom(...DIRECTORIES),
});
