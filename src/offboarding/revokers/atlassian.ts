/** Atlassian: the person's account is deactivated, for tokens that people gave to apps can't be revoked one by one. */
import { z } from 'zod';
import {
  type Answer,
  alreadyGone,
  below,
  isObject,
  jsonBody,
  nobodyThere,
  notUnderstood,
  notYet,
  refused,
  revoked,
  Stopped,
} from './ask.ts';
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
        const account =
          externalId ??
          accountWith(email, await ask(`${search}?${new URLSearchParams({ emails: email })}`, { headers }));
        const manage = below(apiUrl, `/users/${encodeURIComponent(account)}/manage`);
        const look = () => ask(`${manage}/profile`, { headers });
        const before = await look();
        if (before.status === 404) return nobodyThere(before);
        if (before.status !== 200) return refused(before);
        if (statusOf(before) === 'inactive' || statusOf(before) === 'closed') return alreadyGone(before);
        const message = 'The person has left.';
        const ended = await ask(`${manage}/lifecycle/disable`, jsonBody('POST', { message }, headers));
        if (ended.status !== 204) return refused(ended);
        const after = await look();
        if (statusOf(after) === 'active') return notYet('the account is still active');
        return statusOf(after) === 'inactive' ? revoked(ended, true, { checkedAt: after.at }) : notUnderstood(after);
      },
    };
  },
});

/** Whoever has the very address; the list may be of more people than were asked for. @throws Stopped where nobody has */
function accountWith(email: string, listed: Answer): string {
  if (listed.status !== 200) throw new Stopped(refused(listed));
  const { data } = listed.json;
  if (!Array.isArray(data)) throw new Stopped(notUnderstood(listed));
  const found = data.find((each) => isObject(each) && String(each['email']).toLowerCase() === email.toLowerCase());
  if (isObject(found) && typeof found['accountId'] === 'string') return found['accountId'];
  throw new Stopped(nobodyThere(listed));
}

function statusOf({ json }: Answer): unknown {
  const { account } = json;
  return isObject(account) ? account['account_status'] : undefined;
}
