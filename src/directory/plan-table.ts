/** A plan as a table for a terminal: grouped by what is done, with who, what and why, within its width. Pure. */
import type { ChangeKind } from './reconcile/changes.ts';
import type { PlannedChange } from './runs.ts';

/** One kind of change, with as many of them as are shown. */
export interface PlanGroup {
  readonly kind: ChangeKind;
  readonly count: number;
  readonly shown: readonly PlannedChange[];
}

/** What each kind is called; in this order, what a person should look at first. */
export const HEADINGS: Readonly<Record<ChangeKind, string>> = {
  'user.ambiguous': '? In doubt, left as they are',
  'user.protected': '! Kept, though they left',
  'user.deprovision': '- Leave',
  'user.missing': '- Missing',
  'user.waiting': '- Still missing',
  'user.found': '+ No longer missing',
  'user.reactivate': '+ Come back',
  'user.create': '+ New',
  'user.link': '= Are an account that is there',
  'user.update': '~ Changed name or address',
  'membership.withheld': '! Memberships withheld',
  'membership.remove': '- Memberships removed',
  'membership.change': '~ Memberships changed',
  'membership.add': '+ Memberships given',
};

const GAP = '  ';
/** What a reason needs, to say anything. */
const LEAST_WHY = 28;
/** A narrower terminal breaks the lines by itself. */
const NARROWEST = 60;

/** Its lines. @param width of the terminal; none where nobody's eyes limit it */
export function planTable(groups: readonly PlanGroup[], width = Number.POSITIVE_INFINITY): string[] {
  if (groups.length === 0) return ['No changes: everything is as the directory and the rules say.'];
  return groups.flatMap((group, at) => [...(at === 0 ? [] : ['']), ...groupLines(group, Math.max(width, NARROWEST))]);
}

function groupLines({ kind, count, shown }: PlanGroup, width: number): string[] {
  const rows = shown.map((change) => [change.email ?? '(no e-mail)', whatOf(change), change.reason] as const);
  const longest = (column: 0 | 1 | 2) => Math.max(...rows.map((row) => row[column].length));
  const [who, what] = columnWidths(longest(0), longest(1), longest(2), width - GAP.length);
  const why = width - GAP.length - who - GAP.length - (what === 0 ? 0 : what + GAP.length);
  const lines = rows.map(([person, change, reason]) => {
    const columns = [fit(person, who), ...(what === 0 ? [] : [fit(change, what)]), cut(reason, why)];
    return `${GAP}${columns.join(GAP)}`.trimEnd();
  });
  const more = count - shown.length;
  const rest = more > 0 ? [`${GAP}... and ${numbered(more)} more; --all shows all`] : [];
  return [`${HEADINGS[kind]} (${numbered(count)})`, ...lines, ...rest];
}

/** Who and what have what they need, unless why would then say nothing. */
function columnWidths(who: number, what: number, why: number, width: number): [number, number] {
  const gaps = GAP.length * (what === 0 ? 1 : 2);
  const spare = width - gaps - Math.min(why, LEAST_WHY);
  if (who + what <= spare) return [who, what];
  const half = Math.floor(spare / 2);
  if (what <= half) return [spare - what, what];
  return who <= half ? [who, spare - who] : [half, spare - half];
}

function whatOf({ scope, role, oldRole }: PlannedChange): string {
  if (scope === null) return '';
  const changes = role !== null && oldRole !== null && role !== oldRole;
  return `${scope}: ${changes ? `${oldRole} -> ${role}` : (role ?? oldRole ?? '')}`;
}

function fit(text: string, width: number): string {
  return cut(text, width).padEnd(width);
}

function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 3))}...`;
}

function numbered(count: number): string {
  return new Intl.NumberFormat('en').format(count);
}
