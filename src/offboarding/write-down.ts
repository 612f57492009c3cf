/** Writes down what came of steps: for whichever are done at that moment as one, so that a target that answers fast waits for no disk. */
import { sql } from 'kysely';
import { record } from '../audit/record.ts';
import { markTokensEnded } from '../credentials/oauth-token.ts';
import { disableWebhookEndpoint } from '../signals/webhook-endpoint.ts';
import type { TenantTransaction } from '../store/tenant.ts';
import { closeProven } from './cases.ts';
import { type ClaimedStep, UNFINISHED } from './claim.ts';
import type { Outcome, Settled } from './next-step.ts';

export interface DoneStep {
  readonly step: ClaimedStep;
  readonly outcome: Outcome;
  readonly settled: Settled;
}

/** Writes outcomes with what follows from them, audited; cases of which nothing is left open are closed. */
export async function writeDown(tx: TenantTransaction, done: readonly DoneStep[]): Promise<void> {
  const given = JSON.stringify(
    done.map(({ step, outcome, settled: { state, error, nextInSeconds } }) => {
      const proof = 'proof' in outcome ? outcome.proof : null;
      return { case_id: step.caseId, id: step.id, state, error, proof, pause: nextInSeconds };
    }),
  );
  const { rows } = await sql<{ id: string }>`
    UPDATE offboarding_steps s SET state = g.state, last_error = g.error, proof = g.proof,
      next_attempt_at = coalesce(now() + g.pause * interval '1 second', s.next_attempt_at),
      finished_at = CASE WHEN g.pause IS NULL AND g.state <> 'needs_human' THEN now() END
    FROM jsonb_to_recordset(${given}::jsonb) AS g(case_id uuid, id uuid, state text, error text, proof jsonb, pause float8)
    WHERE s.case_id = g.case_id AND s.id = g.id AND s.case_id = ANY(${done.map(({ step }) => step.caseId)}::uuid[]) AND ${UNFINISHED}
    RETURNING s.id`.execute(tx.db);
  // Of the others another worker took over after a lease ran out, and has finished them.
  const ids = new Set(rows.map(({ id }) => id));
  const written = done.filter(({ step }) => ids.has(step.id));
  if (written.length === 0) return;
  await markTokensEnded(
    tx,
    written.flatMap(({ step, outcome }) => (step.token !== null && isGone(outcome) ? [step.token.id] : [])),
  );
  const unwanted = written.flatMap(({ step, outcome }) => (outcome.state === 'unsupported' ? [step.webhook?.id] : []));
  for (const id of new Set(unwanted)) if (id !== undefined) await disableWebhookEndpoint(tx, id);
  await record(tx, ...written.map(eventOf));
  await closeProven(tx, [...new Set(written.map(({ step }) => step.caseId))]);
}

function eventOf({ step, settled }: DoneStep) {
  const finished = settled.nextInSeconds === null && settled.state !== 'needs_human';
  return {
    action: `offboarding.step_${settled.state}`,
    resource: { type: 'offboarding_step', id: step.id },
    outcome: finished ? ('success' as const) : ('failure' as const),
    reason: settled.error ?? '',
    detail: { user: step.user.id, case: step.caseId, kind: step.kind, attempts: step.attempts },
  };
}

function isGone({ state }: Outcome): boolean {
  return state === 'revoked' || state === 'already_gone';
}

/** Gathers what comes while the last is being written, and writes it as one. */
export function gathered<T>(write: (all: readonly T[]) => Promise<void>): {
  put(each: T): void;
  /** Once all of it is written. @throws what `write` threw; nothing was written after that */
  written(): Promise<void>;
} {
  let waiting: T[] = [];
  let last: Promise<void> = Promise.resolve();
  const next = async () => {
    const all = waiting;
    waiting = [];
    await write(all);
  };
  return {
    put: (each) => {
      waiting.push(each);
      if (waiting.length > 1) return;
      last = last.then(next);
      // Whoever asks is told; until then nobody has missed it.
      last.catch(() => undefined);
    },
    written: () => last,
  };
}
