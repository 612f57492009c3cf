/** Of a batch in which one record may take back another: what holds at its end. Pure. */
import type { SourceRecord } from '../sources/source.ts';

type OfKind<K extends SourceRecord['kind']> = Extract<SourceRecord, { kind: K }>;

export interface LastWord {
  /** All that were said of people who are not gone at the end; which of two about the same counts is not decided here. */
  readonly users: readonly OfKind<'user'>[];
  /** Of those, the ones whose groups count: not what was said before somebody's groups were said whole. */
  readonly sayingGroups: readonly OfKind<'user'>[];
  readonly groups: readonly OfKind<'group'>[];
  readonly gone: readonly OfKind<'gone'>[];
  readonly links: readonly OfKind<'member' | 'no-member'>[];
}

/** Weighs a batch in the order in which it was read. */
export function lastWord(records: readonly SourceRecord[]): LastWord {
  const users = new Map<string, OfKind<'user'>[]>();
  const groups = new Map<string, OfKind<'group'>>();
  const gone = new Map<string, OfKind<'gone'>>();
  const links = new Map<string, OfKind<'member' | 'no-member'>>();

  for (const record of records) {
    if (record.kind === 'user') {
      gone.delete(`user ${record.sourceKey}`);
      users.set(record.sourceKey, [...(users.get(record.sourceKey) ?? []), record]);
    } else if (record.kind === 'group') {
      gone.delete(`group ${record.groupKey}`);
      groups.set(record.groupKey, record);
    } else if (record.kind === 'gone') {
      gone.set(`${record.what} ${record.key}`, record);
      (record.what === 'user' ? users : groups).delete(record.key);
    } else if (record.kind === 'member' || record.kind === 'no-member') {
      links.set(JSON.stringify([record.groupKey, record.memberKey]), record);
    }
  }
  const people = [...users.values()];
  return {
    users: people.flat(),
    sayingGroups: people.flatMap((said) =>
      said.slice(
        Math.max(
          0,
          said.findLastIndex(({ groupsWhole }) => groupsWhole),
        ),
      ),
    ),
    groups: [...groups.values()],
    gone: [...gone.values()],
    links: [...links.values()],
  };
}
