/** What becomes of a leaver's keys, memberships and tokens: the model's policy (access-models, What differs when somebody leaves). */
import type { AccessModel } from './model.ts';
import { isKeyKind, KEY_KINDS, type KeyKind, type KeyPolicy } from './model-schema.ts';

export interface LeavingPolicy {
  readonly keys: ReadonlyArray<{ readonly kind: KeyKind; readonly policy: KeyPolicy }>;
  readonly memberships: 'remove';
  readonly oauthTokens: 'revoke' | 'keep';
}

/** What happens to a leaver's keys of this kind. A kind that the model doesn't know is revoked: nothing outlives its policy. */
export function keyPolicy(model: AccessModel, kind: string): KeyPolicy {
  return (isKeyKind(kind) ? model.offboarding.keys[kind] : undefined) ?? 'revoke';
}

/** The whole policy, with every kind of key that can exist, for a statement that treats them at once. */
export function leavingPolicy(model: AccessModel): LeavingPolicy {
  return {
    keys: KEY_KINDS.map((kind) => ({ kind, policy: keyPolicy(model, kind) })),
    memberships: model.offboarding.memberships,
    oauthTokens: model.offboarding.oauthTokens,
  };
}
