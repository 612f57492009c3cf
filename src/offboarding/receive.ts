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

export interface Signal {
  /** `signed-out`: whatever signs the person in ends (sessions revoked); `left`: their access ends (account disabled, purged). */
  readonly kind: 'signed-out' | 'left';
  readonly userId: string;
  /** By which protocol it came: `global-token-revocation`, `shared-signals`. */
  readonly trigger: string;
  readonly reason: string;
  /** When it arose; left out: now. */
  readonly at?: Date;
}

/** `withheld`: a protected account or a last owner; signed out, and for a person to decide. */
export type Received = 'signed-out' | 'left' | 'had-left' | 'withheld';

/** Does what a signal asks for. */
export async function receive(deps: OffboardingDependencies, tx: TenantTransaction, signal: Signal): Promise<Received> {
  const { userId, reason, trigger, at } = signal;
  const user = await tx.db.selectFrom('users').select('status').where('id', '=', userId).forUpdate().executeTakeFirst();
  if (user === undefined || user.status === 'deprovisioned') return 'had-left';
  if (signal.kind === 'signed-out') {
    await endSignIns(deps, tx, [userId], reason);
    return 'signed-out';
  }
  try {
    await requireMayGo(deps.models, tx, userId, null);
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    await endSignIns(deps, tx, [userId], reason);
    const resource = { type: 'user', id: userId };
    await record(tx, {
      action: 'user.deprovision_withheld',
      resource,
      outcome: 'failure',
      reason: error.message,
      detail: { trigger },
    });
    return 'withheld';
  }
  await deprovision(deps, tx, [{ userId, reason }], { kind: trigger, ...(at === undefined ? {} : { at }) });
  return 'left';
}
