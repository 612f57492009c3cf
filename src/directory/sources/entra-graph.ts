/** Asks Microsoft Graph as an app of the tenant: by OAuth client credentials, with a secret or a certificate. */
import { createHash, createPrivateKey, X509Certificate } from 'node:crypto';
import { z } from 'zod';
import { Fault } from '../../errors.ts';
import { accessTokens, privateKeyText, signAssertion } from './access-token.ts';
import { type Answer, jsonOf } from './http.ts';
import type { Page } from './pages.ts';
import type { SourceContext } from './source.ts';

/** What is said of a tenant. */
export const entraSettings = z.strictObject({
  /** The tenant's id or one of its domains. */
  tenant: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9.-]{0,200}$/, 'is not a tenant id or domain'),
  clientId: z.string().min(1).max(200),
  /** Properties of people that are read besides the usual ones, such as extension attributes. */
  properties: z
    .array(z.string().regex(/^[A-Za-z]\w{0,150}$/, 'is not the name of a property'))
    .max(100)
    .default([]),
  /** By what rules call a group. Names may be given twice, and by anybody who may make groups; ids are one group's alone. */
  groupNames: z.enum(['name', 'id']).default('name'),
  /** Other addresses where the tenant is in a national cloud. */
  graphUrl: z.url({ protocol: /^https?$/ }).default('https://graph.microsoft.com'),
  loginUrl: z.url({ protocol: /^https?$/ }).default('https://login.microsoftonline.com'),
});
type Settings = z.output<typeof entraSettings>;

/** Either what the app registration calls a client secret, or a certificate with its private key. */
export const entraSecrets = z
  .strictObject({
    clientSecret: z.string().min(1).max(1000).optional(),
    certificate: z.string().max(20_000).refine(isCertificate, 'is not a certificate (PEM)').optional(),
    privateKey: privateKeyText.optional(),
  })
  .refine(
    ({ clientSecret, certificate, privateKey }) =>
      clientSecret !== undefined || (certificate !== undefined && privateKey !== undefined),
    { path: ['clientSecret'], error: 'or both certificate and privateKey must be given' },
  );
type Secrets = z.output<typeof entraSecrets>;

/** A person as Graph says it. */
export const said = z.looseObject({ id: z.string().min(1) });
export type Said = z.output<typeof said>;

/** A page of changes; the last has a delta link, at which the next round begins. */
export interface DeltaPage extends Page {
  readonly deltaLink: string | null;
}

export interface Graph {
  readonly origin: string;
  /** Which properties of people are read. */
  readonly properties: readonly string[];
  readonly groupNames: Settings['groupNames'];
  address(path: string, query: Readonly<Record<string, string>>): URL;
  page(url: URL): Promise<DeltaPage>;
  /** Null where Graph no longer remembers that point. */
  resume(url: URL): Promise<DeltaPage | null>;
  usersById(ids: readonly string[]): Promise<ReadonlyMap<string, Said>>;
}

/** As many as Graph lets a filter name. */
const IDS_AT_ONCE = 15;

/** A client of a tenant's Graph. */
export function graphClient(given: Settings, context: SourceContext<Secrets>): Graph {
  const { graphUrl } = given;
  const token = tokens(given, context);
  const properties = [...new Set([...USUAL_PROPERTIES, ...given.properties])];
  const ask = async (url: URL) =>
    context.send(url, { headers: { accept: 'application/json', authorization: `Bearer ${await token()}` } });
  const address: Graph['address'] = (path, query) =>
    new URL(`${graphUrl.replace(/\/$/, '')}/v1.0${path}?${new URLSearchParams(query)}`);
  return {
    origin: new URL(graphUrl).origin,
    properties,
    groupNames: given.groupNames,
    address,
    page: async (url) => readPage(url, await ask(url)),
    resume: async (url) => {
      const answer = await ask(url);
      return isForgotten(answer) ? null : readPage(url, answer);
    },
    usersById: async (ids) => {
      const found = new Map<string, Said>();
      for (let at = 0; at < ids.length; at += IDS_AT_ONCE) {
        const list = ids.slice(at, at + IDS_AT_ONCE).map((id) => `'${id.replaceAll("'", "''")}'`);
        const url = address('/users', { $select: properties.join(','), $filter: `id in (${list.join(',')})` });
        const body = z.looseObject({ value: z.array(said) }).safeParse(jsonOf(url, await ask(url)));
        if (!body.success) throw cutOff(url);
        for (const user of body.data.value) found.set(user.id, user);
      }
      return found;
    },
  };
}

const pageBody = z.looseObject({
  value: z.array(z.unknown()),
  '@odata.nextLink': z.string().optional(),
  '@odata.deltaLink': z.url().optional(),
});

function readPage(url: URL, answer: Answer): DeltaPage {
  const body = pageBody.safeParse(jsonOf(url, answer)).data;
  const { '@odata.nextLink': next = null, '@odata.deltaLink': deltaLink = null } = body ?? {};
  if (body === undefined || (next === null && deltaLink === null)) throw cutOff(url);
  return { items: body.value, next, deltaLink };
}

function cutOff({ pathname }: URL): Fault {
  return new Fault('invalid-feed', 'Microsoft Graph does not say everything that it should; nothing was changed.', {
    where: pathname,
  });
}

/** 410, or one of the codes by which Graph asks that everything be read anew. */
function isForgotten({ status, text }: Answer): boolean {
  return status === 410 || (status >= 400 && status < 500 && /resync|syncState(NotFound|Invalid)/i.test(text));
}

function tokens(
  { tenant, clientId, loginUrl, graphUrl }: Settings,
  { send, now, secrets: kept }: SourceContext<Secrets>,
) {
  const url = `${loginUrl.replace(/\/$/, '')}/${tenant}/oauth2/v2.0/token`;
  const form = {
    grant_type: 'client_credentials',
    client_id: clientId,
    scope: `${graphUrl.replace(/\/$/, '')}/.default`,
  };
  return accessTokens(send, now, url, async () => {
    const { clientSecret, certificate = '', privateKey = '' } = kept;
    if (clientSecret !== undefined) return { ...form, client_secret: clientSecret };
    const thumbprint = createHash('sha256').update(new X509Certificate(certificate).raw).digest('base64url');
    const assertion = await signAssertion(createPrivateKey(privateKey), now(), {
      ...{ issuer: clientId, subject: clientId, audience: url },
      header: { alg: 'PS256', 'x5t#S256': thumbprint },
    });
    const type = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
    return { ...form, client_assertion_type: type, client_assertion: assertion };
  });
}

function isCertificate(text: string): boolean {
  try {
    return new X509Certificate(text).raw.length > 0;
  } catch {
    return false;
  }
}

const USUAL_PROPERTIES = (
  'id,userPrincipalName,mail,displayName,givenName,surname,accountEnabled,userType,employeeId,employeeType,employeeHireDate,' +
  'department,jobTitle,companyName,officeLocation,city,state,country,usageLocation,preferredLanguage,mobilePhone,businessPhones,' +
  'otherMails,createdDateTime,onPremisesSyncEnabled,onPremisesImmutableId,onPremisesSamAccountName,onPremisesDomainName,' +
  'onPremisesDistinguishedName,onPremisesUserPrincipalName,onPremisesExtensionAttributes'
).split(',');
