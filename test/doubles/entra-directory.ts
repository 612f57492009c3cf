/**
 * Microsoft Entra ID as a directory, after Microsoft Graph's documentation: client credentials by secret or certificate, and delta queries
 * over people and groups, with all that a reader has to expect of them: any order, repetitions, changed people told in part, members bit by
 * bit, and points of time that are forgotten.
 */

import type { KeyObject } from 'node:crypto';
import { randomUUID } from 'node:crypto';
import { type JWTPayload, jwtVerify } from 'jose';
import type { Group, Person, World } from '../directory/sources/world.ts';
import { type HttpAnswer, type HttpDouble, type HttpRequest, startHttpDouble } from './http-double.ts';

export interface EntraDirectory extends HttpDouble {
  readonly tenant: string;
  readonly clientId: string;
  readonly secret: string;
  /** Further properties of people, by id. */
  readonly properties: Map<string, Readonly<Record<string, unknown>>>;
  /** From now on tokens are refused. */
  revoke(): void;
  /** From now on it remembers no earlier point, and says so in this way. */
  forget(answer: HttpAnswer): void;
  /** Tells some of its records twice and the last first. */
  disorder(): void;
  /** Says that the next pages are there. */
  lead(next: (good: string) => string): void;
  /** The paths that were asked for, in order. */
  readonly asked: string[];
}

type Item = Readonly<Record<string, unknown>> & { readonly id: string };

/** What stood at one moment: people's properties, and groups with their members. */
interface Moment {
  readonly users: ReadonlyMap<string, Item>;
  readonly groups: ReadonlyMap<string, Item>;
  readonly members: ReadonlyMap<string, readonly string[]>;
}

interface Round {
  readonly items: readonly Item[];
  readonly at: number;
  readonly moment: Moment;
}

const PAGE = 10;
const FORGOTTEN: HttpAnswer = { status: 410, body: { error: { code: 'resyncRequired', message: 'Resync required.' } } };
const DENIED: HttpAnswer = {
  status: 401,
  body: { error: { code: 'InvalidAuthenticationToken', message: 'Expired.' } },
};

/** @param certificate the public key of the certificate with which the app signs, and its thumbprint */
export async function startEntraDirectory(
  world: World,
  certificate?: { readonly key: KeyObject; readonly thumbprint: string },
): Promise<EntraDirectory> {
  const tenant = randomUUID();
  const clientId = randomUUID();
  const secret = 'secret~of.the~app';
  const properties: EntraDirectory['properties'] = new Map();
  const asked: string[] = [];
  const tokens = new Set<string>();
  const rounds = new Map<string, Round>();
  const points = new Map<string, Moment>();
  let forgotten: HttpAnswer | undefined;
  let disordered = false;
  let lead = (good: string) => good;

  const moment = (): Moment => ({
    users: new Map(world.people.map((person) => [person.id, { ...userOf(person), ...properties.get(person.id) }])),
    groups: new Map(world.groups.map(({ id, name }) => [id, { id, displayName: name }])),
    members: new Map(world.groups.map(({ id, members }) => [id, [...members]])),
  });
  const isGroup = (id: string) => world.groups.some((group: Group) => group.id === id);

  const page = (list: 'users' | 'groups', round: Round): HttpAnswer => {
    const { items, at } = round;
    const end = Math.min(at + PAGE, items.length);
    const address = `${double.url}/v1.0/${list}/delta`;
    const token = randomUUID();
    const value = items.slice(at, end);
    if (end < items.length) {
      rounds.set(token, { ...round, at: end });
      return { body: { value, '@odata.nextLink': lead(`${address}?$skiptoken=${token}`) } };
    }
    points.set(token, round.moment);
    return { body: { value, '@odata.deltaLink': `${address}?$deltatoken=${token}` } };
  };

  const delta = (list: 'users' | 'groups', query: URLSearchParams): HttpAnswer => {
    const skipped = query.get('$skiptoken');
    if (skipped !== null) {
      const round = rounds.get(skipped);
      return round === undefined ? { status: 400, body: { error: { code: 'BadRequest' } } } : page(list, round);
    }
    const since = query.get('$deltatoken');
    const before = since === null ? undefined : points.get(since);
    if (since !== null && (before === undefined || forgotten !== undefined)) return forgotten ?? FORGOTTEN;
    const now = moment();
    const items = list === 'users' ? userItems(before, now) : groupItems(before, now, isGroup);
    const told = disordered ? [...items, ...items.slice(0, 3)].reverse() : items;
    return page(list, { items: told, at: 0, moment: now });
  };

  const byId = (query: URLSearchParams): HttpAnswer => {
    const ids = [...(query.get('$filter') ?? '').matchAll(/'([^']*)'/g)].map(([, id]) => id ?? '');
    if (ids.length > 15)
      return { status: 400, body: { error: { code: 'BadRequest', message: 'Too many child clauses' } } };
    const { users } = moment();
    return { body: { value: ids.flatMap((id) => withNulls(users.get(id), query.get('$select'))) } };
  };

  const grant = async ({ body, url }: HttpRequest): Promise<HttpAnswer> => {
    const form = new URLSearchParams(body);
    const known =
      form.get('client_id') === clientId &&
      form.get('grant_type') === 'client_credentials' &&
      form.get('scope') === `${double.url}/.default` &&
      url.pathname === `/${tenant}/oauth2/v2.0/token`;
    const proven =
      form.get('client_secret') === secret ||
      (certificate !== undefined && (await asserts(form.get('client_assertion') ?? '', certificate)));
    if (!known || !proven)
      return { status: 401, body: { error: 'invalid_client', error_description: 'AADSTS7000215' } };
    const token = randomUUID();
    tokens.add(token);
    return { body: { token_type: 'Bearer', expires_in: 3599, access_token: token } };
  };
  const asserts = async (assertion: string, { key, thumbprint }: { key: KeyObject; thumbprint: string }) => {
    const expected = { issuer: clientId, subject: clientId, audience: `${double.url}/${tenant}/oauth2/v2.0/token` };
    const { protectedHeader, payload } = await jwtVerify<JWTPayload>(assertion, key, {
      ...expected,
      algorithms: ['PS256'],
      requiredClaims: ['jti', 'exp'],
    });
    return protectedHeader['x5t#S256'] === thumbprint && payload.jti !== undefined;
  };

  const double = await startHttpDouble(
    async (request) => {
      const { method, url, headers } = request;
      if (method === 'POST') return grant(request);
      asked.push(url.pathname);
      if (!tokens.has(headers.authorization?.replace('Bearer ', '') ?? '')) return DENIED;
      if (url.pathname === '/v1.0/users/delta') return delta('users', url.searchParams);
      if (url.pathname === '/v1.0/groups/delta') return delta('groups', url.searchParams);
      if (url.pathname === '/v1.0/users') return byId(url.searchParams);
      return { status: 404, body: { error: { code: 'ResourceNotFound' } } };
    },
    ({ url }) => url.pathname.endsWith('/delta'),
  );
  return Object.assign(double, {
    ...{ tenant, clientId, secret, properties, asked },
    revoke: () => {
      tokens.clear();
      tokens.add = () => tokens;
    },
    forget: (answer: HttpAnswer) => {
      forgotten = answer;
    },
    disorder: () => {
      disordered = true;
    },
    lead: (next: (good: string) => string) => {
      lead = next;
    },
  });
}

function userOf({ id, email, given, family, active }: Person): Item {
  return {
    ...{ id, userPrincipalName: email, mail: email, givenName: given, surname: family },
    ...{ displayName: `${given} ${family}`, accountEnabled: active, userType: 'Member' },
  };
}

/** Of somebody new everything that is set; of somebody changed only that; of somebody deleted that they may yet be restored. */
function userItems(before: Moment | undefined, { users }: Moment): Item[] {
  const there = [...users.values()].flatMap((user) => {
    const known = before?.users.get(user.id);
    if (known === undefined) return [user];
    const names = [...new Set([...Object.keys(user), ...Object.keys(known)])];
    const changed = names.filter((name) => JSON.stringify(user[name]) !== JSON.stringify(known[name]));
    if (changed.length === 0) return [];
    return [{ id: user.id, ...Object.fromEntries(changed.map((name) => [name, user[name] ?? null])) }];
  });
  const deleted = [...(before?.users.keys() ?? [])].filter((id) => !users.has(id));
  return [...there, ...deleted.map((id) => ({ id, '@removed': { reason: 'changed' } }))];
}

/** As many members as an answer has room for; a larger group comes again. */
const MEMBERS = 4;

function groupItems(before: Moment | undefined, now: Moment, isGroup: (id: string) => boolean): Item[] {
  const there = [...now.groups.values()].flatMap((group) => {
    const known = before?.groups.get(group.id);
    const [was, is] = [before?.members.get(group.id) ?? [], now.members.get(group.id) ?? []];
    const typed = (id: string) => ({ '@odata.type': `#microsoft.graph.${isGroup(id) ? 'group' : 'user'}`, id });
    const members = [
      ...is.filter((id) => !was.includes(id)).map(typed),
      ...was.filter((id) => !is.includes(id)).map((id) => ({ ...typed(id), '@removed': { reason: 'deleted' } })),
    ];
    const told = known?.['displayName'] === group['displayName'] ? { id: group.id } : group;
    if (members.length === 0) return told === group ? [group] : [];
    return Array.from({ length: Math.ceil(members.length / MEMBERS) }, (_, part) => ({
      ...told,
      'members@delta': members.slice(part * MEMBERS, (part + 1) * MEMBERS),
    }));
  });
  const deleted = [...(before?.groups.keys() ?? [])].filter((id) => !now.groups.has(id));
  return [...there, ...deleted.map((id) => ({ id, '@removed': { reason: 'deleted' } }))];
}

/** Where people are listed, what is not set is null. */
function withNulls(user: Item | undefined, select: string | null): Item[] {
  if (user === undefined) return [];
  const names = (select ?? 'id').split(',');
  return [{ id: user.id, ...Object.fromEntries(names.map((name) => [name, user[name] ?? null])) }];
}
