/**
 * Google Workspace, by the Directory API, as an administrator for whom a service account acts (domain-wide delegation). Members are told
 * group by group only; a group may hold groups, and everybody at once (directory, Sources' own traps).
 */
import { createPrivateKey } from 'node:crypto';
import { z } from 'zod';
import { Fault } from '../../errors.ts';
import { accessTokens, isPrivateKey, signAssertion } from './access-token.ts';
import { atOnce } from './at-once.ts';
import { type Answer, jsonIfThere, jsonOf } from './http.ts';
import { followPages } from './pages.ts';
import { optionalText, personRecord } from './person.ts';
import { fullReading, onlyOf, type SourceContext, type SourceRecord, sourceKind } from './source.ts';

const settings = z.strictObject({
  /** The administrator as whom the service account asks. */
  subject: z.email(),
  customer: z.string().min(1).max(100).default('my_customer'),
  /** By what rules call a group. Names may be given twice, and often by anybody; addresses are one group's alone. */
  groupNames: z.enum(['email', 'name']).default('email'),
  /** How many groups' members are read at once. */
  atOnce: z.number().int().min(1).max(20).default(4),
  apiUrl: z.url({ protocol: /^https?$/ }).default('https://admin.googleapis.com'),
  tokenUrl: z.url({ protocol: /^https?$/ }).default('https://oauth2.googleapis.com/token'),
});
type Settings = z.output<typeof settings>;

/** What Google gives as a file of a service account's key. */
const keyFile = z.object({ client_email: z.string().min(1), private_key: z.string(), private_key_id: optionalText });

const secrets = z.strictObject({
  serviceAccount: z
    .string()
    .max(20_000)
    .refine(
      (text) => isPrivateKey(keyOf(text)?.private_key ?? ''),
      'is not the JSON of a service account with its private key',
    ),
});
type Secrets = z.output<typeof secrets>;

/** A Google Workspace. */
export const google = sourceKind({
  settings,
  secrets,
  open: (given, context) => ({
    read: async () => fullReading(everything(given, directoryApi(given, context).list)),
    readPerson: async (key) => {
      const item = await directoryApi(given, context).one(`/users/${encodeURIComponent(key)}`, { projection: 'full' });
      return item === null ? null : onlyOf(person(item), key);
    },
  }),
});

async function* everything({ customer, groupNames, ...given }: Settings, list: List): AsyncGenerator<SourceRecord> {
  const ofEverybody: string[] = [];
  for await (const page of list('/groups', 'groups', { customer, maxResults: '200' })) {
    const groups = page.map((item) => understood(groupItem, item, 'a group without an id or a name'));
    for (const { id, name, email } of groups) {
      yield { kind: 'group', groupKey: id, name: (groupNames === 'name' ? name : undefined) || email };
    }
    const read = groups.map(({ id }) => members(list, id, () => ofEverybody.push(id)));
    for await (const some of atOnce(read, given.atOnce)) yield* some;
  }
  const query = { customer, maxResults: '500', projection: 'full', orderBy: 'email' };
  for await (const page of list('/users', 'users', query)) {
    for (const item of page) {
      const record = person(item);
      yield record;
      if (record.kind !== 'user') continue;
      for (const groupKey of ofEverybody)
        yield { kind: 'member', groupKey, memberKey: record.sourceKey, memberIs: 'user' };
    }
  }
}

/** @param holdsEverybody told where the whole organization is a member */
async function* members(list: List, groupKey: string, holdsEverybody: () => void): AsyncGenerator<SourceRecord[]> {
  for await (const page of list(`/groups/${encodeURIComponent(groupKey)}/members`, 'members', { maxResults: '200' })) {
    yield page.flatMap((item): SourceRecord[] => {
      const { type, id } = understood(memberItem, item, 'a member of a group without an id or a type');
      if (type === 'CUSTOMER') holdsEverybody();
      if (type === 'GROUP') return [{ kind: 'member', groupKey, memberKey: id, memberIs: 'group' }];
      // Whoever is from elsewhere is none of these people, whatever the id.
      return type === 'USER' ? [{ kind: 'member', groupKey, memberKey: id, memberIs: 'user' }] : [];
    });
  }
}

const groupItem = z.looseObject({ id: z.string().min(1), email: z.string().min(1), name: optionalText });
const memberItem = z.looseObject({ id: z.string().min(1), type: z.string().min(1) });
const flag = z.boolean().optional().catch(undefined);
const userItem = z.looseObject({
  id: z.string().min(1),
  primaryEmail: z.string().catch(''),
  name: z.looseObject({ fullName: optionalText }).nullish().catch(undefined),
  suspended: flag,
  archived: flag,
  externalIds: z
    .array(z.looseObject({ type: optionalText, value: optionalText }))
    .default([])
    .catch([]),
});

function person(item: unknown): SourceRecord {
  const known = userItem.safeParse(item).data;
  if (known === undefined) return { kind: 'bad', sourceKey: null, where: 'users', reason: 'somebody has no id' };
  const { id, primaryEmail, name, suspended, archived, externalIds } = known;
  // What changes with each sign-in would make everybody changed in each reading.
  const {
    etag: _,
    lastLoginTime: __,
    thumbnailPhotoEtag: ___,
    thumbnailPhotoUrl,
    ...attributes
  } = item as Record<string, unknown>;
  return personRecord({
    sourceKey: id,
    externalId: externalIds.find(({ type }) => type === 'organization')?.value || null,
    userName: primaryEmail,
    email: primaryEmail || null,
    displayName: name?.fullName ?? '',
    active: suspended === undefined ? undefined : !suspended && archived !== true,
    attributes,
    where: `user ${id}`,
  });
}

function understood<S extends z.ZodType>(schema: S, item: unknown, otherwise: string): z.output<S> {
  const known = schema.safeParse(item);
  if (known.success) return known.data;
  throw new Fault('invalid-feed', `Google tells of ${otherwise}; nothing was changed.`, { where: 'groups' });
}

/** A list page by page; what it is called in the answer. */
type List = (
  path: string,
  name: 'users' | 'groups' | 'members',
  query: Readonly<Record<string, string>>,
) => AsyncGenerator<readonly unknown[]>;

function directoryApi(given: Settings, context: SourceContext<Secrets>): DirectoryApi {
  const token = tokens(given, context);
  const base = `${given.apiUrl.replace(/\/$/, '')}/admin/directory/v1`;
  const ask = async (url: URL) =>
    context.send(url, { headers: { accept: 'application/json', authorization: `Bearer ${await token()}` } }, isTooFast);
  const address = (path: string, query: Readonly<Record<string, string>>) =>
    new URL(`${base}${path}?${new URLSearchParams(query)}`);
  const list: List = (path, name, query) => {
    const first = address(path, query);
    return followPages(first, async (url) => {
      const body = pageBody(name).safeParse(jsonOf(url, await ask(url))).data;
      if (body === undefined)
        throw new Fault('invalid-feed', 'Google answers with something else than was asked for.', {
          where: url.pathname,
        });
      return { items: body[name] ?? [], next: body.nextPageToken ? nextAddress(first, body.nextPageToken) : null };
    });
  };
  const one: DirectoryApi['one'] = async (path, query) => {
    const url = address(path, query);
    return jsonIfThere(url, await ask(url), notFound);
  };
  return { list, one };
}

interface DirectoryApi {
  readonly list: List;
  /** One thing, or null where Google has none of that name. */
  one(path: string, query: Readonly<Record<string, string>>): Promise<unknown>;
}

const notFound = z.looseObject({ error: z.looseObject({ code: z.literal(404), errors: z.array(z.unknown()) }) });

/** An empty list is left out of an answer; what kind of answer it is tells that from something else altogether. */
const pageBody = (name: 'users' | 'groups' | 'members') =>
  z.object({
    kind: z.literal(`admin#directory#${name}`),
    nextPageToken: optionalText,
    [name]: z.array(z.unknown()).optional(),
  }) as z.ZodType<{ nextPageToken?: string; users?: unknown[]; groups?: unknown[]; members?: unknown[] }>;

function nextAddress(first: URL, pageToken: string): string {
  const next = new URL(first);
  next.searchParams.set('pageToken', pageToken);
  return next.href;
}

/** Google says "too fast" by 403, as it says "forbidden". */
function isTooFast({ status, text }: Answer): boolean {
  return status === 403 && /"reason"\s*:\s*"(userRateLimitExceeded|rateLimitExceeded|quotaExceeded)"/.test(text);
}

const SCOPES = ['user', 'group'].map((what) => `https://www.googleapis.com/auth/admin.directory.${what}.readonly`);

function tokens({ subject, tokenUrl }: Settings, { send, now, secrets: kept }: SourceContext<Secrets>) {
  const { client_email: issuer, private_key, private_key_id: kid } = keyFile.parse(JSON.parse(kept.serviceAccount));
  const key = createPrivateKey(private_key);
  return accessTokens(send, now, tokenUrl, async () => ({
    grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
    assertion: await signAssertion(key, now(), {
      ...{ issuer, subject, audience: tokenUrl, claims: { scope: SCOPES.join(' ') } },
      header: { alg: 'RS256', ...(kid ? { kid } : {}) },
    }),
  }));
}

function keyOf(text: string): z.output<typeof keyFile> | undefined {
  try {
    return keyFile.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
