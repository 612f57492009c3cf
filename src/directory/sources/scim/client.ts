/** Asks a SCIM server, as whom the settings say. */
import { z } from 'zod';
import { Fault } from '../../../errors.ts';
import { accessTokens } from '../access-token.ts';
import type { Answer } from '../http.ts';
import type { SourceContext } from '../source.ts';

/** How a SCIM server is reached, and who asks. */
export const scimAccess = {
  /** Of which `/Users` is the list of people. */
  url: z.url({ protocol: /^https?$/ }),
  auth: z
    .discriminatedUnion('kind', [
      z.strictObject({ kind: z.literal('bearer') }),
      z.strictObject({ kind: z.literal('basic'), userName: z.string().min(1).max(200) }),
      /** OAuth client credentials. */
      z.strictObject({
        kind: z.literal('oauth'),
        tokenUrl: z.url({ protocol: /^https?$/ }),
        clientId: z.string().min(1).max(200),
        scope: z.string().min(1).max(1000).optional(),
      }),
    ])
    .default({ kind: 'bearer' }),
  /** `auto`: by cursor where the server says that it can. */
  paging: z.enum(['auto', 'cursor', 'index']).default('auto'),
};

/** The token, the password, or the client's secret. */
export const scimSecrets = z.strictObject({ secret: z.string().min(1).max(10_000) });

const access = z.strictObject(scimAccess);
type Access = z.output<typeof access>;

export interface ScimClient {
  address(path: string, query?: Readonly<Record<string, string>>): URL;
  ask(url: URL): Promise<Answer>;
  hasCursors(): Promise<boolean>;
}

/** A client for one reading. */
export function scimClient(given: Access, context: SourceContext<z.output<typeof scimSecrets>>): ScimClient {
  const { url: base, paging } = given;
  const authorization = authorizing(given, context);
  const address: ScimClient['address'] = (path, query = {}) => {
    const url = new URL(`${base.replace(/\/+$/, '')}${path}`);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    return url;
  };
  const ask: ScimClient['ask'] = async (url) =>
    context.send(url, {
      headers: { accept: 'application/scim+json, application/json', authorization: await authorization() },
    });
  let cursors: boolean | undefined = paging === 'auto' ? undefined : paging === 'cursor';
  return {
    address,
    ask,
    hasCursors: async () => {
      cursors ??= tellsCursors(await ask(address('/ServiceProviderConfig')));
      return cursors;
    },
  };
}

const config = z.looseObject({ pagination: z.looseObject({ cursor: z.boolean() }) });

/** Many servers do not tell; all of them page by index. */
function tellsCursors({ status, text }: Answer): boolean {
  if (status === 401) throw new Fault('upstream-failed', 'The source answers 401; nothing was changed.', DENIED);
  try {
    return status === 200 && config.safeParse(JSON.parse(text)).data?.pagination.cursor === true;
  } catch {
    return false;
  }
}

const DENIED = { remedy: "Check the directory's secret, and what it may read at the source." };

function authorizing({ auth }: Access, { send, now, secrets }: SourceContext<z.output<typeof scimSecrets>>) {
  const { secret } = secrets;
  if (auth.kind === 'bearer') return async () => `Bearer ${secret}`;
  if (auth.kind === 'basic') {
    const pair = Buffer.from(`${auth.userName}:${secret}`).toString('base64');
    return async () => `Basic ${pair}`;
  }
  const { tokenUrl, clientId, scope } = auth;
  const form = { grant_type: 'client_credentials', client_id: clientId, client_secret: secret };
  const token = accessTokens(send, now, tokenUrl, async () => (scope === undefined ? form : { ...form, scope }));
  return async () => `Bearer ${await token()}`;
}
