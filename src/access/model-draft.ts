/**
 * A lenient reading of a model file: whatever is of the right shape, and nothing where it is not. The cross-checks look at
 * this, so that a mistake in one place hides none in another.
 */
import { z } from 'zod';
import { USUAL_SOURCES } from './model-schema.ts';

const word = z.string().optional().catch(undefined);
const words = z.array(z.string().catch('')).catch([]);
const mapOf = <T extends z.ZodType>(value: T) => z.record(z.string(), value).catch({});
const part = <T extends z.ZodRawShape>(shape: T) => z.object(shape).optional().catch(undefined);
const ref = part({ scope: word, role: word });

const draftRole = z
  .object({
    rank: z.number().optional().catch(undefined),
    owner: z.boolean().catch(false).default(false),
    administrative: z.boolean().catch(false).default(false),
    holders: word,
    sources: words.default([...USUAL_SOURCES]),
    requires: word,
    reach: word,
    transfer: part({ to: words, leaves: word }),
    givenWith: words.default([]),
  })
  .optional()
  .catch(undefined);

const draftPermission = z
  .object({
    at: z.union([z.string().transform((kind) => [kind]), words]).catch([]),
    roles: mapOf(words),
  })
  .optional()
  .catch(undefined);

const draftKey = z.object({ actsAs: word, permissions: words, createdWith: word }).optional().catch(undefined);

const draft = z.object({
  name: word,
  scopes: z.record(z.string(), z.unknown()).optional().catch(undefined),
  layers: z.array(z.string().catch('')).optional().catch(undefined),
  roles: mapOf(mapOf(draftRole)),
  hierarchy: part({
    inherits: z.boolean().catch(false).default(false),
    permission: mapOf(word),
    invitePermission: mapOf(word).default({}),
  }),
  permissions: mapOf(draftPermission),
  customRoles: part({ scope: word, permission: word }),
  founderRole: ref,
  defaultRole: ref,
  administration: mapOf(word),
  apiKeys: mapOf(draftKey),
  offboarding: part({ keys: mapOf(word) }),
  reviews: part({ roles: mapOf(words) }),
});

export type Draft = z.output<typeof draft>;

/** A mistake, and where in the file it is. */
export interface Finding {
  readonly path: ReadonlyArray<string | number>;
  readonly reason: string;
}

/** Reads what can be read of a file's content, whatever that is. */
export function readDraft(content: unknown): Draft {
  const lenient = draft.safeParse(content);
  return lenient.success ? lenient.data : draft.parse({});
}

/** A role of a draft, by scope and name; undefined where there is none of that name. */
export function draftHasRole(from: Draft, scope: string, role: string): boolean {
  return Object.hasOwn(from.roles[scope] ?? {}, role);
}
