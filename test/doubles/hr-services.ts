/**
 * BambooHR, HiBob, Personio, Rippling and Workday's reports as their documentation has them: how they are asked, paged and answer, and what
 * each of them does otherwise than one would think. They put ten people on a page, however many they are asked for.
 */
import type { Person, World } from '../directory/sources/world.ts';
import { type HttpAnswer, type HttpRequest, startHttpDouble } from './http-double.ts';

export const PAGE = 10;

const isBasic = ({ headers }: HttpRequest, user: string, password: string) =>
  headers.authorization === `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;

function departmentOf({ groups }: World, { id }: Person): string | null {
  return groups.find(({ members }) => members.includes(id))?.name ?? null;
}

/** The people after the last of somebody's id, whom a cursor names; undefined where nobody has it any more. */
function pageAfter(
  list: readonly Person[],
  cursor: string | null,
): { people: readonly Person[]; next: string | null } | undefined {
  const last = cursor === null ? '' : Buffer.from(cursor, 'base64url').toString();
  const begin = cursor === null ? 0 : list.findLastIndex(({ id }) => id === last) + 1;
  if (begin === 0 && cursor !== null) return undefined;
  const people = list.slice(begin, begin + PAGE);
  const isLast = begin + PAGE >= list.length;
  return { people, next: isLast ? null : Buffer.from(people.at(-1)?.id ?? '').toString('base64url') };
}

export interface BambooOptions {
  /** Fields that the key may not read. */
  restricted?: readonly string[];
}

/** BambooHR: fields are asked for by name; what may not be read is null and named; no day is 0000-00-00. */
export function startBambooHr(world: World, { restricted = [] }: BambooOptions = {}) {
  const always = ['employeeId', 'firstName', 'lastName', 'status'];
  const answer = (request: HttpRequest): HttpAnswer => {
    const { url } = request;
    if (url.pathname !== '/api/v1/employees') return { status: 404 };
    if (!isBasic(request, 'key-of-the-double', 'x')) return { status: 401 };
    if (Number(url.searchParams.get('page[limit]')) > 2500) return { status: 400 };
    const page = pageAfter(world.people, url.searchParams.get('page[after]'));
    if (page === undefined) return { status: 400, body: { error: { code: 'BadPage' } } };
    const wanted = new Set([...always, ...(url.searchParams.get('fields') ?? '').split(',')]);
    const data = page.people.map((person) => {
      const all: Record<string, unknown> = {
        employeeId: person.id,
        firstName: person.given,
        lastName: person.family,
        status: person.active ? 'Active' : 'Inactive',
        workEmail: person.email,
        hireDate: '2020-02-29',
        terminationDate: person.active ? '0000-00-00' : '2024-01-31',
        departmentName: departmentOf(world, person),
      };
      const shown = Object.entries(all).filter(([name]) => wanted.has(name));
      const said = shown.map(([name, value]) => [name, restricted.includes(name) ? null : value]);
      return { ...Object.fromEntries(said), _restrictedFields: restricted.filter((name) => wanted.has(name)) };
    });
    const meta = { total: world.people.length, page: { nextCursor: page.next, prevCursor: null } };
    return { body: { data, meta, _links: { self: url.href } } };
  };
  return startHttpDouble(answer, () => true);
}

export interface BobOptions {
  /** Categories of fields that the service user may see. */
  permitted?: readonly string[];
}

/** HiBob: everybody at once; those who have left only if asked for; what is not permitted is left out without a word. */
export function startHiBob(world: World, { permitted = ['root', 'work', 'internal'] }: BobOptions = {}) {
  const answer = (request: HttpRequest): HttpAnswer => {
    if (request.method !== 'POST' || request.url.pathname !== '/people/search') return { status: 404 };
    if (!isBasic(request, 'service-user', 'token-of-the-double')) return { status: 401 };
    const { showInactive = false, humanReadable = '', fields } = JSON.parse(request.body);
    if (fields.length > 400) return { status: 400 };
    const asked = (fields as string[]).filter((field) => permitted.includes(field.split('.')[0] ?? ''));
    const employees = world.people
      .filter(({ active }) => active || showInactive)
      .map((person) => {
        const department = departmentOf(world, person);
        const values: Record<string, unknown> = {
          'root.id': person.id,
          'root.email': person.email,
          'root.displayName': `${person.given} ${person.family}`,
          'work.startDate': '2020-02-29',
          'work.department': department === null ? null : `25${department.length}`,
          'internal.status': person.active ? 'Active' : 'Inactive',
          'internal.terminationDate': person.active ? null : '2024-01-31',
        };
        const shown = nested(asked.filter((field) => field in values).map((field) => [field, values[field]]));
        const readable = permitted.includes('work') ? { work: { department } } : {};
        return humanReadable === 'APPEND' ? { ...shown, humanReadable: readable } : shown;
      });
    return { body: { employees } };
  };
  return startHttpDouble(answer, () => true);
}

/** `root.x` is at the top, `work.x` in `work`. */
function nested(entries: readonly (readonly [string, unknown])[]): Record<string, unknown> {
  const whole: Record<string, Record<string, unknown>> = {};
  for (const [field, value] of entries) {
    const [category = '', name = ''] = field.split('.');
    whole[category] = { ...whole[category], [name]: value };
  }
  const { root, ...others } = whole;
  return { ...root, ...others };
}

/** Personio: a token for a client, asked for in JSON; each value in its label; at most a hundred a page, by offset. */
export async function startPersonio(world: World) {
  let issued = 0;
  const tokens = new Set<string>();
  const value = (label: string, said: unknown, type = 'standard') => ({ label, value: said, type });
  const answer = ({ url, method, headers, body }: HttpRequest): HttpAnswer => {
    if (method === 'POST' && url.pathname === '/auth') {
      const { client_id: id, client_secret: secret } = JSON.parse(body);
      if (id !== 'client' || secret !== 'secret-of-the-double') return { status: 403, body: { success: false } };
      issued += 1;
      tokens.add(`token-${issued}`);
      return { body: { success: true, data: { token: `token-${issued}`, expires_in: 86_400 } } };
    }
    if (url.pathname !== '/company/employees') return { status: 404 };
    if (!tokens.has(headers.authorization?.replace('Bearer ', '') ?? ''))
      return { status: 401, body: { success: false } };
    const limit = Number(url.searchParams.get('limit') ?? 50);
    const offset = Number(url.searchParams.get('offset') ?? 0);
    if (limit > 100) return { status: 422, body: { success: false } };
    const data = world.people.slice(offset, offset + Math.min(limit, PAGE)).map((person) => {
      const department = departmentOf(world, person);
      const attributes = {
        id: value('ID', person.id, 'integer'),
        first_name: value('First name', person.given),
        last_name: value('Last name', person.family),
        email: value('Email', person.email),
        status: value('Status', person.active ? 'active' : 'inactive'),
        hire_date: value('Hire date', '2020-02-29T00:00:00+01:00', 'date'),
        termination_date: value('Termination date', person.active ? null : '2024-01-31T00:00:00+01:00', 'date'),
        department: value(
          'Department',
          department === null ? null : { type: 'Department', attributes: { id: 1, name: department } },
        ),
      };
      return { type: 'Employee', attributes };
    });
    const total = world.people.length;
    const metadata = {
      total_elements: total,
      current_page: Math.floor(offset / limit),
      total_pages: Math.ceil(total / limit),
    };
    return { body: { success: true, metadata, offset, limit, data } };
  };
  const double = await startHttpDouble(answer, ({ url }) => url.pathname === '/company/employees');
  return { ...double, issued: () => issued, revoke: () => tokens.clear() };
}

/** Rippling: the next page's address has only the cursor; who somebody is comes only where that is asked for on each page. */
export async function startRippling(world: World) {
  const answer = ({ url, headers }: HttpRequest): HttpAnswer => {
    if (!['/workers', '/workers/'].includes(url.pathname)) return { status: 404 };
    if (headers.authorization !== 'Bearer token-of-the-double') return { status: 401 };
    const page = pageAfter(world.people, url.searchParams.get('cursor'));
    if (page === undefined) return { status: 400 };
    const expand = url.searchParams.get('expand')?.split(',') ?? [];
    const results = page.people.map((person) => {
      const department = departmentOf(world, person);
      return {
        id: person.id,
        user_id: `u-${person.id}`,
        work_email: person.email,
        status: person.active ? 'ACTIVE' : 'TERMINATED',
        start_date: '2020-02-29',
        end_date: person.active ? null : '2024-01-31',
        ...(expand.includes('user') ? { user: { display_name: `${person.given} ${person.family}` } } : {}),
        ...(expand.includes('department')
          ? { department: department === null ? null : { id: 'd', name: department } }
          : {}),
      };
    });
    const next = page.next === null ? null : `${double.url}/workers/?cursor=${page.next}`;
    return { body: { results, next_link: next } };
  };
  const double = await startHttpDouble(answer, () => true);
  return double;
}

/** A Workday report as a web service: JSON only if asked for, booleans as 1 and 0; a token by an API client's refresh token. */
export function startWorkday(world: World) {
  const path = '/ccx/service/customreport2/acme/ISU_Reports/Workers';
  const answer = (request: HttpRequest): HttpAnswer => {
    const { url, method, headers, body } = request;
    if (method === 'POST' && url.pathname === '/ccx/oauth2/acme/token') {
      const form = new URLSearchParams(body);
      const isGood =
        form.get('grant_type') === 'refresh_token' && form.get('refresh_token') === 'refresh-of-the-double';
      if (!isGood || !isBasic(request, 'client', 'secret-of-the-double'))
        return { status: 400, body: { error: 'invalid_grant' } };
      return { body: { access_token: 'access', token_type: 'Bearer' } };
    }
    if (url.pathname !== path) return { status: 404 };
    if (!isBasic(request, 'ISU_Reports', 'password-of-the-double') && headers.authorization !== 'Bearer access')
      return { status: 401 };
    if (url.searchParams.get('format') !== 'json')
      return { body: '<wd:Report_Data xmlns:wd="urn:com.workday.report/Workers"/>' };
    const entries = world.people.map((person) => ({
      Employee_ID: person.id,
      Email: person.email,
      Worker: `${person.given} ${person.family}`,
      Active: person.active ? '1' : '0',
      Hire_Date: '2020-02-29',
      Supervisory_Organizations: [{ Name: departmentOf(world, person) }],
    }));
    return { body: { Report_Entry: entries } };
  };
  return startHttpDouble(answer, ({ url }) => url.pathname === path);
}
