/** The worker: takes due steps, has them done elsewhere, writes down what came of it, and sees to it that it is woken again. */
import type { Models } from '../access/model-file.ts';
import { Fault } from '../errors.ts';
import { outboundFetch } from '../http/outbound.ts';
import type { JobQueue } from '../jobs/queue.ts';
import type { Log } from '../log.ts';
import type { Settings } from '../settings.ts';
import { sendWebhook } from '../signals/webhook.ts';
import { webhookSecrets } from '../signals/webhook-secret.ts';
import type { Store } from '../store/database.ts';
import { locateOrganizations } from '../store/locate.ts';
import { inTenant, type Origin } from '../store/tenant.ts';
import { type ClaimedStep, dueTargets, nextDue } from './claim.ts';
import { drainTarget, type Within } from './drain-target.ts';
import { endElsewhere } from './end-elsewhere.ts';
import { type Outcome, settle } from './next-step.ts';
import { tellByMail } from './tell-by-mail.ts';
import type { DoneStep } from './write-down.ts';

export interface WorkerDependencies {
  readonly settings: Settings;
  readonly store: Store;
  readonly models: Models;
  readonly jobs: JobQueue;
  readonly log: Log;
}

const WORKER: Origin = { actor: { kind: 'system', id: 'offboarding', label: 'offboarding' } };

/** One request's time, and that of all of a step's, in milliseconds; well below the lease. */
const TIMEOUT = 10_000;
const STEP_TIMEOUT = 20_000;

/** Takes wake-ups from the queue; each works one organization's due steps. */
export async function startOffboardingWorker(deps: WorkerDependencies): Promise<void> {
  await deps.jobs.work('offboarding.steps', ({ organizationId }) => workDueSteps(deps, organizationId));
  await sweepDueSteps(deps);
}

/** Wakes a worker for each organization that has steps to do, for the time when the first comes due. */
export async function sweepDueSteps(deps: WorkerDependencies): Promise<void> {
  for (const organizationId of await locateOrganizations(deps.store.db)) await wakeWhenDue(deps, organizationId);
}

/** Works an organization's steps until none is due; at each target by itself, so that one that is down holds up no other. */
export async function workDueSteps(deps: WorkerDependencies, organizationId: string): Promise<void> {
  const targets = await inTenant(deps.store.db, organizationId, WORKER, dueTargets, 'reader');
  const within: Within = (work) => inTenant(deps.store.db, organizationId, WORKER, work);
  const work = (step: ClaimedStep) => workStep(deps, organizationId, step);
  await Promise.all(targets.map((target) => drainTarget(within, target, work)));
  await wakeWhenDue(deps, organizationId);
}

async function wakeWhenDue(deps: WorkerDependencies, organizationId: string): Promise<void> {
  const at = await inTenant(deps.store.db, organizationId, WORKER, nextDue, 'reader');
  if (at === null) return;
  const data = { organizationId, id: organizationId };
  await deps.jobs.enqueue('offboarding.steps', data, {
    startAfter: at,
    singletonKey: `${organizationId} ${at.toISOString().slice(0, 19)}`,
    singletonSeconds: 60,
  });
}

async function workStep(deps: WorkerDependencies, organizationId: string, step: ClaimedStep): Promise<DoneStep> {
  const outcome = await execute(deps, organizationId, step);
  const settled = settle(step.kind, outcome, step.attempts, Math.random());
  if (settled.state === 'needs_human') {
    deps.log.error(
      { organizationId, case: step.caseId, step: step.id, reason: settled.error },
      'an offboarding step needs a person',
    );
  }
  return { step, outcome, settled };
}

async function execute(deps: WorkerDependencies, organizationId: string, step: ClaimedStep): Promise<Outcome> {
  const { sealingKeys } = deps.settings.secrets;
  const { allowPrivateNetwork } = deps.settings;
  const send = outboundFetch({ allowPrivateNetwork, timeout: TIMEOUT, until: AbortSignal.timeout(STEP_TIMEOUT) });
  const now = () => new Date();
  try {
    const { provider } = step;
    if (provider !== null) return await endElsewhere({ ...step, provider }, sealingKeys, send, now);
    if (step.webhook !== null) {
      const secrets = webhookSecrets(sealingKeys, step.webhook, now());
      const body = leaverMessage(organizationId, step);
      return await sendWebhook({ id: `msg_${step.id}`, url: step.webhook.url, secrets, body }, send, now);
    }
    if (step.kind === 'mail') return await tellByMail(deps, organizationId, step);
    return { state: 'unsupported', proof: { reason: 'what it was to reach has been removed' } };
  } catch (error) {
    if (error instanceof Fault) return { state: 'needs_human', error: error.toLine() };
    deps.log.error({ error, step: step.id }, 'an offboarding step failed unexpectedly');
    return { state: 'retry', error: 'unexpected failure, see the log' };
  }
}

function leaverMessage(organizationId: string, step: ClaimedStep) {
  return {
    type: 'user.deprovisioned',
    timestamp: step.openedAt,
    data: {
      organization: organizationId,
      user: step.user,
      case: step.caseId,
      reason: step.reason,
      trigger: step.trigger,
      ended: step.ended,
    },
  };
}
