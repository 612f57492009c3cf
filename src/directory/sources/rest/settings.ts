/** What is said of a directory that is read from a JSON API; a preset says most of it for a known service. */
import { z } from 'zod';
import { PRESETS } from './presets.ts';

const path = z.string().max(200);

/** As whom a service is asked. */
export const auth = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('none') }),
  /** The secret `token`. */
  z.strictObject({ kind: z.literal('bearer') }),
  /** The secrets `username` and `password`. */
  z.strictObject({ kind: z.literal('basic') }),
  /** The secret `token` in a header of its own. */
  z.strictObject({ kind: z.literal('header'), name: z.string().regex(/^[\w-]+$/) }),
  /** OAuth: the secrets `clientId` and `clientSecret`; with a `refreshToken`, by that. */
  z.strictObject({
    kind: z.literal('oauth'),
    /** An address, or a path of the API. */
    tokenUrl: z.string().min(1),
    scope: z.string().optional(),
    /** How the client says who it is: in a form, in a header, in JSON. */
    client: z.enum(['form', 'basic', 'json']).optional(),
    /** Where the answer has the token, and for how many seconds, where that is not as usual. */
    token: path.optional(),
    expiresIn: path.optional(),
  }),
]);

const size = z.strictObject({ parameter: z.string().min(1), value: z.number().int().min(2).max(10_000) }).optional();
/** Where the answer says how many there are in all: then it is held to it. */
const total = path.optional();
/** Where the parameters of paging go in a request that has a body. */
const place = z.enum(['query', 'body']).optional();

const paging = z.discriminatedUnion('kind', [
  /** Everything at once; read as a stream. */
  z.strictObject({ kind: z.literal('none') }),
  z.strictObject({
    kind: z.literal('page'),
    parameter: z.string().min(1),
    first: z.number().int().optional(),
    size,
    total,
    place,
  }),
  z.strictObject({ kind: z.literal('offset'), parameter: z.string().min(1), size, total, place }),
  /** A cursor, found in the answer at a path; where `more` leads to false, there is no next. */
  z.strictObject({
    kind: z.literal('cursor'),
    parameter: z.string().min(1),
    cursor: path,
    more: path.optional(),
    size,
    total,
    place,
  }),
  /** A header `Link` with rel="next". */
  z.strictObject({ kind: z.literal('link'), size, total, place }),
  /** The address of the next page, found in the answer at a path. */
  z.strictObject({ kind: z.literal('next'), next: path, size, total, place }),
]);

export type Paging = z.output<typeof paging>;

const list = z.strictObject({
  /** After the base address. */
  path: z.string().startsWith('/').max(1000),
  method: z.enum(['GET', 'POST']).optional(),
  query: z.record(z.string(), z.string()).optional(),
  body: z.record(z.string(), z.unknown()).optional(),
  /** Where the answer has the list; empty where it is one. */
  at: path,
  paging,
});

export type List = z.output<typeof list>;

const fields = z.strictObject({
  id: path.min(1),
  email: path.min(1),
  userName: path.min(1).optional(),
  /** One, or several of which the name is put together. */
  name: z.union([path.min(1), z.array(path.min(1)).min(1)]),
  status: path.min(1).optional(),
  startsOn: path.min(1).optional(),
  endsOn: path.min(1).optional(),
  /** Of these days, where they are not the directory's. */
  timeZone: path.min(1).optional(),
  /** Names of groups. */
  groups: path.min(1).optional(),
  /** Names of fields that may not be read of this record. */
  restricted: path.min(1).optional(),
});

export type Fields = z.output<typeof fields>;

const groups = z.strictObject({
  list,
  fields: z.strictObject({
    id: path.min(1),
    name: path.min(1),
    /** Ids of people. */
    members: path.min(1).optional(),
  }),
});

const parts = {
  headers: z.record(z.string().regex(/^[\w-]+$/), z.string()).optional(),
  /** Values of the status (any case) that mean: here; where they are said, any other than these and `inactive` is not understood. */
  active: z.array(z.string()).optional(),
  /** Values of the status (any case) that mean: no longer here. */
  inactive: z.array(z.string()).optional(),
  /** How the service writes that there is no day. */
  emptyDays: z.array(z.string()).optional(),
  groups: groups.optional(),
};

const baseUrl = z.url().refine((url) => !url.includes('{company}'), 'needs the company');

/** Everything that must be known, said or by the preset. */
export const definition = z.strictObject({ baseUrl, auth, people: list, fields, ...parts });

export type Definition = z.output<typeof definition>;

export const restSettings = z
  .strictObject({
    preset: z.enum(Object.keys(PRESETS) as [keyof typeof PRESETS]).optional(),
    /** Whose account at the service, where its address has that in it. */
    company: z
      .string()
      .regex(/^[\w-]{1,63}$/)
      .optional(),
    baseUrl: z.url().optional(),
    auth: auth.optional(),
    people: list.partial().optional(),
    fields: fields.partial().optional(),
    ...parts,
  })
  .superRefine((said, context) => {
    for (const { path: at, message } of definition.safeParse(completed(said)).error?.issues ?? []) {
      context.addIssue({ code: 'custom', path: at, message });
    }
  });

interface Said {
  readonly preset?: keyof typeof PRESETS | undefined;
  readonly company?: string | undefined;
  readonly people?: object | undefined;
  readonly fields?: object | undefined;
}

/** What is said, and for the rest what the preset says. */
export function completed({ preset, company, ...said }: Said): unknown {
  const known = preset === undefined ? undefined : PRESETS[preset];
  const whole = {
    ...known,
    ...said,
    people: { ...known?.people, ...said.people },
    fields: { ...known?.fields, ...said.fields },
  };
  const { baseUrl } = whole as { baseUrl?: string };
  return company === undefined ? whole : { ...whole, baseUrl: baseUrl?.replace('{company}', company) };
}
