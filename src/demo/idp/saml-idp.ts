/**
 * A small but real SAML identity provider, made of samlify: metadata, sign-on by HTTP-Redirect, signed assertions by HTTP-POST. It
 * trusts the service providers whose metadata it was given.
 */
import { randomUUID } from 'node:crypto';
import express, { type Express, type Request, type Response } from 'express';
import samlify from 'samlify';
import { samlAdministration } from './administration.ts';
import { pemBody, selfSigned } from './certificate.ts';
import { choicePage, messagePage, postingPage } from './page.ts';
import type { DemoPerson } from './people.ts';
import { serve } from './serve.ts';

export interface SamlIdpOptions {
  /** 0: any free one. */
  readonly port?: number;
  readonly name?: string;
  readonly people: readonly DemoPerson[];
  /** Whether assertions carry a `groups` attribute. */
  readonly statesGroups?: boolean;
}

export interface SamlIdp {
  readonly url: string;
  readonly entityId: string;
  readonly metadata: string;
  readonly privateKey: string;
  /** PEM. */
  readonly certificate: string;
  /** Takes a service provider's metadata; from then on it answers that one's requests. */
  trust(metadata: string): void;
  /** Replaces the people. */
  setPeople(people: readonly DemoPerson[]): void;
  close(): Promise<void>;
}

type ServiceProvider = ReturnType<typeof samlify.ServiceProvider>;
type IdentityProvider = ReturnType<typeof samlify.IdentityProvider>;

interface State {
  readonly name: string;
  readonly idp: IdentityProvider;
  readonly trusted: Map<string, ServiceProvider>;
  readonly statesGroups: boolean;
  people: readonly DemoPerson[];
}

const NAME_ID = 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent';

/** Starts it with a fresh key. */
export async function startSamlIdp(options: SamlIdpOptions): Promise<SamlIdp> {
  // The schema validator is process-wide in samlify; requests here are read by this demo alone.
  samlify.setSchemaValidator({ validate: async () => 'not validated' });
  const { url, server, close } = await serve(options.port ?? 0);
  const { privateKey, certificate } = await selfSigned('Demo SAML identity provider');
  const entityId = `${url}/metadata`;
  const idp = samlify.IdentityProvider({
    entityID: entityId,
    signingCert: pemBody(certificate),
    privateKey,
    requestSignatureAlgorithm: 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
    wantLogoutRequestSigned: true,
    nameIDFormat: [NAME_ID],
    singleSignOnService: [{ Binding: samlify.Constants.namespace.binding.redirect, Location: `${url}/sso` }],
    singleLogoutService: [{ Binding: samlify.Constants.namespace.binding.redirect, Location: `${url}/slo` }],
    loginResponseTemplate: { context: RESPONSE, attributes: [] },
  });
  const name = options.name ?? 'Demo SAML sign-in';
  const state: State = {
    name,
    idp,
    trusted: new Map(),
    people: options.people,
    statesGroups: options.statesGroups ?? true,
  };
  const trust = (metadata: string) => {
    const provider = samlify.ServiceProvider({ metadata, wantLogoutResponseSigned: true });
    state.trusted.set(provider.entityMeta.getEntityID(), provider);
  };
  const administration = samlAdministration({
    name,
    metadataUrl: entityId,
    trust,
    trusted: () => [...state.trusted.keys()],
  });
  server.on('request', application(state).use(administration));
  return {
    url,
    entityId,
    metadata: idp.getMetadata(),
    privateKey,
    certificate,
    trust,
    setPeople: (people) => {
      state.people = people;
    },
    close,
  };
}

function application(state: State): Express {
  const app = express();
  app.get(
    '/metadata',
    (_request, response) => void response.type('application/samlmetadata+xml').send(state.idp.getMetadata()),
  );
  app.get('/slo', async (request, response) => {
    const onward = await answerLogout(state, request);
    if (onward !== undefined) response.redirect(onward);
    else response.status(400).send(messagePage(state.name, 'This logout request is of nobody that is known here.'));
  });
  app.get('/sso', async (request, response) => {
    const found = await readRequest(state, request.query);
    if (found === undefined) return untrusted(state, response);
    const { SAMLRequest = '', RelayState = '' } = request.query as Record<string, string>;
    response.send(choicePage(state.name, '/sso', state.people, { SAMLRequest, RelayState }));
  });
  app.post('/sso', express.urlencoded({ extended: false }), async (request: Request, response: Response) => {
    const { SAMLRequest, RelayState = '', person: chosen } = request.body as Record<string, string>;
    const person = state.people.find(({ id }) => id === chosen);
    const found = await readRequest(state, { SAMLRequest });
    if (found === undefined || person === undefined) return untrusted(state, response);
    const { acsUrl, context } = await answer(state, found, person);
    response.send(
      postingPage(state.name, acsUrl, { SAMLResponse: context, ...(RelayState === '' ? {} : { RelayState }) }),
    );
  });
  return app;
}

interface KnownRequest {
  readonly provider: ServiceProvider;
  readonly requestId: string;
}

/** The request and who made it; undefined where we don't know them. */
async function readRequest(state: State, query: Record<string, unknown>): Promise<KnownRequest | undefined> {
  for (const provider of state.trusted.values()) {
    const read = await state.idp.parseLoginRequest(provider, 'redirect', { query }).catch(() => undefined);
    const { issuer, request } = read?.extract ?? {};
    if (issuer === provider.entityMeta.getEntityID())
      return { provider, requestId: String((request as { id?: string }).id) };
  }
  return undefined;
}

/** Nobody has a session here, so there is none to end. @returns where the answer goes; undefined where we don't know who asks */
async function answerLogout({ trusted, idp }: State, { query, originalUrl }: Request): Promise<string | undefined> {
  const octetString = originalUrl.slice(originalUrl.indexOf('?') + 1).split('&Signature=')[0] ?? '';
  for (const provider of trusted.values()) {
    const read = await idp.parseLogoutRequest(provider, 'redirect', { query, octetString }).catch(() => undefined);
    if (read?.extract.issuer !== provider.entityMeta.getEntityID()) continue;
    const relayState = typeof query['RelayState'] === 'string' ? query['RelayState'] : '';
    return idp.createLogoutResponse(provider, { extract: read.extract }, 'redirect', relayState).context;
  }
  return undefined;
}

async function answer(state: State, { provider, requestId }: KnownRequest, person: DemoPerson) {
  const acsUrl = String(provider.entityMeta.getAssertionConsumerService('post'));
  const made = await state.idp.createLoginResponse(
    provider,
    { extract: { request: { id: requestId } } },
    'post',
    { email: person.email },
    (template) => {
      const id = `_${randomUUID()}`;
      const now = Date.now();
      const tags = {
        ID: id,
        AssertionID: `_${randomUUID()}`,
        Issuer: state.idp.entityMeta.getEntityID(),
        Destination: acsUrl,
        Audience: provider.entityMeta.getEntityID(),
        IssueInstant: new Date(now).toISOString(),
        NotBefore: new Date(now - 5000).toISOString(),
        NotOnOrAfter: new Date(now + 5 * 60_000).toISOString(),
        NameIDFormat: NAME_ID,
        NameID: person.id,
        InResponseTo: requestId,
        email: person.email,
        name: person.name,
      };
      const withGroups = template.replace('{groups}', () => (state.statesGroups ? groupsAttribute(person.groups) : ''));
      return { id, context: samlify.SamlLib.replaceTagsByValue(withGroups, tags) };
    },
  );
  return { acsUrl, context: (made as { context: string }).context };
}

function groupsAttribute(groups: readonly string[]): string {
  const values = groups.map((group) => `<saml:AttributeValue>${escaped(group)}</saml:AttributeValue>`);
  return `<saml:Attribute Name="groups">${values.join('')}</saml:Attribute>`;
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

function untrusted(state: State, response: Response): void {
  response
    .status(400)
    .send(
      messagePage(
        state.name,
        'This identity provider does not know who asks. Tell it on its first page where the service provider has its metadata.',
      ),
    );
}

const RESPONSE = `<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="{ID}" Version="2.0" IssueInstant="{IssueInstant}" Destination="{Destination}" InResponseTo="{InResponseTo}"><saml:Issuer>{Issuer}</saml:Issuer><samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status><saml:Assertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="{AssertionID}" Version="2.0" IssueInstant="{IssueInstant}"><saml:Issuer>{Issuer}</saml:Issuer><saml:Subject><saml:NameID Format="{NameIDFormat}">{NameID}</saml:NameID><saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><saml:SubjectConfirmationData NotOnOrAfter="{NotOnOrAfter}" Recipient="{Destination}" InResponseTo="{InResponseTo}"/></saml:SubjectConfirmation></saml:Subject><saml:Conditions NotBefore="{NotBefore}" NotOnOrAfter="{NotOnOrAfter}"><saml:AudienceRestriction><saml:Audience>{Audience}</saml:Audience></saml:AudienceRestriction></saml:Conditions><saml:AuthnStatement AuthnInstant="{IssueInstant}" SessionIndex="{AssertionID}"><saml:AuthnContext><saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement><saml:AttributeStatement><saml:Attribute Name="email"><saml:AttributeValue>{email}</saml:AttributeValue></saml:Attribute><saml:Attribute Name="displayName"><saml:AttributeValue>{name}</saml:AttributeValue></saml:Attribute>{groups}</saml:AttributeStatement></saml:Assertion></samlp:Response>`;
