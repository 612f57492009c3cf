/** What the settings of organizations need to know of the models, in the words of `tenancy/`, which is below this room. */
import type { ModelCatalog } from '../tenancy/organization.ts';
import { withCustomRoles } from './custom-roles.ts';
import { findRole } from './model.ts';
import type { Models } from './model-file.ts';
import { heldCustomRoles } from './organization-roles.ts';

/** The catalog of these models. */
export function catalogOf(models: Models): ModelCatalog {
  return {
    names: () => [...models.keys()],
    regions: (name) => models.get(name)?.regions.map(({ id }) => id) ?? [],
    oneAccount: (name) => models.get(name)?.accounts?.organizationsPerPerson === 'one',
    role: async (tx, name, role) => {
      const base = models.get(name);
      if (base === undefined) return undefined;
      const model = withCustomRoles(base, await heldCustomRoles(tx));
      const found = findRole(model, { scopeKind: model.defaultRole.scope, role });
      if (found === undefined) return undefined;
      return { administrative: found.administrative, transferOnly: !found.sources.includes('jit') };
    },
  };
}
