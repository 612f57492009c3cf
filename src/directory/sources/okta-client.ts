/**
 * Asks an Okta org, by an API token or as a service app (OAuth client credentials with a signed assertion). What the org allows a minute is
 * never used up: the org's own administrators and apps need some of it.
 */
import { createPrivateKey } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import { Fault } from '../../errors.ts';
import { accessTokens, privateKeyText, signAssertion } from './access-token.ts';
import { type Answer, jsonIfThere, jsonOf } from './http.ts';
import { followPages, nextLink } from './pages.ts';
import type { SourceContext } from './source.ts';

/** What is said of an org. */
export const oktaSettings = z.strictObject({
  /** The org's address, such as `https://acme.okta.com`. */
  url: z.url({ protocol: /^https?$/ }),
  /** Of a service app; none where an API token is given. */
  clientId: z.string().min(1).max(200).optional(),
  /** Which of the app's keys, where it has several. */
  keyId: z.string().min(1).max(200).optional(),
  /** Whether between whole readings only changes are read. They do not tell of people and groups that were deleted. */
  changes: z.boolean().default(false),
  /** How old a whole reading may be, where changes are read. */
  fullEveryHours: z.number().int().min(1).max(168).default(24),
  /** How many groups' members are read at once. */
  atOnce: z.number().int().min(1).max(20).default(4),
  /** Which part of the org's rate limit is left to others. */
  spare: z.number().min(0).max(0.9).default(0.1),
});
export type OktaSettings = z.output<typeof oktaSettings>;

export const oktaSecrets = z
  .strictObject({ token: z.string().min(1).max(1000).optional(), privateKey: privateKeyText.optional() })
  .refine(({ token, privateKey }) => (token === undefined) !== (privateKey === undefined), {
    path: ['token'],
    error: 'or privateKey must be given, not both',
  });
type Secrets = z.output<typeof oktaSecrets>;

export interface OktaClient {
  /** A list page by page. */
  list(path: string, query: Readonly<Record<string, string>>): AsyncGenerator<readonly unknown[]>;
  /** One thing, or null where Okta has none of that name. */
  one(path: string): Promise<unknown>;
  /** The time at Okta when the first answer came. */
  since(): Date;
}

const notFound = z.looseObject({ errorCode: z.literal('E0000007') });

const LONGEST_PAUSE_MS = 120_000;

/** A client for one reading. */
export function oktaClient(settings: OktaSettings, context: SourceContext<Secrets>): OktaClient {
  const authorization = authorizing(settings, context);
  const base = settings.url.replace(/\/$/, '');
  let firstAnswered: Date | undefined;
  const send = async (url: URL) =>
    context.send(url, { headers: { accept: 'application/json', authorization: await authorization() } });
  const ask = async (url: URL) => {
    const answer = await send(url);
    const time = timeOf(answer) ?? context.now();
    firstAnswered ??= time;
    const items = z.array(z.unknown()).safeParse(jsonOf(url, answer)).data;
    if (items === undefined)
      throw new Fault('invalid-feed', 'Okta answers with something that is no list.', { where: url.pathname });
    const ms = pauseAfter(answer, time, settings.spare);
    if (ms > 0) await pause(ms);
    return { items, next: nextLink(answer.headers) };
  };
  return {
    list: (path, query) => followPages(new URL(`${base}/api/v1${path}?${new URLSearchParams(query)}`), ask),
    one: async (path) => {
      const url = new URL(`${base}/api/v1${path}`);
      return jsonIfThere(url, await send(url), notFound);
    },
    since: () => firstAnswered ?? context.now(),
  };
}

function timeOf({ headers }: Answer): Date | undefined {
  const time = Date.parse(headers.get('date') ?? '');
  return Number.isNaN(time) ? undefined : new Date(time);
}

/** Until the limit is reset, by Okta's own clock, once only so much is left as others are to have. */
function pauseAfter({ headers }: Answer, time: Date, spare: number): number {
  const [limit, left, reset] = ['limit', 'remaining', 'reset'].map((name) =>
    Number(headers.get(`x-rate-limit-${name}`) ?? Number.NaN),
  ) as [number, number, number];
  if (!(left <= Math.max(1, limit * spare)) || Number.isNaN(reset)) return 0;
  return Math.min(LONGEST_PAUSE_MS, Math.max(0, reset * 1000 - time.getTime()));
}

function authorizing({ url, clientId, keyId }: OktaSettings, { send, now, secrets }: SourceContext<Secrets>) {
  const { token, privateKey = '' } = secrets;
  if (token !== undefined) return async () => `SSWS ${token}`;
  if (clientId === undefined) {
    throw new Fault('conflict', 'A private key belongs to a service app, whose client id is not said.', {
      where: 'config.clientId',
      remedy: 'Put the directory with the clientId of the service app, or with a token in place of the key.',
    });
  }
  const key = createPrivateKey(privateKey);
  const address = `${url.replace(/\/$/, '')}/oauth2/v1/token`;
  const alg = key.asymmetricKeyType === 'ec' ? 'ES256' : 'RS256';
  const accessToken = accessTokens(send, now, address, async () => ({
    grant_type: 'client_credentials',
    scope: 'okta.users.read okta.groups.read',
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: await signAssertion(key, now(), {
      ...{ issuer: clientId, subject: clientId, audience: address },
      header: { alg, ...(keyId === undefined ? {} : { kid: keyId }) },
    }),
  }));
  return async () => `Bearer ${await accessToken()}`;
}
