/** Works what is due at one target until nothing is, or until nobody there answers. */
import type { TenantTransaction } from '../store/tenant.ts';
import { type ClaimedStep, claimDueSteps, giveBack, LEASE_SECONDS, postpone } from './claim.ts';
import { type DoneStep, gathered, writeDown } from './write-down.ts';

/** Does something in a transaction of the organization. */
export type Within = <T>(work: (tx: TenantTransaction) => Promise<T>) => Promise<T>;

/** Steps done side by side, and so many are claimed first. */
const ABREAST = 8;
/** Claimed at once while the target answers: ten thousand steps wait for the database far longer than for who answers fast. */
const MANY = 64;
/** After that, in milliseconds, no step is begun under a claim: it may take as long again, and must end within the lease. */
const BEGIN_WITHIN = (LEASE_SECONDS * 1000) / 4;

/** @param work does one step; never throws */
export async function drainTarget(
  within: Within,
  target: string,
  work: (step: ClaimedStep) => Promise<DoneStep>,
): Promise<void> {
  for (let limit = ABREAST; ; limit = MANY) {
    const claimed = await within((tx) => claimDueSteps(tx, target, limit));
    if (claimed.length === 0) return;
    const { left, silent } = await workAbreast(within, claimed, work);
    if (left.length > 0) await within((tx) => giveBack(tx, left));
    if (silent) return within((tx) => postpone(tx, target));
  }
}

/** @returns the steps that were not begun, and whether the last tries all came to nothing */
async function workAbreast(
  within: Within,
  claimed: readonly ClaimedStep[],
  work: (step: ClaimedStep) => Promise<DoneStep>,
): Promise<{ left: readonly ClaimedStep[]; silent: boolean }> {
  const left = [...claimed];
  const latest: boolean[] = [];
  const silent = () => latest.length >= Math.min(ABREAST, claimed.length) && latest.slice(-ABREAST).every(Boolean);
  const writer = gathered<DoneStep>((done) => within((tx) => writeDown(tx, done)));
  const until = Date.now() + BEGIN_WITHIN;
  const lane = async () => {
    for (
      let step = left.shift();
      step !== undefined;
      step = silent() || Date.now() > until ? undefined : left.shift()
    ) {
      const done = await work(step);
      latest.push(done.outcome.state === 'retry');
      writer.put(done);
    }
  };
  await Promise.all(Array.from({ length: ABREAST }, lane));
  await writer.written();
  return { left, silent: silent() };
}
