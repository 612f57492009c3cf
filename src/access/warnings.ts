/** What an organization should be warned of, by the thresholds of its model (access-models; offboarding, Roles, people, reviews). */
import { z } from 'zod';
import { type AccessModel, findRole, type RoleRef } from './model.ts';

export interface AccessFacts {
  /** For each scope that has owners, how many. */
  readonly owners: ReadonlyArray<RoleRef & { readonly scopeId: string; readonly count: number }>;
  /** The roles that newcomers get at sign-in. */
  readonly defaultRoles: readonly RoleRef[];
  readonly people: ReadonlyArray<{
    readonly id: string;
    readonly email: string;
    readonly lastActiveAt: Date | null;
    readonly createdAt: Date;
  }>;
  readonly keys: ReadonlyArray<{
    readonly id: string;
    readonly display: string;
    readonly createdAt: Date;
    /** In which it was used, or is for. */
    readonly environments: readonly string[];
  }>;
  /** When access was last reviewed, or the organization made. */
  readonly reviewedAt: Date;
}

const CODES = [
  'too-many-owners',
  'administrative-default-role',
  'inactive',
  'old-key',
  'shared-environments',
  'review-due',
] as const;

export const warning = z.object({
  code: z.enum(CODES),
  /** The scope, role, person or key that it is about. */
  about: z.string(),
  /** For people to read. */
  message: z.string(),
});
export type Warning = Readonly<z.output<typeof warning>>;

/** Everything to be warned of. */
export function accessWarnings(model: AccessModel, facts: AccessFacts, now: Date): Warning[] {
  return [
    ...tooManyOwners(model, facts),
    ...facts.defaultRoles.flatMap((role) => defaultRoleWarnings(model, role)),
    ...inactivePeople(model, facts, now),
    ...keyWarnings(model, facts, now),
    ...reviewDue(model, facts, now),
  ];
}

/** Whoever has an e-mail of a verified domain would be given it. */
function defaultRoleWarnings(model: AccessModel, defaultRole: RoleRef): Warning[] {
  const role = findRole(model, defaultRole);
  if (!model.warnings.administrativeDefaultRole || role === undefined || !role.administrative) return [];
  const message = `The default role "${role.label}" is administrative: anyone with a matching e-mail domain would be given it.`;
  return [{ code: 'administrative-default-role', about: role.role, message }];
}

function tooManyOwners(model: AccessModel, { owners }: AccessFacts): Warning[] {
  const limit = model.warnings.ownersAbove;
  const over = owners.filter((each) => findRole(model, each)?.owner === true && each.count > limit);
  return over.map(({ scopeId, count }) => {
    return {
      code: 'too-many-owners',
      about: scopeId,
      message: `There are ${count} owners; more than ${limit} is too many.`,
    };
  });
}

function inactivePeople(model: AccessModel, { people }: AccessFacts, now: Date): Warning[] {
  const days = model.warnings.inactiveDays;
  const idle = people.filter(({ lastActiveAt, createdAt }) => daysBetween(lastActiveAt ?? createdAt, now) >= days);
  return idle.map(({ id, email }) => {
    return { code: 'inactive', about: id, message: `${email} was not active for ${days} days or more.` };
  });
}

function keyWarnings(model: AccessModel, { keys }: AccessFacts, now: Date): Warning[] {
  const { keyAgeDays, sharedEnvironments } = model.warnings;
  const old = keys.filter(({ createdAt }) => daysBetween(createdAt, now) > keyAgeDays);
  const shared = keys.filter(({ environments }) => sharedEnvironments && new Set(environments).size > 1);
  return [
    ...old.map(
      ({ id, display }): Warning => ({
        code: 'old-key',
        about: id,
        message: `The key ${display} is over ${keyAgeDays} days old.`,
      }),
    ),
    ...shared.map(({ id, display, environments }): Warning => {
      const message = `The key ${display} serves ${environments.join(' and ')}; each should have its own.`;
      return { code: 'shared-environments', about: id, message };
    }),
  ];
}

function reviewDue({ name, reviews }: AccessModel, { reviewedAt }: AccessFacts, now: Date): Warning[] {
  if (reviews === undefined) return [];
  const due = new Date(reviewedAt);
  due.setUTCMonth(due.getUTCMonth() + reviews.everyMonths);
  if (due.getTime() > now.getTime()) return [];
  return [
    { code: 'review-due', about: name, message: `Access is to be reviewed every ${reviews.everyMonths} months.` },
  ];
}

function daysBetween(from: Date, to: Date): number {
  return (to.getTime() - from.getTime()) / 86_400_000;
}
