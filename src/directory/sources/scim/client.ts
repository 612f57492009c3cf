/** Asks a SCIM server, as whom the settings say. */
import { z } from 'zod';
import { type Answer, jsonOf } from '../http.ts';
import { type RestSecrets, restClient } from '../rest/client.ts';
import { auth } from '../rest/settings.ts';
import type { SourceContext } from '../source.ts';

/** How a SCIM server is reached, and who asks. */
export const scimAccess = {
  /** Of which `/Users` is the list of people. */
  url: z.url({ protocol: /^https?$/ }),
  auth: auth.default({ kind: 'bearer' }),
  /** `auto`: by cursor where the server says that it can. */
  paging: z.enum(['auto', 'cursor', 'index']).default('auto'),
};

const access = z.strictObject(scimAccess);

export interface ScimClient {
  address(path: string, query?: Readonly<Record<string, string>>): URL;
  ask(url: URL): Promise<Answer>;
  hasCursors(): Promise<boolean>;
}

/** A client for one reading. @throws Fault `conflict` where a secret is missing */
export function scimClient(given: z.output<typeof access>, context: SourceContext<RestSecrets>): ScimClient {
  const { url, paging } = given;
  const headers = { accept: 'application/scim+json, application/json' };
  const client = restClient({ baseUrl: url.replace(/\/+$/, ''), auth: given.auth, headers }, context);
  const address: ScimClient['address'] = (path, query = {}) => client.address(path, query);
  const ask: ScimClient['ask'] = (address) => client.ask(address, {});
  let cursors: boolean | undefined = paging === 'auto' ? undefined : paging === 'cursor';
  return {
    address,
    ask,
    hasCursors: async () => {
      cursors ??= await tellsCursors(address('/ServiceProviderConfig'), ask);
      return cursors;
    },
  };
}

const config = z.looseObject({ pagination: z.looseObject({ cursor: z.boolean() }) });

/** Many servers say nothing of themselves, or not to everybody; all of them page by index. */
async function tellsCursors(url: URL, ask: ScimClient['ask']): Promise<boolean> {
  const answer = await ask(url);
  if ([400, 403, 404, 405, 501].includes(answer.status)) return false;
  return config.safeParse(jsonOf(url, answer)).data?.pagination.cursor === true;
}
