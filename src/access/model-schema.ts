/** The shape of an access model's file. What the parts must mean to each other is checked in `model-rules.ts`. */
import { z } from 'zod';
import type { AdminArea } from '../http/caller.ts';
import type { ScopeKind } from '../store/tables.ts';

/** Outermost first. */
export const SCOPE_KINDS = ['platform', 'organization', 'workspace', 'product'] as const satisfies readonly ScopeKind[];

/** In the order in which they are asked. */
export const LAYERS = ['account', 'workspace', 'product', 'subscription', 'role'] as const;
export type Layer = (typeof LAYERS)[number];

/** How a membership comes about; the `source` of its row. */
export const SOURCES = ['manual', 'invitation', 'jit', 'mapping', 'ownership'] as const;
export type Source = (typeof SOURCES)[number];

/** Ways in which a role is given unless its file says otherwise. */
export const USUAL_SOURCES: readonly Source[] = ['manual', 'invitation', 'jit', 'mapping'];

export const KEY_KINDS = ['personal', 'project', 'service', 'workspace'] as const;
export type KeyKind = (typeof KEY_KINDS)[number];

/** Whether a word names a kind of key. */
export function isKeyKind(word: string): word is KeyKind {
  return (KEY_KINDS as readonly string[]).includes(word);
}

const scopeKind = z.enum(SCOPE_KINDS);
const modelName = z.string().regex(/^[a-z][a-z0-9-]*$/, 'must be lower case letters, digits and hyphens');
const roleName = z.string().regex(/^[a-z][a-z0-9_]*$/, 'must be lower case letters, digits and underscores');
const permissionName = z
  .string()
  .regex(/^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+$/, 'must be of the form area.action in lower case');
const label = z.string().min(1);

const roleAtScope = z.strictObject({ scope: scopeKind, role: roleName });
const permissionPerScope = z.partialRecord(scopeKind, permissionName);
const rolesPerScope = z.partialRecord(scopeKind, z.array(roleName).min(1));
const reachOfOwnRank = z.enum(['below-own', 'up-to-own']);

const role = z.strictObject({
  label: label.optional(),
  rank: z.int().min(0).max(1_000_000),
  /** Its last holder is never removed. */
  owner: z.boolean().default(false),
  /** Giving it is counted and warned of as administrative. */
  administrative: z.boolean().default(false),
  holders: z.enum(['one', 'several']).default('several'),
  sources: z
    .array(z.enum(SOURCES))
    .min(1)
    .default([...USUAL_SOURCES]),
  /** A role of the same scope that one must hold before. */
  requires: roleName.optional(),
  /**
   * Where below its own scope it counts: `everything`; `assigned`: only in workspaces of which one is a member; `containers`:
   * nowhere below its own scope.
   */
  reach: z.enum(['everything', 'assigned', 'containers']).default('everything'),
  /** To holders of which roles it is handed over, and what the former holder becomes. */
  transfer: z.strictObject({ to: z.array(roleName).min(1), leaves: roleName }).optional(),
  /** Permissions of which one is needed to give this role, where it isn't the one of `hierarchy.permission`. */
  givenWith: z.array(permissionName).min(1).optional(),
});

const permission = z.strictObject({
  at: z.union([scopeKind, z.array(scopeKind).min(1)], { error: 'must be a scope, or a list of scopes' }),
  roles: rolesPerScope,
  category: label.optional(),
});

const apiKey = z.strictObject({
  label: label.optional(),
  /** `creator`: never more than whoever made it may at that moment; `itself`: carries no person's identity. */
  actsAs: z.enum(['creator', 'itself']),
  permissions: z.union([z.literal('all'), z.array(permissionName).min(1)], {
    error: 'must be "all", or a list of permissions',
  }),
  createdWith: permissionName.optional(),
  /** How its uses are audited: `each` with its own time, or `summarized` by endpoint and minute. */
  uses: z.enum(['each', 'summarized']).default('summarized'),
});

export type KeyPolicy = 'revoke' | 'keep' | 'keep-and-flag';
const keyPolicy = z.enum(['revoke', 'keep', 'keep-and-flag']) satisfies z.ZodType<KeyPolicy>;

export const modelFile = z.strictObject({
  name: modelName,
  title: label,
  scopes: z.partialRecord(scopeKind, z.strictObject({ label })),
  layers: z.array(z.enum(LAYERS)),
  roles: z.partialRecord(scopeKind, z.record(roleName, role)),
  hierarchy: z.strictObject({
    /** A higher role of a scope holds whatever a lower one of it holds. */
    inherits: z.boolean().default(false),
    mayGive: reachOfOwnRank,
    mayManage: reachOfOwnRank,
    reasonRequired: z.boolean().default(false),
    /** What it takes to give, change and take away roles of a scope. */
    permission: permissionPerScope,
    /** What it takes to invite, where it is not the same. */
    invitePermission: permissionPerScope.default({}),
  }),
  permissions: z.record(permissionName, permission),
  customRoles: z.strictObject({ scope: scopeKind, permission: permissionName }).optional(),
  founderRole: roleAtScope,
  defaultRole: roleAtScope,
  administration: z.strictObject({
    people: permissionName,
    connections: permissionName,
    directories: permissionName,
    mapping: permissionName,
    keys: permissionName,
    audit: permissionName,
    organization: permissionName,
  } satisfies Record<AdminArea, z.ZodType>),
  apiKeys: z.partialRecord(z.enum(KEY_KINDS), apiKey),
  offboarding: z.strictObject({
    keys: z.partialRecord(z.enum(KEY_KINDS), keyPolicy),
    memberships: z.literal('remove'),
    oauthTokens: z.enum(['revoke', 'keep']),
    /** What a leaver who comes back within so many days gets back of what was not derived: by how it had come about. */
    rehire: z
      .strictObject({
        graceDays: z.int().min(0).max(3650).default(30),
        restores: z.array(z.enum(['manual', 'invitation', 'jit'])).default(['manual', 'invitation', 'jit']),
        /** Whether administrative roles too; else somebody gives them anew. */
        administrative: z.boolean().default(false),
      })
      .prefault({}),
  }),
  warnings: z.strictObject({
    ownersAbove: z.int().min(1),
    inactiveDays: z.int().min(1),
    keyAgeDays: z.int().min(1),
    administrativeDefaultRole: z.boolean(),
    sharedEnvironments: z.boolean(),
  }),
  reviews: z.strictObject({ everyMonths: z.int().min(1).max(24), roles: rolesPerScope }).optional(),
  signIn: z.strictObject({
    methods: z.array(label).min(1),
    secondFactors: z.array(label).default([]),
    existingUsersKeepRole: z.boolean().default(true),
    enforceSso: z.boolean().default(false),
  }),
  regions: z.array(z.strictObject({ id: modelName, label })).default([]),
  /** `one`: an e-mail address has an account in one organization of this model at a time. */
  accounts: z.strictObject({ organizationsPerPerson: z.enum(['one', 'several']) }).optional(),
  /** Shown to people, read by no rule. */
  information: z.record(label, z.union([label, z.array(label)])).default({}),
});

export type ModelFile = z.output<typeof modelFile>;
