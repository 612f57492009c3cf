/**
 * What the parts of a model must mean to each other: every name names something, ranks tell roles apart, no right is out of
 * reach, each kind of key has its policy for leavers. Each rule is a function of its own and reports whatever it finds.
 */
import { type Draft, draftHasRole, type Finding } from './model-draft.ts';
import { checkRoles } from './model-rules-roles.ts';
import { LAYERS, SCOPE_KINDS } from './model-schema.ts';

/** Every mistake in what a file's parts mean to each other. */
export function checkMeaning(draft: Draft): Finding[] {
  const rules = [
    checkScopes,
    checkLayers,
    checkRoles,
    checkPermissions,
    checkNamedRoles,
    checkNamedPermissions,
    checkKeys,
  ];
  return rules.flatMap((rule) => rule(draft));
}

function checkScopes({ scopes, roles, permissions, hierarchy, customRoles }: Draft): Finding[] {
  if (scopes === undefined) return [];
  const used: Finding['path'][] = [
    ...Object.keys(roles).map((scope) => ['roles', scope]),
    ...Object.keys(hierarchy?.permission ?? {}).map((scope) => ['hierarchy', 'permission', scope]),
    ...Object.keys(hierarchy?.invitePermission ?? {}).map((scope) => ['hierarchy', 'invitePermission', scope]),
  ];
  const named: Array<[string, Finding['path']]> = used.map((path) => [String(path.at(-1)), path]);
  for (const [name, permission] of Object.entries(permissions)) {
    for (const at of permission?.at ?? []) named.push([at, ['permissions', name, 'at']]);
  }
  if (customRoles?.scope !== undefined) named.push([customRoles.scope, ['customRoles', 'scope']]);
  return named
    .filter(([scope]) => isScopeKind(scope) && !Object.hasOwn(scopes, scope))
    .map(([scope, path]) => ({ path, reason: `unknown scope "${scope}": it is not among the model's scopes` }));
}

function checkLayers({ layers, scopes }: Draft): Finding[] {
  if (layers === undefined) return [];
  const findings: Finding[] = [];
  const known = layers.filter((layer) => (LAYERS as readonly string[]).includes(layer));
  const inOrder = LAYERS.filter((layer) => known.includes(layer));
  if (known.join() !== inOrder.join()) {
    findings.push({ path: ['layers'], reason: `layers must each stand once, in the order ${LAYERS.join(', ')}` });
  }
  for (const layer of ['account', 'role']) {
    if (!layers.includes(layer)) findings.push({ path: ['layers'], reason: `layer "${layer}" is missing` });
  }
  if (layers.includes('subscription') && !layers.includes('product')) {
    findings.push({ path: ['layers'], reason: 'layer "subscription" needs layer "product"' });
  }
  for (const layer of ['workspace', 'product']) {
    if (scopes !== undefined && layers.includes(layer) && !Object.hasOwn(scopes, layer)) {
      findings.push({ path: ['layers'], reason: `layer "${layer}" needs scope "${layer}"` });
    }
  }
  return findings;
}

function checkPermissions(draft: Draft): Finding[] {
  const findings: Finding[] = [];
  for (const [name, permission] of Object.entries(draft.permissions)) {
    if (permission === undefined) continue;
    const path = ['permissions', name];
    const holders = Object.entries(permission.roles);
    if (holders.every(([, roles]) => roles.length === 0)) {
      findings.push({ path, reason: `no role holds the permission "${name}"` });
    }
    for (const [scope, roles] of holders) {
      if (permission.at.length > 0 && permission.at.every((at) => depth(at) < depth(scope))) {
        const reason = `a role of scope "${scope}" can't hold a permission that is asked of scope "${permission.at}"`;
        findings.push({ path: [...path, 'roles', scope], reason });
      }
      for (const [index, role] of roles.entries()) {
        if (draft.roles[scope]?.[role]?.reach !== 'containers' || permission.at.includes(scope)) continue;
        const reason = `role "${role}" reaches containers only, but "${name}" is asked below its scope`;
        findings.push({ path: [...path, 'roles', scope, index], reason });
      }
    }
  }
  return findings;
}

function checkNamedRoles(draft: Draft): Finding[] {
  const named: Array<{ scope: string; role: string; path: Finding['path'] }> = [];
  const perScope = (roles: Record<string, string[]>, path: Finding['path']) => {
    for (const [scope, names] of Object.entries(roles)) {
      for (const [index, role] of names.entries()) named.push({ scope, role, path: [...path, scope, index] });
    }
  };
  for (const [name, permission] of Object.entries(draft.permissions)) {
    perScope(permission?.roles ?? {}, ['permissions', name, 'roles']);
  }
  perScope(draft.reviews?.roles ?? {}, ['reviews', 'roles']);
  for (const key of ['founderRole', 'defaultRole'] as const) {
    const { scope, role } = draft[key] ?? {};
    if (scope !== undefined && role !== undefined) named.push({ scope, role, path: [key, 'role'] });
  }
  const findings = named
    .filter(({ scope, role }) => role !== '' && !draftHasRole(draft, scope, role))
    .map(({ scope, role, path }) => ({ path, reason: `unknown role "${role}" of scope "${scope}"` }));
  const { scope, role } = draft.defaultRole ?? {};
  const given = draft.roles[scope ?? '']?.[role ?? ''];
  if (given !== undefined && !given.sources.includes('jit')) {
    findings.push({
      path: ['defaultRole', 'role'],
      reason: `role "${role}" can't be a default: it is never given at sign-in`,
    });
  }
  return findings;
}

function checkNamedPermissions(draft: Draft): Finding[] {
  const named: Array<[string | undefined, Finding['path']]> = [];
  const perKey = (permissions: Record<string, string | undefined>, path: Finding['path']) => {
    for (const [key, permission] of Object.entries(permissions)) named.push([permission, [...path, key]]);
  };
  perKey(draft.administration, ['administration']);
  perKey(draft.hierarchy?.permission ?? {}, ['hierarchy', 'permission']);
  perKey(draft.hierarchy?.invitePermission ?? {}, ['hierarchy', 'invitePermission']);
  named.push([draft.customRoles?.permission, ['customRoles', 'permission']]);
  for (const [kind, key] of Object.entries(draft.apiKeys)) {
    named.push([key?.createdWith, ['apiKeys', kind, 'createdWith']]);
    key?.permissions.forEach((each, index) => {
      named.push([each, ['apiKeys', kind, 'permissions', index]]);
    });
  }
  for (const [scope, roles] of Object.entries(draft.roles)) {
    for (const [role, settings] of Object.entries(roles)) {
      settings?.givenWith.forEach((each, index) => {
        named.push([each, ['roles', scope, role, 'givenWith', index]]);
      });
    }
  }
  return named
    .filter(([name]) => name !== undefined && name !== '' && !Object.hasOwn(draft.permissions, name))
    .map(([name, path]) => ({ path, reason: `unknown permission "${name}"` }));
}

function checkKeys({ apiKeys, offboarding }: Draft): Finding[] {
  if (offboarding === undefined) return [];
  const findings: Finding[] = [];
  for (const [kind, key] of Object.entries(apiKeys)) {
    const policy = offboarding.keys[kind];
    if (!Object.hasOwn(offboarding.keys, kind)) {
      const reason = `the policy for keys of kind "${kind}" is missing: what happens to them when somebody leaves?`;
      findings.push({ path: ['offboarding', 'keys'], reason });
    }
    if (key?.actsAs === 'creator' && policy !== undefined && policy !== 'revoke') {
      const reason = `keys of kind "${kind}" act as their creator, so they can't outlive them: only "revoke" is possible`;
      findings.push({ path: ['offboarding', 'keys', kind], reason });
    }
  }
  for (const kind of Object.keys(offboarding.keys)) {
    if (Object.hasOwn(apiKeys, kind)) continue;
    findings.push({ path: ['offboarding', 'keys', kind], reason: `the model has no keys of kind "${kind}"` });
  }
  return findings;
}

function isScopeKind(scope: string): boolean {
  return depth(scope) >= 0;
}

function depth(scope: string): number {
  return (SCOPE_KINDS as readonly string[]).indexOf(scope);
}
