/**
 * What identity providers and their signals say of people's accounts, by whatever protocol it comes (global token revocation, shared
 * signals): one receiver, and the same final state as by an administrator's or a directory's word.
 */
import { record } from '../audit/record.ts';
import { Fault } from '../errors.ts';
import type { TenantTransaction } from '../store/tenant.ts';
import { deprovision, type OffboardingDependencies } from './deprovision.ts';
import { endSignIns } from './end-sign-ins.ts';
import { requireMayGo } from './may-go.ts';
import { reactivateUser, suspendUser } from './suspend.ts';

export interface Signal {
  /**
   * `signed-out`: whatever signs the person in ends (sessions revoked); `suspended`: they are out for now; `left`: their access ends
   * (both: account disabled); `enabled`: a suspension by the same source is over.
   */
  readonly kind: 'signed-out' | 'suspended' | 'left' | 'enabled';
  readonly userId: string;
  /** By which protocol it came: `global-token-revocation`, `shared-signals`. */
  readonly trigger: string;
  /** Of a suspension: the same for the one that is to end. */
  readonly reason: string;
  /** When it arose; left out: now. */
  readonly at?: Date;
}

/** `withheld`: a protected account or a last owner; signed out, and for a person to decide. `kept`: nothing of this source's to undo. */
export type Received = 'signed-out' | 'suspended' | 'left' | 'had-left' | 'withheld' | 'enabled' | 'kept';

/** Does what a signal asks for. */
export async function receive(deps: OffboardingDependencies, tx: TenantTransaction, signal: Signal): Promise<Received> {
  const { userId, reason, kind } = signal;
  const user = await tx.db
    .selectFrom('users')
    .select(['status', 'suspended_reason as suspendedFor'])
    .where('id', '=', userId)
    .forUpdate()
    .executeTakeFirst();
  if (user === undefined || user.status === 'deprovisioned') return 'had-left';
  if (kind === 'signed-out') {
    await endSignIns(deps, tx, [userId], reason);
    return 'signed-out';
  }
  if (kind === 'enabled') {
    // Whom somebody else has suspended, an administrator for one, it does not let in again.
    if (user.status !== 'suspended' || user.suspendedFor !== reason) return 'kept';
    await reactivateUser(deps, tx, {
      user: userId,
      reason: 'the identity provider enabled the account again',
      by: null,
    });
    return 'enabled';
  }
  if (kind === 'suspended' && user.status === 'suspended') return 'suspended';
  return (await withheld(deps, tx, signal)) ? 'withheld' : letGo(deps, tx, signal);
}

async function letGo(deps: OffboardingDependencies, tx: TenantTransaction, signal: Signal): Promise<Received> {
  const { userId, reason, trigger, at } = signal;
  if (signal.kind === 'suspended') {
    await suspendUser(deps, tx, { user: userId, reason, by: null });
    return 'suspended';
  }
  await deprovision(deps, tx, [{ userId, reason }], { kind: trigger, ...(at === undefined ? {} : { at }) });
  return 'left';
}

/** Whether the person may not go by a machine's word; then they are signed out, and a person is told. */
async function withheld(deps: OffboardingDependencies, tx: TenantTransaction, signal: Signal): Promise<boolean> {
  const { userId, reason, trigger } = signal;
  try {
    await requireMayGo(deps.models, tx, userId, null);
    return false;
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    await endSignIns(deps, tx, [userId], reason);
    const resource = { type: 'user', id: userId };
    const told = { action: 'user.deprovision_withheld', outcome: 'failure', reason: error.message } as const;
    await record(tx, { ...told, resource, detail: { trigger } });
    return true;
  }
}
