/** Atlassian's organization and user management APIs, as they are documented. */
import { type HttpAnswer, type HttpRequest, startHttpDouble } from '../http-double.ts';
import { bearerOf, holdings, NOT_FOUND, type ProviderDouble } from './provider-double.ts';

const API_KEY = 'key-of-the-organization';

export async function startAtlassian(): Promise<ProviderDouble> {
  const held = holdings();
  const accounts = new Map<string, string>();
  const answer = (request: HttpRequest): HttpAnswer => {
    const { pathname, searchParams } = request.url;
    if (bearerOf(request) !== API_KEY) return { status: 401, body: { code: 401, message: 'Unauthorized' } };
    if (pathname === '/admin/v2/orgs/org-1/directories/-/users') {
      const wanted = searchParams.getAll('emails');
      const data = [...accounts].map(([email, accountId]) => ({ accountId, email, accountStatus: 'active' }));
      return { body: { data: data.filter(({ email }) => wanted.includes(email)), links: {} } };
    }
    const [, encoded = '', act] = /^\/users\/([^/]+)\/manage\/(profile|lifecycle\/disable)$/.exec(pathname) ?? [];
    const id = decodeURIComponent(encoded);
    if (![...accounts.values()].includes(id)) return NOT_FOUND;
    if (act === 'profile')
      return { body: { account: { account_id: id, account_status: held.isLive(id) ? 'active' : 'inactive' } } };
    if (!held.isLive(id)) return { status: 403, body: { key: 'manage.forbidden' } };
    held.asked(id);
    return { status: 204 };
  };
  const http = await startHttpDouble(answer, () => true);
  return {
    ...{ ...http, ...held },
    said: { revoker: 'atlassian', apiUrl: http.url, organizationId: 'org-1', apiKey: API_KEY },
    give: (email) => {
      accounts.set(email, `557058:${accounts.size}`);
      held.give(email, accounts.get(email) as string);
      return null;
    },
  };
}
