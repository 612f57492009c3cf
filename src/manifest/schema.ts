/** What a manifest may say. Each part is the input of the capability it belongs to, so that file and API never differ. */
import { z } from 'zod';
import { mappingRuleInput } from '../access/mapping-rule.ts';
import { oauthProviderInput } from '../credentials/oauth-provider.ts';
import { directoryInput } from '../directory/directory.ts';
import { webhookEndpointInput } from '../offboarding/webhook-endpoint.ts';
import { connectionInput } from '../sign-in/connection.ts';
import { domainInput } from '../tenancy/domain.ts';
import { organizationInput } from '../tenancy/organization.ts';
import { productInput } from '../tenancy/product.ts';
import { workspaceInput } from '../tenancy/workspace.ts';

const workspace = workspaceInput.extend({ products: z.array(productInput.omit({ workspace: true })).default([]) });

export const manifestSchema = z.strictObject({
  organization: organizationInput,
  domains: z.array(domainInput).default([]),
  workspaces: z.array(workspace).default([]),
  connections: z.array(connectionInput).default([]),
  directories: z.array(directoryInput).default([]),
  mappingRules: z.array(mappingRuleInput).default([]),
  oauthProviders: z.array(oauthProviderInput).default([]),
  webhookEndpoints: z.array(webhookEndpointInput).default([]),
});
export type Manifest = z.output<typeof manifestSchema>;
