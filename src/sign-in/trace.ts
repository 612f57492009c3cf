/**
 * The trace of a sign-in: each check in order, what was wanted and what came, and who can mend what failed (sign-in, Trace). Collected
 * in memory while the checks run; stored with the outcome, for seven days.
 */
import { randomUUID } from 'node:crypto';
import type { Request } from 'express';
import { type RawBuilder, sql } from 'kysely';
import { Fault } from '../errors.ts';
import { isId, type TenantTransaction } from '../store/tenant.ts';
import type { Login } from './attributes.ts';
import { type Check, type Finding, printable, SignInRefusal } from './refusal.ts';

/** Whose hands can mend a failed check. */
export type Mender = 'identity provider' | 'organization' | 'platform' | 'person';

export interface TraceStep {
  readonly check: Check | 'upstream';
  readonly passed: boolean;
  readonly sentence?: string;
  readonly remedy?: string;
  readonly wanted?: string;
  readonly got?: string;
  readonly mender?: Mender;
}

/** Checks that the identity provider's administrator does not mend; all others they do. */
const MENDERS: Partial<Record<Check, Mender>> = {
  'in-response-to': 'person',
  browser: 'person',
  replay: 'person',
  state: 'person',
  'connection-disabled': 'organization',
  encryption: 'organization',
  client: 'organization',
  tenant: 'organization',
  'hosted-domain': 'organization',
  person: 'organization',
  domain: 'organization',
  'just-in-time': 'organization',
  identity: 'organization',
};

const LONGEST = 300;

/** Collects the checks of one attempt. */
export class Trace {
  readonly id = randomUUID();
  readonly steps: TraceStep[] = [];
  /** What the identity provider said, once that is verified. */
  login: Login | undefined;

  /** Notes a check that holds; `detail` only where the value is worth seeing. */
  passed(check: Check, detail: { readonly wanted?: string; readonly got?: string } = {}): void {
    this.steps.push({ check, passed: true, ...brief(detail) });
  }

  /** Notes the check that refused. */
  failed(check: Check, finding: Finding): void {
    const { reason, remedy, ...detail } = finding;
    const mender = MENDERS[check] ?? 'identity provider';
    this.steps.push({
      check,
      passed: false,
      sentence: reason,
      ...(remedy === undefined ? {} : { remedy }),
      ...brief(detail),
      mender,
    });
  }

  /** Forgets what was noted, for checks that are made once more. */
  startOver(): void {
    this.steps.length = 0;
  }

  /** Notes why the attempt ended, where no check has yet. */
  ended(fault: Fault): void {
    const noted = this.steps.at(-1)?.passed === false;
    if (noted) return;
    if (fault instanceof SignInRefusal) this.failed(fault.check, fault.finding);
    else {
      const remedy = fault.remedy === undefined ? {} : { remedy: fault.remedy };
      this.steps.push({ check: 'upstream', passed: false, sentence: fault.message, ...remedy, mender: 'platform' });
    }
  }
}

const traces = new WeakMap<Request, Trace>();

/** The trace of a request; begun with the first call. */
export function traceOf(request: Request): Trace {
  const trace = traces.get(request) ?? new Trace();
  traces.set(request, trace);
  return trace;
}

/** The id of a request's trace, where it has one; error pages show it. */
export function traceIdOf(request: Request): string | undefined {
  return traces.get(request)?.id;
}

interface Place {
  readonly connectionId: string;
  readonly requestId: string;
}

/** The roles that a person holds now, for a trace. */
const rolesOf = (userId: string) => sql`
  (SELECT coalesce(jsonb_agg(jsonb_build_object('role', m.role, 'scope', m.scope_kind, 'place', concat_ws('/', w.slug, p.slug),
      'source', m.source, 'rule', r.slug, 'reason', m.reason) ORDER BY m.scope_kind, m.role), '[]')
    FROM memberships m LEFT JOIN workspaces w ON w.id = m.workspace_id LEFT JOIN products p ON p.id = m.product_id
    LEFT JOIN mapping_rules r ON r.id = m.rule_id
    WHERE m.user_id = ${userId}::uuid AND coalesce(m.expires_at > now(), true))`;

/** Stores the trace of somebody who was let in, with the roles they hold now; a part of the statement that starts the session. */
export function tracing(tx: TenantTransaction, trace: Trace, place: Place, userId: string): RawBuilder<unknown> {
  return sql`, traced AS (
    INSERT INTO sign_in_traces (organization_id, id, connection_id, request_id, outcome, user_id, said, steps, roles)
    SELECT ${tx.organizationId}::uuid, ${trace.id}::uuid, ${place.connectionId}::uuid, ${place.requestId}, 'signed_in', started.user_id,
      ${JSON.stringify(saidBy(trace))}::jsonb, ${JSON.stringify(trace.steps)}::jsonb, ${rolesOf(userId)} FROM started)`;
}

/** The roles that a person holds now, as a trace tells of them. */
export async function readRoles(tx: TenantTransaction, userId: string): Promise<unknown> {
  const { rows } = await sql<{ roles: unknown }>`SELECT ${rolesOf(userId)} AS roles`.execute(tx.db);
  return rows[0]?.roles ?? [];
}

/** Stores the trace of a test, with the roles that the person would have got. */
export async function keepTest(tx: TenantTransaction, trace: Trace, place: Place, roles: unknown): Promise<void> {
  await sql`
    INSERT INTO sign_in_traces (organization_id, id, connection_id, request_id, outcome, said, steps, roles)
    VALUES (${tx.organizationId}, ${trace.id}, ${place.connectionId}, ${place.requestId}, 'tested', ${JSON.stringify(saidBy(trace))}::jsonb,
      ${JSON.stringify(trace.steps)}::jsonb, ${JSON.stringify(roles)}::jsonb)`.execute(tx.db);
}

/** Stores the trace of a refusal; what is older than seven days is cleared away by the way. */
export async function keepRefusal(tx: TenantTransaction, trace: Trace, place: Place, fault: Fault): Promise<void> {
  const denied = fault.code === 'sign-in-refused';
  await sql`
    WITH cleared AS (
      DELETE FROM sign_in_traces WHERE connection_id = ${place.connectionId} AND at < now() - interval '7 days'
    )
    INSERT INTO sign_in_traces (organization_id, id, connection_id, request_id, outcome, refused_by, sentence, said, steps)
    VALUES (${tx.organizationId}, ${trace.id}, ${place.connectionId}, ${place.requestId}, ${denied ? 'refused' : 'failed'},
      ${fault instanceof SignInRefusal ? fault.check : fault.code}, ${fault.message}, ${JSON.stringify(saidBy(trace))}::jsonb,
      ${JSON.stringify(trace.steps)}::jsonb)`.execute(tx.db);
}

export interface ShownTrace {
  readonly id: string;
  readonly connection: string;
  readonly at: Date;
  readonly requestId: string;
  readonly outcome: 'signed_in' | 'tested' | 'refused' | 'failed';
  readonly refusedBy: string | null;
  readonly sentence: string;
  readonly userId: string | null;
  readonly said: unknown;
  readonly roles: unknown;
  readonly steps: readonly TraceStep[];
}

const SHOWN = sql`
  t.id, c.slug AS connection, t.at, t.request_id AS "requestId", t.outcome, t.refused_by AS "refusedBy", t.sentence,
  t.user_id AS "userId", t.said, t.roles, t.steps
  FROM sign_in_traces t JOIN connections c ON c.id = t.connection_id WHERE t.at > now() - interval '7 days'`;

/** Traces of the last seven days, latest first. */
export async function listTraces(
  tx: TenantTransaction,
  filter: { readonly connection?: string | undefined; readonly outcome?: string | undefined; readonly limit: number },
): Promise<ShownTrace[]> {
  const { rows } = await sql<ShownTrace>`
    SELECT ${SHOWN} AND (${filter.connection ?? null}::text IS NULL OR c.slug = ${filter.connection ?? null})
      AND (${filter.outcome ?? null}::text IS NULL OR t.outcome = ${filter.outcome ?? null})
    ORDER BY t.at DESC, t.id LIMIT ${filter.limit}`.execute(tx.db);
  return rows;
}

/** One trace, by its id or by its request's. @throws Fault `not-found` */
export async function findTrace(tx: TenantTransaction, id: string): Promise<ShownTrace> {
  const { rows } = await sql<ShownTrace>`
    SELECT ${SHOWN} AND (${isId(id) ? id : null}::uuid = t.id OR t.request_id = ${id}) ORDER BY t.at DESC LIMIT 1`.execute(
    tx.db,
  );
  const [found] = rows;
  if (found === undefined) {
    throw new Fault('not-found', 'There is no such trace, or it is older than seven days.', { where: 'path' });
  }
  return found;
}

function saidBy({ login }: Trace): unknown {
  if (login === undefined) return null;
  const { subject, email, name, groups } = login;
  return { subject, email, name, groups, attributes: login.attributes };
}

/** Values from outside are kept short: for recognising one, not for keeping it. */
function brief(detail: { readonly wanted?: string; readonly got?: string }): { wanted?: string; got?: string } {
  const short = Object.entries(detail)
    .filter((entry): entry is [string, string] => typeof entry[1] === 'string')
    .map(([name, value]) => [name, printable(value.length > LONGEST ? `${value.slice(0, LONGEST)}...` : value)]);
  return Object.fromEntries(short);
}
