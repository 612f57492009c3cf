/** Conditions that can be built by clicks, and the SQL/JSON paths that they are. Pure. */

export interface Clause {
  readonly attribute: string;
  readonly is: 'equals' | 'differs' | 'contains' | 'exists';
  readonly value: string;
}

/** The path of clauses that must all hold; null where there are none. */
export function pathOf(clauses: readonly Clause[]): string | null {
  const told = clauses.filter(({ attribute }) => attribute.trim() !== '').map(clausePath);
  return told.length === 0 ? null : told.join(' && ');
}

/** A path as people read it, alone or after a colon: `department = "Sales" and title exists`. What it can't say stays as it is. */
export function inWords(path: string): string {
  return path
    .replace(/exists ?\(\$\.("?)([\w-]+)\1\)/g, '$2 exists')
    .replace(/(^|: )\(([^()]*)\)$/, '$1$2')
    .replace(/\$\.("?)([\w-]+)\1/g, '$2')
    .replaceAll(' == ', ' = ')
    .replaceAll(' != ', ' ≠ ')
    .replaceAll(' && ', ' and ')
    .replaceAll(' || ', ' or ');
}

function clausePath({ attribute, is, value }: Clause): string {
  const at = `$.${attribute
    .trim()
    .split('.')
    .map((key) => (/^[A-Za-z_]\w*$/.test(key) ? key : JSON.stringify(key)))
    .join('.')}`;
  const text = JSON.stringify(value);
  if (is === 'exists') return `exists(${at})`;
  if (is === 'contains') return `${at} like_regex ${JSON.stringify(escaped(value))} flag "i"`;
  return `${at} ${is === 'equals' ? '==' : '!='} ${text}`;
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
