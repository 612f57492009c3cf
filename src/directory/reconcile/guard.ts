/** Guards: pure rules that look at a plan before it is applied. A plan that trips one is held for a person (directory, Guards). */
import { z } from 'zod';

const most = (usual: number) => z.number().int().min(0).default(usual);
const share = (usual: number) => z.number().min(0).max(1).default(usual);

/** What a directory's owner may set: numbers and shares (fractions of 1), of a run together with the 24 hours before it. */
export const guardSettings = z.strictObject({
  maxDeprovisions: most(500),
  /** Of the directory's people. */
  maxDeprovisionShare: share(0.1),
  maxMembershipRemovals: most(5000),
  /** Of all memberships that rules gave. */
  maxMembershipRemovalShare: share(0.25),
  maxGroupRemovals: most(100),
  /** Of the directory's groups. */
  maxGroupRemovalShare: share(0.2),
  /** From any one group, besides those who leave altogether. */
  maxGroupMemberRemovals: most(1000),
  maxGroupMemberRemovalShare: share(0.5),
  maxAdministrativeGrants: most(5),
  /** Of the people in the feed. */
  maxAdministrativeGrantShare: share(0.2),
  maxAdministrativeRemovals: most(5),
  /** Of all memberships with administrative rights that rules gave. */
  maxAdministrativeRemovalShare: share(0.5),
  /** Shares say nothing about a handful: up to this many, only the numbers count. */
  shareAppliesAbove: most(3),
  /** By how much the feed may be smaller than the last one. */
  maxFeedShrink: share(0.2),
  /** How many of a feed's records may be wrong before the run stops; whom they are about stays as they are. */
  maxBadShare: share(0),
});

export type GuardSettings = z.output<typeof guardSettings>;

/** Of one sort of change: how many this plan has, how many went before without a person having looked at it, and of how many there are. */
export interface Figure {
  readonly now: number;
  readonly recent: number;
  readonly of: number;
}

/** What the guards look at. */
export interface PlanFigures {
  /** People whom the source names, this time and the last. */
  readonly feed: number;
  readonly previousFeed: number;
  /** Leavers, and those who will have left when their grace is over. */
  readonly deprovisions: Figure;
  readonly membershipRemovals: Figure;
  readonly groupRemovals: Figure;
  readonly administrativeGrants: Figure;
  readonly administrativeRemovals: Figure;
  /** The groups that lose most members, by number and by share. */
  readonly shrinkingGroups: readonly (Figure & { readonly name: string })[];
  /** Leavers that the plan keeps because they are a last owner or protected. */
  readonly keptOwners: number;
  /** Records of which nobody can say whom they are about. */
  readonly unattributed: number;
}

export interface TrippedGuard {
  readonly guard:
    | 'empty-feed'
    | 'feed-shrink'
    | 'deprovisions'
    | 'membership-removals'
    | 'group-removals'
    | 'group-members'
    | 'administrative-grants'
    | 'administrative-removals'
    | 'last-owner'
    | 'unattributed-records';
  readonly reason: string;
}

/** The guards that hold this plan; none if it may be applied at once. */
export function trippedGuards(figures: PlanFigures, settings: GuardSettings): TrippedGuard[] {
  if (figures.feed === 0) {
    return [{ guard: 'empty-feed', reason: `the feed is empty; ${figures.previousFeed} people were in the last one` }];
  }
  return [...aboutTheFeed(figures, settings), ...aboutPeople(figures, settings), ...aboutAccess(figures, settings)];
}

function aboutTheFeed(figures: PlanFigures, settings: GuardSettings): TrippedGuard[] {
  const tripped: TrippedGuard[] = [];
  const missing = figures.previousFeed - figures.feed;
  if (missing > settings.shareAppliesAbove && missing > settings.maxFeedShrink * figures.previousFeed) {
    const reason = `the feed has ${figures.feed} people, the last one had ${figures.previousFeed}`;
    tripped.push({ guard: 'feed-shrink', reason });
  }
  const { unattributed } = figures;
  if (unattributed > 0 && figures.deprovisions.now + figures.membershipRemovals.now > 0) {
    const reason = `${unattributed} records are of nobody knows whom: who seems to have left may be one of them`;
    tripped.push({ guard: 'unattributed-records', reason });
  }
  return tripped;
}

function aboutPeople({ deprovisions, keptOwners }: PlanFigures, settings: GuardSettings): TrippedGuard[] {
  const tripped: TrippedGuard[] = [];
  if (exceeds(taken(deprovisions), settings, settings.maxDeprovisions, settings.maxDeprovisionShare)) {
    const reason = `${deprovisions.now} of ${deprovisions.of} people would be deprovisioned${before(deprovisions)}`;
    tripped.push({ guard: 'deprovisions', reason });
  }
  if (keptOwners > 0) {
    const reason = `${keptOwners} who left are the last owner or a protected account; they are kept until somebody else is owner`;
    tripped.push({ guard: 'last-owner', reason });
  }
  return tripped;
}

function aboutAccess(figures: PlanFigures, settings: GuardSettings): TrippedGuard[] {
  const { membershipRemovals: lost, groupRemovals: groups, administrativeGrants: given } = figures;
  const { administrativeRemovals: disempowered, shrinkingGroups } = figures;
  const tripped: TrippedGuard[] = [];
  if (exceeds(taken(lost), settings, settings.maxMembershipRemovals, settings.maxMembershipRemovalShare)) {
    const reason = `${lost.now} of ${lost.of} derived memberships would be removed${before(lost)}`;
    tripped.push({ guard: 'membership-removals', reason });
  }
  if (exceeds(taken(groups), settings, settings.maxGroupRemovals, settings.maxGroupRemovalShare)) {
    const reason = `${groups.now} of ${groups.of} groups are there no more${before(groups)}`;
    tripped.push({ guard: 'group-removals', reason });
  }
  const { maxGroupMemberRemovals, maxGroupMemberRemovalShare } = settings;
  const shrunk = shrinkingGroups.find((group) =>
    exceeds(taken(group), settings, maxGroupMemberRemovals, maxGroupMemberRemovalShare),
  );
  if (shrunk !== undefined) {
    const reason = `the group ${shrunk.name} would lose ${shrunk.now} of ${shrunk.of} members${before(shrunk)}`;
    tripped.push({ guard: 'group-members', reason });
  }
  if (exceeds(given, settings, settings.maxAdministrativeGrants, settings.maxAdministrativeGrantShare)) {
    const reason = `${given.now} people would be given a role with administrative rights${before(given)}`;
    tripped.push({ guard: 'administrative-grants', reason });
  }
  const { maxAdministrativeRemovals, maxAdministrativeRemovalShare } = settings;
  if (exceeds(taken(disempowered), settings, maxAdministrativeRemovals, maxAdministrativeRemovalShare)) {
    const reason = `${disempowered.now} of ${disempowered.of} memberships with administrative rights would be removed${before(disempowered)}`;
    tripped.push({ guard: 'administrative-removals', reason });
  }
  return tripped;
}

/** A little in every run is a lot in a day: what was taken before counts with what would go now, and with those who were there then. */
function taken(figure: Figure): Figure {
  return { ...figure, of: figure.of + figure.recent };
}

/** By number, or where it is more than a few, by share. A plan with nothing of the sort is not held for what others did. */
function exceeds(
  { now, recent, of }: Figure,
  { shareAppliesAbove }: GuardSettings,
  number: number,
  mostShare: number,
): boolean {
  const all = now + recent;
  return now > 0 && (all > number || (all > shareAppliesAbove && all > mostShare * of));
}

function before({ recent }: Figure): string {
  return recent === 0 ? '' : `, after ${recent} in the last 24 hours`;
}
