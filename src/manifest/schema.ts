/** What a manifest may say. Each part is the input of the capability it belongs to, so that file and API never differ. */
import { z } from 'zod';
import { mappingRuleInput } from '../access/mapping-rule.ts';
import { directoryInput } from '../directory/directory.ts';
import { providerInput } from '../offboarding/provider.ts';
import { connectionInput } from '../sign-in/connection.ts';
import { appInput } from '../sign-in/oauth/app-input.ts';
import { webhookEndpointInput } from '../signals/webhook-endpoint.ts';
import { domainInput } from '../tenancy/domain.ts';
import { organizationInput } from '../tenancy/organization.ts';
import { productInput } from '../tenancy/product.ts';
import { workspaceInput } from '../tenancy/workspace.ts';

const workspace = workspaceInput.extend({ products: z.array(productInput.omit({ workspace: true })).default([]) });

const parts = z.strictObject({
  /** Left out where a file is of the installation alone. */
  organization: organizationInput.optional(),
  domains: z.array(domainInput).default([]),
  workspaces: z.array(workspace).default([]),
  connections: z.array(connectionInput).default([]),
  directories: z.array(directoryInput).default([]),
  mappingRules: z.array(mappingRuleInput).default([]),
  oauthProviders: z.array(providerInput).default([]),
  webhookEndpoints: z.array(webhookEndpointInput).default([]),
  /** The platform's own; they serve every organization. */
  apps: z.array(appInput).default([]),
});

export const manifestSchema = parts.superRefine(({ organization, apps, ...ofOrganization }, context) => {
  if (organization !== undefined) return;
  const orphans = Object.entries(ofOrganization).flatMap(([part, items]) => (items.length > 0 ? [part] : []));
  if (orphans.length === 0 && apps.length > 0) return;
  const message = 'is needed: all but apps belongs to one';
  context.addIssue({ code: 'custom', path: ['organization'], message });
});
export type Manifest = z.output<typeof manifestSchema>;
