/** What an administrator says of a connection. */
import { z } from 'zod';
import { domainName } from '../tenancy/domain.ts';
import { displayName, slug } from '../tenancy/slug.ts';
import { oidcFields } from './oidc/config.ts';
import { DESCRIBED_ONCE, describesOnce, samlFields } from './saml/config.ts';

/** What every connection has, whatever its kind. */
export const commonFields = {
  slug,
  name: displayName.optional(),
  enabled: z.boolean().default(true),
  /** The role of whoever is let in for the first time; null: the organization's. */
  defaultRole: z.string().min(1).nullable().default(null),
  /** Whether people unknown so far are let in; null: as the organization says. */
  justInTime: z.boolean().nullable().default(null),
  /** Where the model gives newcomers their role in a workspace: which one; null: the first by slug. */
  defaultWorkspace: slug.nullable().default(null),
  /** Whose people it may vouch for; empty: those of every verified domain of the organization. */
  domains: z
    .array(domainName)
    .max(100)
    .transform((names) => [...new Set(names)].sort())
    .default([]),
  /** Where several serve an address, lower ones are offered first. */
  priority: z.int().min(0).max(1000).default(100),
  acknowledgeAdministrativeDefault: z.boolean().default(false),
};

const samlInput = z
  .strictObject({ ...commonFields, kind: z.literal('saml'), ...samlFields })
  .refine(describesOnce, DESCRIBED_ONCE);

const oidcInput = z.strictObject({ ...commonFields, kind: z.literal('oidc'), ...oidcFields });

export const connectionInput = z.discriminatedUnion('kind', [samlInput, oidcInput]);
export type ConnectionInput = z.output<typeof connectionInput>;
export type SamlInput = z.output<typeof samlInput>;
export type OidcInput = z.output<typeof oidcInput>;
