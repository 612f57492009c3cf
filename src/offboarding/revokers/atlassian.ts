/** Atlassian: the person's account is deactivated, for tokens that people gave to apps can't be revoked one by one. */
import { z } from 'zod';
import { type Answer, alreadyGone, below, isObject, jsonBody, nobodyThere, notYet, refused, revoked } from './ask.ts';
import { revokerKind } from './revoker.ts';
import { address, directory, name, secret } from './settings.ts';

export const atlassian = revokerKind({
  settings: z.strictObject({
    apiUrl: address,
    /** The organization in which people are looked up by e-mail. */
    organizationId: name,
    directory,
  }),
  secrets: z.strictObject({ apiKey: secret }),
  open: ({ apiUrl, organizationId }, { ask, secrets }) => {
    const headers = { authorization: `Bearer ${secrets.apiKey}` };
    const search = below(apiUrl, `/admin/v2/orgs/${encodeURIComponent(organizationId)}/directories/-/users`);
    return {
      person: async ({ externalId, email }) => {
        const listed =
          externalId === null ? await ask(`${search}?${new URLSearchParams({ emails: email })}`, { headers }) : null;
        if (listed !== null && listed.status !== 200) return refused(listed);
        const account = externalId ?? accountWith(email, listed);
        if (account === undefined) return nobodyThere(listed as Answer);
        const manage = below(apiUrl, `/users/${encodeURIComponent(account)}/manage`);
        const look = () => ask(`${manage}/profile`, { headers });
        const before = await look();
        if (before.status === 404) return nobodyThere(before);
        if (statusOf(before) === 'inactive' || statusOf(before) === 'closed') return alreadyGone(before);
        const message = 'The person has left.';
        const ended = await ask(`${manage}/lifecycle/disable`, jsonBody('POST', { message }, headers));
        if (ended.status !== 204) return refused(ended);
        const after = statusOf(await look());
        return after === 'active' ? notYet('the account is still active') : revoked(ended, after === 'inactive');
      },
    };
  },
});

/** Whoever has the very address; the list may be of more people than were asked for. */
function accountWith(email: string, listed: Answer | null): string | undefined {
  const data = Array.isArray(listed?.json['data']) ? listed.json['data'] : [];
  const found = data.find((each) => isObject(each) && String(each['email']).toLowerCase() === email.toLowerCase());
  return isObject(found) && typeof found['accountId'] === 'string' ? found['accountId'] : undefined;
}

function statusOf({ json }: Answer): unknown {
  const { account } = json;
  return isObject(account) ? account['account_status'] : undefined;
}
