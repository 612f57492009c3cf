/** Every scope of the organization at which a role may be given, and the roles that there are at each. */
import { useQueries } from '@tanstack/react-query';
import { call } from '../api/client.ts';
import { useAnswer } from '../api/use-api.ts';
import { text } from '../text/text.ts';
import { type Scope, scopeOf } from './scope.ts';

const PRODUCTS = 'get /api/v1/organizations/{organization}/workspaces/{workspace}/products';

/** @param source how roles are to be given: by a rule, or by hand */
export function useScopes(source: 'mapping' | 'manual' | 'invitation' = 'mapping') {
  const workspaces = useAnswer('get /api/v1/organizations/{organization}/workspaces', {}).data?.workspaces ?? [];
  const roles = useAnswer('get /api/v1/organizations/{organization}/roles', {}).data?.roles ?? [];
  const products = useQueries({
    queries: workspaces.map(({ slug }) => ({
      queryKey: [PRODUCTS, slug],
      queryFn: () => call(PRODUCTS, { path: { workspace: slug } }),
    })),
  });
  const kindOf = (scope: Scope) => (scope === 'organization' ? scope : 'workspace' in scope ? 'workspace' : 'product');
  const rolesAt = (scope: Scope) =>
    roles
      .filter((role) => role.scope === kindOf(scope) && role.sources.includes(source))
      .map(({ role, label }) => ({ value: role, label }));
  const all = [
    { value: 'organization', label: text.mapping.organization },
    ...workspaces.flatMap((workspace, at) => [
      { value: `workspace:${workspace.slug}`, label: workspace.name },
      ...(products[at]?.data?.products ?? []).map(({ slug, name }) => ({
        value: `product:${workspace.slug}/${slug}`,
        label: `${workspace.name} / ${name}`,
      })),
    ]),
  ];
  return { options: all.filter(({ value }) => rolesAt(scopeOf(value)).length > 0), rolesAt };
}
