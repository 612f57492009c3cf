/** An application that takes its people by SCIM 2.0. */
import { type HttpAnswer, type HttpRequest, startHttpDouble } from '../http-double.ts';
import { bearerOf, holdings, jsonOf, type ProviderDouble } from './provider-double.ts';

const TOKEN = 'token-of-the-application';

export interface ScimApp extends ProviderDouble {
  /** Whether it lists everybody, whatever filter it is given. */
  ignoresFilters: boolean;
}

export async function startScimApp(end: 'deactivate' | 'delete'): Promise<ScimApp> {
  const held = holdings();
  const ids = new Map<string, string>();
  const gone = new Set<string>();
  const shown = (userName: string, id: string) => ({ id, userName, active: held.isLive(id) });
  const all = () => [...ids].filter(([, id]) => !gone.has(id)).map(([name, id]) => shown(name, id));
  const answer = (request: HttpRequest): HttpAnswer => {
    const { method, url } = request;
    if (bearerOf(request) !== TOKEN) return { status: 401, body: { status: '401' } };
    const [, id] = /^\/scim\/v2\/Users(?:\/([^/]+))?$/.exec(url.pathname) ?? [];
    if (id === undefined) {
      const [, wanted] = /^userName eq "([^"]*)"$/.exec(url.searchParams.get('filter') ?? '') ?? [];
      const found = all().filter(({ userName }) => double.ignoresFilters || userName === wanted);
      return { body: { totalResults: found.length, Resources: found } };
    }
    const user = all().find((each) => each.id === id);
    if (user === undefined) return { status: 404, body: { status: '404' } };
    if (method === 'GET') return { body: user };
    if (method === 'DELETE') {
      held.asked(id);
      if (!held.isLive(id)) gone.add(id);
      return { status: 204 };
    }
    const [operation] = jsonOf(request)['Operations'] as { op: string; path: string; value: unknown }[];
    if (operation?.op !== 'replace' || operation.path !== 'active') return { status: 400, body: { status: '400' } };
    if (operation.value === false) held.asked(id);
    return { body: { ...user, active: held.isLive(id) } };
  };
  const http = await startHttpDouble(answer, () => true);
  const double: ScimApp = {
    ...{ ...http, ...held },
    ignoresFilters: false,
    said: { revoker: 'scim-downstream', url: `${http.url}/scim/v2`, token: TOKEN, end },
    give: (email) => {
      ids.set(email, `scim-${ids.size}`);
      held.give(email, ids.get(email) as string);
      return null;
    },
    end: (email) => {
      held.end(email);
      if (end === 'delete') gone.add(ids.get(email) as string);
    },
  };
  return double;
}
