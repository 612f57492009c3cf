/** What should be, kept in the plainest way: records, accounts and rules as a child would go through them. */
import { DIRECTORIES, type DirectoryName, type GroupName, IDS, type Id, type Rule } from './world.ts';

/** What a directory says of somebody. Neither present nor gone: yet to start. */
export interface Fact {
  readonly department: string;
  readonly level: string;
  readonly groups: readonly GroupName[];
  readonly present: boolean;
  readonly gone: boolean;
}

interface Account {
  readonly id: Id;
  active: boolean;
  isProtected: boolean;
  byHand: boolean;
  /** What a hand had given when they left; whoever comes back soon has it back. */
  formerlyByHand: boolean;
}

interface Stated {
  /** Null: named no more. */
  fact: Fact | null;
  account: Account | null;
  /** Whether they were there when last settled; null as long as neither was seen. */
  seen: boolean | null;
  /** Named no more, but kept: for how many days yet. */
  waits?: number;
}

const RANKS: Record<string, number> = { admin: 50, billing: 45, member: 40, 'p-admin': 30, editor: 20, viewer: 10 };

export class PlainModel {
  readonly rules = new Map<string, Rule>();
  readonly #records: Record<DirectoryName, Map<Id, Stated>> = { hr: new Map(), it: new Map() };
  readonly #accounts: Account[] = [];
  /** Who has one of the product's seats. */
  readonly #seated = new Set<Account>();
  readonly #seats: number;
  readonly #verified: boolean;
  /** In days, by directory. */
  readonly #grace: Record<DirectoryName, number>;

  constructor(seats: number | null, verified: boolean, grace: number) {
    this.#grace = { hr: grace, it: 0 };
    this.#seats = seats ?? 100;
    this.#verified = verified;
  }

  /** A directory is read whole. */
  read(directory: DirectoryName, facts: ReadonlyMap<Id, Fact>): void {
    const records = this.#records[directory];
    const looked: Account[] = [];
    for (const id of IDS) {
      const known = records.get(id);
      const fact = facts.get(id) ?? this.#kept(directory, known);
      if (known === undefined && fact === null) continue;
      const record = known ?? { fact, account: null, seen: null };
      records.set(id, record);
      record.fact = fact;
      if (facts.has(id) || fact === null) delete record.waits;
      else record.waits ??= this.#grace[directory];
      const wasSeen = record.seen !== false;
      this.#decide(directory, id, record);
      // Whoever is kept though they are named no more is looked at when they are first missed.
      if (record.account !== null && (fact !== null || wasSeen)) looked.push(record.account);
    }
    this.#seat(looked);
  }

  /** What is held of somebody who is named no more, as long as they have days left. */
  #kept(directory: DirectoryName, known: Stated | undefined): Fact | null {
    if (known?.fact?.present !== true || known.account === null) return null;
    const left = known.waits ?? this.#grace[directory];
    return left > 0 ? known.fact : null;
  }

  /** Days go by; whoever has none left goes. */
  wait(days: number): void {
    const looked: Account[] = [];
    for (const directory of DIRECTORIES)
      for (const [id, record] of this.#records[directory]) {
        if (record.waits === undefined || record.waits <= 0) continue;
        record.waits -= days;
        if (record.waits > 0 || record.fact === null) continue;
        record.fact = null;
        this.#decide(directory, id, record);
        if (record.account !== null) looked.push(record.account);
      }
    this.#seat(looked);
  }

  /** One person is settled anew, from what each directory last said. */
  settle(id: Id): void {
    const account = this.account(id);
    if (account === undefined) return;
    for (const directory of DIRECTORIES) {
      const record = this.#records[directory].get(id);
      if (record?.account === account) this.#decide(directory, id, record);
    }
    this.#seat([account]);
  }

  changeRule(slug: string, rule: Rule | null): void {
    if (rule === null) this.rules.delete(slug);
    else this.rules.set(slug, rule);
    this.#seat(this.#accounts);
  }

  /** The one that is in use. */
  account(id: Id): Account | undefined {
    return this.#accounts.find((account) => account.id === id && account.active);
  }

  accounts(): string[] {
    return this.#accounts.map(({ id, active }) => `${id} ${active ? 'active' : 'deprovisioned'}`).sort();
  }

  /** `who scope:role (source)` of everybody. */
  memberships(): string[] {
    const of = (account: Account) => {
      const main = this.#derived(account, 'main');
      return [
        ...(main === undefined ? [] : [`main:${main} (mapping)`]),
        ...(account.byHand ? ['main:member (manual)'] : []),
        ...(this.#seated.has(account) ? [`main/insights:${this.#derived(account, 'main/insights')} (mapping)`] : []),
      ];
    };
    return this.#accounts
      .filter(({ active }) => active)
      .flatMap((account) => of(account).map((each) => `${account.id} ${each}`))
      .sort();
  }

  #decide(directory: DirectoryName, id: Id, record: Stated): void {
    const { present, gone } = record.fact ?? { present: false, gone: true };
    const { account } = record;
    const inUse = this.account(id);
    if (account === null) {
      if (present && inUse !== undefined && !this.#verified) return;
      if (present) record.account = inUse ?? this.#newAccount(id);
    } else if (gone && account.active) {
      if (!account.isProtected) {
        account.active = false;
        account.formerlyByHand = account.byHand;
        account.byHand = false;
      }
    } else if (present && !account.active && record.seen === false) {
      if (inUse !== undefined || this.#isGoneElsewhere(directory, account)) return;
      account.active = true;
      account.byHand = account.formerlyByHand;
    }
    if (present || gone) record.seen = present;
  }

  #newAccount(id: Id): Account {
    const account = { id, active: true, isProtected: false, byHand: false, formerlyByHand: false };
    this.#accounts.push(account);
    return account;
  }

  #isGoneElsewhere(directory: DirectoryName, account: Account): boolean {
    return DIRECTORIES.some(
      (other) =>
        other !== directory &&
        [...this.#records[other].values()].some((record) => record.account === account && record.seen === false),
    );
  }

  /** Whoever has a seat keeps it; of those who are looked at, the others come in the order of their addresses. */
  #seat(looked: readonly Account[]): void {
    const wants = (account: Account) => account.active && this.#wantsProduct(account);
    for (const account of this.#seated) {
      if (!account.active || (looked.includes(account) && !wants(account))) this.#seated.delete(account);
    }
    for (const account of [...looked].sort((one, other) => (one.id < other.id ? -1 : 1))) {
      if (wants(account) && this.#seated.size < this.#seats) this.#seated.add(account);
    }
  }

  /** A product is given only to whoever is in its workspace. */
  #wantsProduct(account: Account): boolean {
    const inWorkspace = account.byHand || this.#derived(account, 'main') !== undefined;
    return inWorkspace && this.#derived(account, 'main/insights') !== undefined;
  }

  #derived(account: Account, scope: Rule['scope']): string | undefined {
    const facts = this.#facts(account);
    const matching = [...this.rules]
      .filter(([, rule]) => rule.enabled && rule.scope === scope)
      .filter(([, rule]) => facts.some(([directory, fact]) => matches(rule, directory, fact)))
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(([, rule]) => rule);
    const denied = matching.filter(({ effect }) => effect === 'deny').map(({ role }) => role);
    const granted = matching.filter(
      ({ effect, role }) => effect === 'grant' && !denied.includes(role) && !denied.includes(null),
    );
    granted.sort((one, other) => rank(other) - rank(one) || one.position - other.position);
    return granted[0]?.role ?? undefined;
  }

  #facts(account: Account): [DirectoryName, Fact][] {
    return DIRECTORIES.flatMap((directory) =>
      [...this.#records[directory].values()].flatMap((record): [DirectoryName, Fact][] =>
        record.account === account && record.fact?.present ? [[directory, record.fact]] : [],
      ),
    );
  }
}

function rank({ role }: Rule): number {
  return RANKS[role ?? ''] ?? 0;
}

function matches(rule: Rule, directory: DirectoryName, fact: Fact): boolean {
  return (
    (rule.directory === null || rule.directory === directory) &&
    (rule.group === null || fact.groups.includes(rule.group)) &&
    (rule.department === null || fact.department === rule.department) &&
    (rule.level === null || fact.level === rule.level)
  );
}
