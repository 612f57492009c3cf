/** Roles as they are shown: a list, and the matrix of roles and permissions. */
import { sql } from 'kysely';
import { z } from 'zod';
import type { TenantTransaction } from '../store/tenant.ts';
import { type AccessModel, type Role, roleKey } from './model.ts';
import { SCOPE_KINDS, SOURCES } from './model-schema.ts';
import { mayBeGiven } from './rank.ts';

const scope = z.enum(SCOPE_KINDS);
const key = { scope, role: z.string(), label: z.string(), custom: z.boolean() };

export const shownRole = z.object({
  ...key,
  rank: z.number(),
  owner: z.boolean(),
  administrative: z.boolean(),
  sources: z.array(z.enum(SOURCES)),
  /** Whether it may be the one that newcomers get at their first sign-in. */
  forNewcomers: z.boolean(),
  permissions: z.array(z.string()),
  /** Active people who hold it somewhere, now. */
  holders: z.number(),
});

export const roleMatrix = z.object({
  roles: z.array(z.object(key)),
  permissions: z.array(
    z.object({
      permission: z.string(),
      category: z.string(),
      /** Of which scopes it is asked. */
      at: z.array(scope),
      /** By `scope/role`, whether the role holds it. */
      held: z.record(z.string(), z.boolean()),
    }),
  ),
});

/** Every role, the widest scope and highest rank first, with how many hold it. */
export async function listRoles(tx: TenantTransaction, model: AccessModel): Promise<z.output<typeof shownRole>[]> {
  const { rows } = await sql<{ scope: Role['scopeKind']; role: string; holders: number }>`
    SELECT m.scope_kind AS scope, m.role, count(DISTINCT m.user_id)::int AS holders
    FROM memberships m JOIN users u ON u.id = m.user_id AND u.status = 'active'
    WHERE coalesce(m.expires_at > now(), true) GROUP BY 1, 2`.execute(tx.db);
  const holders = new Map(rows.map((row) => [roleKey(row.scope, row.role), row.holders]));
  return inOrder(model).map((role) => ({
    ...keyOf(role),
    rank: role.rank,
    owner: role.owner,
    administrative: role.administrative,
    sources: [...role.sources],
    forNewcomers: role.scopeKind === model.defaultRole.scope && mayBeGiven(model, role, 'jit').allowed,
    permissions: [...role.permissions],
    holders: holders.get(roleKey(role.scopeKind, role.role)) ?? 0,
  }));
}

/** Which role holds which permission. */
export function matrixOf(model: AccessModel): z.output<typeof roleMatrix> {
  const roles = inOrder(model);
  const held = (permission: string) =>
    Object.fromEntries(roles.map((role) => [roleKey(role.scopeKind, role.role), role.permissions.has(permission)]));
  return {
    roles: roles.map(keyOf),
    permissions: [...model.permissions.values()].map(({ name, category, at }) => {
      return { permission: name, category, at: [...at], held: held(name) };
    }),
  };
}

function inOrder(model: AccessModel): Role[] {
  const outer = ({ scopeKind }: Role) => SCOPE_KINDS.indexOf(scopeKind);
  return [...model.roles.values()].sort(
    (one, other) => outer(one) - outer(other) || other.rank - one.rank || Number(one.custom) - Number(other.custom),
  );
}

function keyOf({ scopeKind, role, label, custom }: Role) {
  return { scope: scopeKind, role, label, custom };
}
