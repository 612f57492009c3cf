/** What of a leaver's former access a rehire gives back, and why not the rest. Pure. */
import { rolesAt } from '../access/decide.ts';
import { type AccessModel, findRole } from '../access/model.ts';
import type { Source } from '../access/model-schema.ts';
import { mayBeGiven, mayGrant } from '../access/rank.ts';
import { resourceAt } from '../access/scope.ts';
import type { Subject } from '../access/subject.ts';
import type { ScopeKind } from '../store/tables.ts';

/** A membership that a person lost by leaving. */
export interface LostMembership {
  readonly userId: string;
  readonly leftAt: Date;
  readonly scope: ScopeKind;
  readonly scopeId: string;
  readonly workspaceId: string | null;
  readonly productId: string | null;
  /** Slugs, for people to read; null where the place is gone. */
  readonly place: string | null;
  readonly role: string;
  readonly source: Source;
  readonly expiresAt: Date | null;
}

/** Who gives it back: a person with their rank, or nobody in particular (the operator, a directory). */
export type Giver = Subject | null;

/** Until when a person who left then gets anything back. */
export function graceEnd(model: AccessModel, leftAt: Date): Date {
  return new Date(leftAt.getTime() + model.offboarding.rehire.graceDays * 86_400_000);
}

/** @returns why a membership does not come back, for people to read; null where it does */
export function withheldBecause(
  model: AccessModel,
  organizationId: string,
  lost: LostMembership,
  giver: Giver,
  now: Date,
): string | null {
  const { restores, administrative, graceDays } = model.offboarding.rehire;
  const { source } = lost;
  if (source === 'mapping') return 'is derived anew, if the directory still says so';
  if (now > graceEnd(model, lost.leftAt)) return `the ${graceDays} days in which it could come back are over`;
  if (source === 'ownership' || !restores.includes(source)) return `what came about by ${source} is given anew by hand`;
  if (lost.expiresAt !== null && lost.expiresAt <= now) return 'would have expired by now';
  if (lost.place === null) return 'the place is there no more';
  const ref = { scopeKind: lost.scope, role: lost.role };
  const role = findRole(model, ref);
  if (role === undefined) return 'the access model has this role no more';
  if (role.owner || role.holders === 'one') return 'this role is handed over by whoever holds it';
  if (role.administrative && !administrative) return 'administrative roles are given anew by hand';
  const recipient = {
    roles: role.requires === undefined ? [] : [{ scopeKind: lost.scope, role: role.requires }],
    self: false,
    otherHolders: 0,
  };
  const ruling =
    giver === null
      ? mayBeGiven(model, ref, source, recipient)
      : mayGrant(
          model,
          rolesAt(model, giver, resourceAt(organizationId, lost), now),
          ref,
          source === 'jit' ? 'manual' : source,
          recipient,
        );
  return ruling.allowed ? null : ruling.reason;
}
