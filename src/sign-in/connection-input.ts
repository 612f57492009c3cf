/** What an administrator says of a connection. */
import { z } from 'zod';
import { displayName, slug } from '../tenancy/slug.ts';
import { attributeNames, SAML_ATTRIBUTE_NAMES } from './attributes.ts';
import { oidcFields } from './oidc/config.ts';

const webAddress = z.url({ protocol: /^https?$/ }).max(2000);

const common = {
  slug,
  name: displayName.optional(),
  enabled: z.boolean().default(true),
  /** The role of whoever is let in for the first time; null: the organization's. */
  defaultRole: z.string().min(1).nullable().default(null),
  /** Whether people unknown so far are let in; null: as the organization says. */
  justInTime: z.boolean().nullable().default(null),
  /** Where the model gives newcomers their role in a workspace: which one; null: the first by slug. */
  defaultWorkspace: slug.nullable().default(null),
  acknowledgeAdministrativeDefault: z.boolean().default(false),
};

const samlInput = z
  .strictObject({
    ...common,
    kind: z.literal('saml'),
    /** The identity provider's metadata as XML; or the three below. */
    metadata: z
      .string()
      .max(1024 * 1024)
      .optional(),
    entityId: z.string().min(1).max(1024).optional(),
    ssoUrl: webAddress.optional(),
    certificates: z.array(z.string().min(1).max(20_000)).min(1).max(10).optional(),
    attributes: attributeNames.partial().default({}),
    /** An answer nobody asked for is never accepted. */
    allowUnsolicited: z.literal(false).default(false),
  })
  .refine(
    ({ metadata, entityId, ssoUrl, certificates }) =>
      metadata === undefined
        ? entityId !== undefined && ssoUrl !== undefined && certificates !== undefined
        : entityId === undefined && ssoUrl === undefined && certificates === undefined,
    'takes either metadata, or entityId with ssoUrl and certificates',
  );

const oidcInput = z.strictObject({ ...common, kind: z.literal('oidc'), ...oidcFields });

export const connectionInput = z.discriminatedUnion('kind', [samlInput, oidcInput]);
export type ConnectionInput = z.output<typeof connectionInput>;
export type SamlInput = z.output<typeof samlInput>;
export type OidcInput = z.output<typeof oidcInput>;

/** A SAML connection as it is kept. */
export const samlConfig = z.object({
  entityId: z.string(),
  ssoUrl: z.string(),
  certificates: z.array(z.string()),
  attributes: attributeNames.default(SAML_ATTRIBUTE_NAMES),
  defaultWorkspace: z.string().nullable().default(null),
});
export type SamlConfig = z.output<typeof samlConfig>;
