/** What a plan consists of. A stored run's changes and a handful computed for one login look alike to whoever applies them. */
import { type RawBuilder, sql } from 'kysely';
import { prepared } from '../../store/prepared.ts';

export type ChangeKind =
  | 'user.create'
  | 'user.link'
  | 'user.update'
  | 'user.reactivate'
  | 'user.missing'
  | 'user.waiting'
  | 'user.found'
  | 'user.deprovision'
  | 'user.ambiguous'
  | 'user.protected'
  | 'membership.add'
  | 'membership.change'
  | 'membership.remove'
  | 'membership.withheld';

/** One row of a plan, as the database gives it. */
export interface Change {
  readonly kind: ChangeKind;
  readonly user_id: string | null;
  readonly source_key: string | null;
  readonly email: string | null;
  readonly display_name: string | null;
  readonly scope_kind: 'organization' | 'workspace' | 'product' | null;
  readonly workspace_id: string | null;
  readonly product_id: string | null;
  readonly scope_id: string | null;
  readonly role: string | null;
  readonly old_role: string | null;
  readonly rule_id: string | null;
  readonly administrative: boolean;
  readonly reason: string;
}

/** A plan's rows as something to select from, under the alias `c`. */
export interface ChangeSet {
  readonly rows: RawBuilder<unknown>;
  /** The run they were stored by, if they were; kept as the memberships' provenance. */
  readonly runId: string | null;
  /** Which kinds there are; unknown of a stored plan. */
  readonly kinds?: ReadonlySet<ChangeKind>;
}

/** Whether there may be changes of one of these kinds. */
export function mayHave({ kinds }: ChangeSet, ...wanted: ChangeKind[]): boolean {
  return kinds === undefined || wanted.some((kind) => kinds.has(kind));
}

/** Whether all changes are known to be of these kinds. */
export function areAll({ kinds }: ChangeSet, wanted: readonly ChangeKind[]): boolean {
  return kinds !== undefined && [...kinds].every((kind) => wanted.includes(kind));
}

/** A statement over changes: of a handful it is planned once, of a run's each time for their number. */
export function over<Row>(changes: ChangeSet, statement: RawBuilder<Row>): RawBuilder<Row> {
  return changes.runId === null ? prepared(statement) : statement;
}

/** The stored plan of a run. */
export function storedChanges(runId: string): ChangeSet {
  return { rows: sql`(SELECT * FROM sync_changes WHERE run_id = ${runId}) AS c`, runId };
}

/** A few changes at hand. */
export function changesAtHand(changes: readonly Change[]): ChangeSet {
  const rows = sql`jsonb_to_recordset(${JSON.stringify(changes)}::jsonb) AS c(kind text, user_id uuid, source_key text, email text,
    display_name text, scope_kind text, workspace_id uuid, product_id uuid, scope_id uuid, role text, old_role text,
    rule_id uuid, administrative boolean, reason text)`;
  return { rows, runId: null, kinds: new Set(changes.map((change) => change.kind)) };
}
