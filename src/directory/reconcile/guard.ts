/** Guards: pure rules that look at a plan before it is applied. A plan that trips one is held for a person (directory, Guards). */
import { z } from 'zod';

/** What a directory's owner may set; shares are fractions of 1. */
export const guardSettings = z.strictObject({
  /** At most this many people deprovisioned by one run. */
  maxDeprovisions: z.number().int().min(0).default(500),
  maxDeprovisionShare: z.number().min(0).max(1).default(0.1),
  /** At most this many derived memberships removed by one run. */
  maxMembershipRemovals: z.number().int().min(0).default(5000),
  maxMembershipRemovalShare: z.number().min(0).max(1).default(0.25),
  /** Shares say nothing about a handful: up to this many removals, only the numbers count. */
  shareAppliesAbove: z.number().int().min(0).default(3),
  maxAdministrativeGrants: z.number().int().min(0).default(5),
  /** By how much the feed may be smaller than the last one. */
  maxFeedShrink: z.number().min(0).max(1).default(0.2),
  /** How many of a feed's records may be wrong before the run stops; whom they are about stays as they are. */
  maxBadShare: z.number().min(0).max(1).default(0),
});

export type GuardSettings = z.output<typeof guardSettings>;

/** What the guards look at; all are counts of people, memberships or records. */
export interface PlanFigures {
  readonly feed: number;
  readonly previousFeed: number;
  readonly activePeople: number;
  readonly deprovisions: number;
  readonly derivedMemberships: number;
  readonly membershipRemovals: number;
  readonly administrativeGrants: number;
  /** Leavers that the plan keeps because they are a last owner or protected. */
  readonly keptOwners: number;
  /** Records of which nobody can say whom they are about. */
  readonly unattributed: number;
  /** What this directory's runs have done in the last 24 hours without a person having looked at it. */
  readonly recentDeprovisions: number;
  readonly recentMembershipRemovals: number;
}

export interface TrippedGuard {
  readonly guard:
    | 'empty-feed'
    | 'feed-shrink'
    | 'deprovisions'
    | 'membership-removals'
    | 'administrative-grants'
    | 'last-owner'
    | 'unattributed-records';
  readonly reason: string;
}

/** The guards that hold this plan; none if it may be applied at once. */
export function trippedGuards(figures: PlanFigures, settings: GuardSettings): TrippedGuard[] {
  if (figures.feed === 0) {
    return [{ guard: 'empty-feed', reason: `the feed is empty; ${figures.previousFeed} people were in the last one` }];
  }
  const tripped: TrippedGuard[] = [];
  const few = settings.shareAppliesAbove;

  const missing = figures.previousFeed - figures.feed;
  if (missing > few && share(missing, figures.previousFeed) > settings.maxFeedShrink) {
    const reason = `the feed has ${figures.feed} people, the last one had ${figures.previousFeed}`;
    tripped.push({ guard: 'feed-shrink', reason });
  }
  // A little in every run is a lot in a day: what went before counts with what would go now, and with those who were there then.
  const { deprovisions: left, recentDeprovisions: before } = figures;
  const people = figures.activePeople + before;
  if (left > 0 && exceeds(left + before, people, few, settings.maxDeprovisions, settings.maxDeprovisionShare)) {
    const reason = `${left} of ${figures.activePeople} people would be deprovisioned${since(before)}`;
    tripped.push({ guard: 'deprovisions', reason });
  }
  const { membershipRemovals: removed, recentMembershipRemovals: removedBefore } = figures;
  const held = figures.derivedMemberships + removedBefore;
  const { maxMembershipRemovals, maxMembershipRemovalShare } = settings;
  if (removed > 0 && exceeds(removed + removedBefore, held, few, maxMembershipRemovals, maxMembershipRemovalShare)) {
    const reason = `${removed} of ${figures.derivedMemberships} derived memberships would be removed${since(removedBefore)}`;
    tripped.push({ guard: 'membership-removals', reason });
  }
  if (figures.unattributed > 0 && left + removed > 0) {
    const reason = `${figures.unattributed} records are of nobody knows whom: who seems to have left may be one of them`;
    tripped.push({ guard: 'unattributed-records', reason });
  }
  if (figures.administrativeGrants > settings.maxAdministrativeGrants) {
    const reason = `${figures.administrativeGrants} people would be given a role with administrative rights`;
    tripped.push({ guard: 'administrative-grants', reason });
  }
  if (figures.keptOwners > 0) {
    const reason = `${figures.keptOwners} who left are the last owner or a protected account; they are kept until somebody else is owner`;
    tripped.push({ guard: 'last-owner', reason });
  }
  return tripped;
}

function share(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}

/** By number, or where it is more than a few, by share. */
function exceeds(part: number, whole: number, few: number, most: number, mostShare: number): boolean {
  return part > most || (part > few && share(part, whole) > mostShare);
}

function since(before: number): string {
  return before === 0 ? '' : `, after ${before} in the last 24 hours`;
}
