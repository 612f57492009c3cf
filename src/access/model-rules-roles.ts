/** The cross-checks of a model's roles: ranks, owners, ways of giving, hand-over, and what administrative means. */
import type { AdminArea } from '../http/caller.ts';
import { type Draft, draftHasRole, type Finding } from './model-draft.ts';

type DraftRole = NonNullable<NonNullable<Draft['roles'][string]>[string]>;

/** Administering these is administering who may do what; keys and the audit log may be for others to see. */
const POWERFUL_AREAS: readonly AdminArea[] = ['people', 'connections', 'directories', 'mapping', 'organization'];

/** Every mistake in a model's roles. */
export function checkRoles(draft: Draft): Finding[] {
  const findings: Finding[] = [];
  for (const [scope, roles] of Object.entries(draft.roles)) {
    findings.push(...checkRanks(scope, roles));
    for (const [name, role] of Object.entries(roles)) {
      const permissions = heldBy(draft, scope, name);
      if (permissions.length === 0)
        findings.push({ path: ['roles', scope, name], reason: `role "${name}" has no permissions` });
      if (role === undefined) continue;
      findings.push(...checkSources(scope, name, role));
      findings.push(...checkPredecessors(draft, scope, name, role));
      findings.push(...checkAdministrative(draft, scope, name, role, permissions));
    }
  }
  const all = Object.values(draft.roles).flatMap((roles) => Object.values(roles));
  if (all.length > 0 && all.every((role) => role !== undefined && !role.owner)) {
    findings.push({ path: ['roles'], reason: 'no role is marked "owner: true", so nothing protects the last owner' });
  }
  return findings;
}

function checkRanks(scope: string, roles: Draft['roles'][string]): Finding[] {
  const findings: Finding[] = [];
  const seen = new Map<number, string>();
  for (const [name, role] of Object.entries(roles ?? {})) {
    if (role?.rank === undefined) continue;
    const other = seen.get(role.rank);
    if (other !== undefined) {
      const reason = `rank ${role.rank} is already the rank of "${other}"; in one scope each role has its own`;
      findings.push({ path: ['roles', scope, name, 'rank'], reason });
    }
    seen.set(role.rank, other ?? name);
  }
  return findings;
}

function checkSources(scope: string, name: string, role: DraftRole): Finding[] {
  const path = ['roles', scope, name];
  const why = role.owner
    ? 'makes an owner'
    : role.holders === 'one'
      ? 'has one holder'
      : role.requires !== undefined
        ? `requires "${role.requires}"`
        : undefined;
  const derived = role.sources.filter((source) => ['mapping', 'jit', 'invitation'].includes(source));
  const findings: Finding[] = [];
  if (why !== undefined && derived.length > 0) {
    findings.push({ path, reason: `role "${name}" ${why}, so it can't be given by ${derived.join(', ')}` });
  }
  if (role.sources.includes('ownership') && role.transfer === undefined) {
    findings.push({ path, reason: `role "${name}" is handed over, but "transfer" doesn't say to whom` });
  }
  return findings;
}

function checkPredecessors(draft: Draft, scope: string, name: string, role: DraftRole): Finding[] {
  const path = ['roles', scope, name];
  const named: Array<[string | undefined, Finding['path']]> = [
    [role.requires, [...path, 'requires']],
    [role.transfer?.leaves, [...path, 'transfer', 'leaves']],
    ...(role.transfer?.to ?? []).map((to, index): [string, Finding['path']] => [
      to,
      [...path, 'transfer', 'to', index],
    ]),
  ];
  return named.flatMap(([other, at]) => {
    if (other === undefined || other === '') return [];
    if (other === name) return [{ path: at, reason: `role "${name}" can't refer to itself` }];
    return draftHasRole(draft, scope, other)
      ? []
      : [{ path: at, reason: `unknown role "${other}" of scope "${scope}"` }];
  });
}

function checkAdministrative(draft: Draft, scope: string, name: string, role: DraftRole, held: string[]): Finding[] {
  if (role.administrative) return [];
  const areas = POWERFUL_AREAS.filter((area) => held.includes(draft.administration[area] ?? ''));
  if (areas.length === 0) return [];
  const reason = `role "${name}" administers ${areas.join(', ')}, so it must say "administrative: true"`;
  return [{ path: ['roles', scope, name], reason }];
}

function heldBy(draft: Draft, scope: string, name: string): string[] {
  const roles = draft.roles[scope] ?? {};
  const rank = roles[name]?.rank ?? 0;
  const inherits = (other: string) => draft.hierarchy?.inherits === true && (roles[other]?.rank ?? rank) < rank;
  return Object.entries(draft.permissions)
    .filter(([, permission]) => permission?.roles[scope]?.some((other) => other === name || inherits(other)))
    .map(([permission]) => permission);
}
