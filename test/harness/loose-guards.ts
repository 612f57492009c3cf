/** Guards that hold nothing, where they are not the story. */
export const LOOSE_GUARDS = {
  maxDeprovisions: 100_000,
  maxDeprovisionShare: 1,
  maxMembershipRemovals: 100_000,
  maxMembershipRemovalShare: 1,
  maxGroupRemovalShare: 1,
  maxGroupMemberRemovalShare: 1,
  maxAdministrativeGrants: 100_000,
  maxAdministrativeGrantShare: 1,
  maxAdministrativeRemovals: 100_000,
  maxAdministrativeRemovalShare: 1,
  maxFeedShrink: 1,
};
