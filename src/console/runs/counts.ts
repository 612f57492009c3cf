/** What a plan would do, as people say it. */
import { text } from '../text/text.ts';

const { runs: t } = text;

/** "3 new people, 2 roles given": each kind of change with its number, the weightiest first. */
export function countsInWords(counts: Readonly<Record<string, number>>): string {
  const told = Object.entries(t.kinds).flatMap(([kind, words]) => {
    const count = counts[kind] ?? 0;
    return count === 0 ? [] : [words(count)];
  });
  return told.length === 0 ? t.nothing : told.join(', ');
}

/** One kind of change, without its number. */
export function kindInWords(kind: string): string {
  return t.kindNames[kind as keyof typeof t.kindNames] ?? kind;
}
