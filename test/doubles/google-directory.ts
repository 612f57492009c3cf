/**
 * Google Workspace's Directory API, after its documentation: a service account that acts for an administrator, lists by page token in which
 * nothing is said where there is nothing, members by group, "too fast" told as forbidden.
 */
import { type KeyObject, randomUUID } from 'node:crypto';
import { jwtVerify } from 'jose';
import type { Group, Person, World } from '../directory/sources/world.ts';
import { type HttpAnswer, type HttpDouble, type HttpRequest, startHttpDouble } from './http-double.ts';

export interface GoogleDirectory extends HttpDouble {
  readonly subject: string;
  readonly account: string;
  /** Further fields of people, by id. */
  readonly fields: Map<string, Readonly<Record<string, unknown>>>;
  /** The next so many requests come too fast. */
  tooFast(times: number): void;
  /** How many lists of members were read at the same time, at most. */
  mostAtOnce(): number;
  /** Answers this path with something else. */
  answer(path: string, instead: unknown): void;
}

/** A member of a group who stands for the whole organization. */
export const EVERYBODY = 'C0acme';

const PAGE = 10;
const SCOPES = ['user', 'group'].map((what) => `https://www.googleapis.com/auth/admin.directory.${what}.readonly`);

/** @param key the public key of the service account */
export async function startGoogleDirectory(world: World, key: KeyObject): Promise<GoogleDirectory> {
  const subject = 'admin@acme.example';
  const account = 'sync@project.iam.gserviceaccount.com';
  const fields: GoogleDirectory['fields'] = new Map();
  const tokens = new Set<string>();
  const instead = new Map<string, unknown>();
  let tooFast = 0;
  let reading = 0;
  let most = 0;

  const grant = async ({ body }: HttpRequest): Promise<HttpAnswer> => {
    const form = new URLSearchParams(body);
    const expected = { issuer: account, audience: `${double.url}/token`, algorithms: ['RS256'] };
    const claims = await jwtVerify(form.get('assertion') ?? '', key, expected).then(
      ({ payload }) => payload,
      () => undefined,
    );
    if (form.get('grant_type') !== 'urn:ietf:params:oauth:grant-type:jwt-bearer' || claims === undefined) {
      return { status: 400, body: { error: 'invalid_grant', error_description: 'Invalid JWT Signature.' } };
    }
    if (claims.sub !== subject || claims['scope'] !== SCOPES.join(' ')) {
      return { status: 401, body: { error: 'unauthorized_client' } };
    }
    const token = randomUUID();
    tokens.add(token);
    return { body: { access_token: token, expires_in: 3599, token_type: 'Bearer' } };
  };

  const members = async (id: string, url: URL): Promise<HttpAnswer> => {
    reading += 1;
    most = Math.max(most, reading);
    await new Promise((done) => setTimeout(done, 5));
    reading -= 1;
    const found = world.groups.find((group) => group.id === id);
    if (found === undefined) return refusal(404, 'notFound');
    return page(
      'members',
      found.members.map((member) => memberOf(member, world)),
      url,
      200,
    );
  };

  const answer = async (request: HttpRequest): Promise<HttpAnswer> => {
    const { method, url, headers } = request;
    if (method === 'POST') return grant(request);
    if (!tokens.has(headers.authorization?.replace('Bearer ', '') ?? '')) return refusal(401, 'authError');
    if (tooFast > 0) {
      tooFast -= 1;
      return refusal(403, 'userRateLimitExceeded');
    }
    const path = url.pathname.replace('/admin/directory/v1', '');
    if (instead.has(path)) return { body: instead.get(path) };
    const id = /^\/groups\/([^/]+)\/members$/.exec(path)?.[1];
    if (id !== undefined) return members(id, url);
    const one = world.people.find((person) => path === `/users/${person.id}`);
    if (one !== undefined) return { body: { ...userOf(one, url), ...fields.get(one.id) } };
    if (/^\/users\/./.test(path)) return refusal(404, 'notFound');
    if (url.searchParams.get('customer') !== 'my_customer') return refusal(400, 'badRequest');
    const people = () => world.people.map((person) => ({ ...userOf(person, url), ...fields.get(person.id) }));
    if (path === '/users') return page('users', people(), url, 500);
    if (path === '/groups') return page('groups', world.groups.map(groupOf), url, 200);
    return refusal(404, 'notFound');
  };

  const double = await startHttpDouble(answer, ({ url }) => url.pathname.startsWith('/admin/'));
  return Object.assign(double, {
    ...{ subject, account, fields },
    tooFast: (times: number) => {
      tooFast = times;
    },
    mostAtOnce: () => most,
    answer: (path: string, body: unknown) => void instead.set(path, body),
  });
}

function refusal(code: number, reason: string): HttpAnswer {
  return { status: code, body: { error: { code, message: reason, errors: [{ domain: 'global', reason }] } } };
}

/** People as an administrator sees them; what an organization adds by itself only where all is asked for. */
function userOf({ id, email, given, family, active }: Person, url: URL) {
  return {
    ...{ kind: 'admin#directory#user', id, etag: `"${randomUUID()}"`, primaryEmail: email, orgUnitPath: '/' },
    name: { givenName: given, familyName: family, fullName: `${given} ${family}` },
    ...{ isAdmin: false, suspended: !active, archived: false, customerId: EVERYBODY },
    lastLoginTime: new Date().toISOString(),
    ...(url.searchParams.get('projection') === 'full' ? { customSchemas: { Acme: { badge: `B-${id}` } } } : {}),
  };
}

function groupOf({ id, name }: Group) {
  return { kind: 'admin#directory#group', id, email: `${name.toLowerCase()}@acme.example`, name, etag: '"1"' };
}

function memberOf(id: string, world: World) {
  const type = id === EVERYBODY ? 'CUSTOMER' : world.groups.some((group) => group.id === id) ? 'GROUP' : 'USER';
  return {
    kind: 'admin#directory#member',
    id,
    type,
    role: 'MEMBER',
    ...(type === 'CUSTOMER' ? {} : { status: 'ACTIVE' }),
  };
}

/** The token is the last one told, so that nobody who leaves moves the others. An empty list is left out. */
function page(name: string, items: readonly { id: string }[], url: URL, most: number): HttpAnswer {
  const size = Math.min(PAGE, most, Number(url.searchParams.get('maxResults') ?? PAGE));
  const after = Buffer.from(url.searchParams.get('pageToken') ?? '', 'base64url').toString();
  const sorted = [...items].sort((a, b) => (a.id < b.id ? -1 : 1)).filter(({ id }) => id > after);
  const list = sorted.slice(0, size);
  const last = Buffer.from(list.at(-1)?.id ?? '').toString('base64url');
  return {
    body: {
      kind: `admin#directory#${name}`,
      etag: '"list"',
      ...(list.length > 0 ? { [name]: list } : {}),
      ...(sorted.length > size ? { nextPageToken: last } : {}),
    },
  };
}
