/** Somebody who is let go in the middle of everything: signed in by SAML, with an app, keys and a password, and doing all of it again. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type * as client from 'openid-client';
import type supertest from 'supertest';
import { Browser, formOf, type Page } from '../../src/demo/browser.ts';
import { startOidcIdp } from '../../src/demo/idp/oidc-idp.ts';
import { startSamlIdp } from '../../src/demo/idp/saml-idp.ts';
import { arrangeDirectory, patchOf, type Provider as ScimProvider, USER } from '../directory/scim/arrange.ts';
import type { TestDatabase } from '../harness/database.ts';
import type { TestServer } from '../harness/server.ts';
import { signedIn } from '../harness/signed-in.ts';
import { type Arranged, connection, organization } from '../sign-in/arrange.ts';
import { givePassword, visitor } from '../sign-in/local/arrange.ts';
import { discover, register, tokensOf } from '../sign-in/oauth/arrange.ts';

/** A company with a SCIM directory, two identity providers, an app, an OAuth provider and a rule that gives everybody a role. */
export interface BusyCompany {
  readonly where: Arranged;
  readonly scim: ScimProvider;
  readonly app: client.Configuration;
  /** The app's token endpoint, asked without a library that would throw. */
  refresh(token: string): Promise<{ status: number; access?: string }>;
  /** Puts the rule anew, with another role than before. */
  editRule(): Promise<number>;
  /** The id of a person's record in the directory. */
  recordOf(email: string): string;
  /** Signs somebody in through one of the identity providers. */
  signIn(door: 'saml' | 'oidc', id: string): Promise<Page>;
  /** Adds a person who is busy. */
  hire(id: string): Promise<BusyPerson>;
}

export interface BusyPerson {
  readonly userId: string;
  readonly email: string;
  /** What they hold before anything happens. */
  readonly keys: string[];
  readonly tokens: string[];
  readonly cookies: string[];
  /** What they, and others for them, do at once, by name; each gives the status it met. */
  readonly deeds: Readonly<Record<string, () => Promise<number>>>;
}

const SECRET = 'secret-of-the-client';

export async function busyCompany(
  server: TestServer,
  database: TestDatabase,
  names: readonly string[],
): Promise<BusyCompany> {
  const people = names.map((id) => ({ id, email: `${id}@busy.test`, name: id, groups: [] }));
  const [saml, oidc] = await Promise.all([startSamlIdp({ people }), startOidcIdp({ people })]);
  database.onEnd(() => Promise.all([saml.close(), oidc.close()]));
  const where = await organization(server, 'busy', { defaultRole: 'developer' });
  const samlDoor = await connection(server, where, 'saml', { kind: 'saml', metadata: saml.metadata });
  saml.trust((await server.http.get(`/saml/${samlDoor.id}/metadata`)).text);
  const client = { kind: 'oidc', issuer: oidc.url, clientId: 'bridge', clientSecret: SECRET };
  const oidcDoor = await connection(server, where, 'oidc', client);
  oidc.addClient({ id: 'bridge', secret: SECRET, redirectUris: [oidcDoor.relyingParty.redirectUri] });

  const api = (method: 'put' | 'post', path: string) => server.api(method, `/organizations/busy${path}`);
  const of = { organization: 'busy', organizationId: where.id, workspaceId: '' };
  const scim = await arrangeDirectory(server, of, 'idp');
  const provider = { revocationEndpoint: `${oidc.url}/token/revocation`, clientId: 'bridge', clientSecret: SECRET };
  await api('put', '/oauth-providers/calendar').send(provider).expect(200);
  const appSecret = (await register(server, 'insights')) ?? '';
  const app = await discover(server, 'insights', appSecret);

  const records = new Map<string, string>();
  let edits = 0;
  const editRule = async () => {
    edits += 1;
    const rule = { condition: 'exists($.userName)', scope: 'organization', role: edits % 2 ? 'operator' : 'viewer' };
    return (await api('put', '/mapping-rules/everybody').send(rule)).status;
  };
  assert.equal(await editRule(), 200);

  const refresh: BusyCompany['refresh'] = async (token) => {
    const form = { grant_type: 'refresh_token', refresh_token: token };
    const { status, body } = await server.http.post('/oauth/token').type('form').auth('insights', appSecret).send(form);
    return { status, access: body.access_token };
  };

  /** An answer of the SAML provider that is yet to be posted. */
  const samlAnswer = async (id: string) => {
    const browser = new Browser('application/json');
    const choice = formOf(await browser.get(samlDoor.serviceProvider.loginUrl));
    const { action, fields } = formOf(await browser.post(choice.action, { ...choice.fields, person: id }));
    return { browser, post: () => browser.post(action, fields, /\/me$/) };
  };
  /** The address at which the OpenID provider sends the browser back. */
  const oidcAnswer = async (id: string) => {
    const browser = new Browser('application/json');
    const choice = formOf(await browser.get(oidcDoor.relyingParty.loginUrl));
    const back = await browser.post(choice.action, { ...choice.fields, person: id }, /\/callback\?/);
    const url = new URL(back.headers.get('location') ?? '', back.url).toString();
    return { browser, post: () => browser.get(url, /\/me$/) };
  };
  const cookieOf = (browser: Browser) => browser.cookies(server.url).get('drawbridge');

  async function hire(id: string): Promise<BusyPerson> {
    const email = `${id}@busy.test`;
    const record = (
      await scim
        .scim('post', '/Users', {
          schemas: [USER],
          userName: email,
          active: true,
          emails: [{ value: email, primary: true }],
        })
        .expect(201)
    ).body;
    records.set(email, record.id);
    const { body: made } = await server.api('get', `/organizations/busy/people/${email}`).expect(200);
    const userId: string = made.id;
    const { body: membership } = await api('post', '/memberships')
      .send({ user: email, scope: 'organization', role: 'developer', reason: 'x' })
      .expect(201);
    await givePassword(server, where, userId);
    const first = await samlAnswer(id);
    assert.equal((await first.post()).status, 303);
    const session = cookieOf(first.browser) ?? '';
    const issued = await tokensOf(app, first.browser, { scope: 'openid email' });
    const acting = signedIn(server, session);
    const held = { keys: [] as string[], tokens: [issued.access_token], cookies: [session] };
    let token = issued.refresh_token ?? '';

    const keep =
      (list: string[], of: (body: Record<string, string>) => string | undefined) => async (asked: supertest.Test) => {
        const { status, body } = await asked;
        const got = of(body);
        if (got !== undefined) list.push(got);
        return status;
      };
    const makeKey = () =>
      keep(
        held.keys,
        ({ key }) => key,
      )(
        acting('post', '/organizations/busy/api-keys').send({
          name: randomUUID(),
          kind: 'personal',
          scopes: ['tools.read'],
        }),
      );
    const makeToken = () =>
      keep(
        held.tokens,
        ({ access_token }) => access_token,
      )(acting('post', '/organizations/busy/access-tokens').send({ client: 'app' }));
    assert.deepEqual([await makeKey(), await makeToken()], [201, 201]);
    const { body: owned } = await acting('get', '/organizations/busy/api-keys').expect(200);
    await api('post', '/invitations')
      .send({ email, roles: [{ scope: 'organization', role: 'viewer' }] })
      .expect(201);

    const [again, other] = await Promise.all([samlAnswer(id), oidcAnswer(id)]);
    const enter =
      ({ browser, post }: Awaited<ReturnType<typeof samlAnswer>>) =>
      async () => {
        const { status } = await post();
        const got = cookieOf(browser);
        if (got !== undefined) held.cookies.push(got);
        return status;
      };
    const keepToken = (got: string | undefined, status: number) => {
      if (got !== undefined) held.tokens.push(got);
      return status;
    };
    const deeds: BusyPerson['deeds'] = {
      'makes a key': makeKey,
      'makes another key': makeKey,
      'rotates a key': () =>
        keep(
          held.keys,
          ({ key }) => key,
        )(acting('post', `/organizations/busy/api-keys/${owned.apiKeys[0].id}/rotate`).send({ overlapHours: 24 })),
      'asks for a token': makeToken,
      'asks for another token': makeToken,
      'signs in by SAML': enter(again),
      'signs in by OpenID Connect': enter(other),
      'signs in by password': async () => {
        const answer = await visitor(server).signIn(email, undefined, { organization: 'busy' });
        const cookie = /drawbridge=([^;]+)/.exec(String(answer.headers['set-cookie']))?.[1];
        if (answer.status === 200 && cookie !== undefined) held.cookies.push(cookie);
        return answer.status;
      },
      'has a token refreshed': async () => {
        const { status, access } = await refresh(token);
        token = '';
        return keepToken(access, status);
      },
      'enters an app': async () => {
        const more = await tokensOf(app, first.browser).catch(() => undefined);
        return keepToken(more?.access_token, more === undefined ? 400 : 200);
      },
      'accepts an invitation': async () => {
        const asked = server.http.post('/sign-in/invitation').set('Cookie', `drawbridge=${session}`);
        return (await asked.set('Origin', server.url).set('Accept', 'application/json')).status;
      },
      'is activated again by a SCIM PATCH': async () =>
        (await scim.scim('patch', `/Users/${record.id}`, patchOf({ op: 'replace', value: { active: true } }))).status,
      'is replaced as active by a SCIM PUT': async () =>
        (
          await scim.scim('put', `/Users/${record.id}`, {
            schemas: [USER],
            userName: email,
            active: true,
            displayName: 'again',
            emails: [{ value: email }],
          })
        ).status,
      'is given a higher role': async () =>
        (await server.api('patch', `/organizations/busy/memberships/${membership.id}`).send({ role: 'admin' })).status,
      'is invited to a role': async () =>
        (await api('post', '/invitations').send({ email, roles: [{ scope: 'organization', role: 'operator' }] }))
          .status,
      'has a token kept': async () =>
        (
          await api('post', '/oauth-tokens').send({
            provider: 'calendar',
            user: userId,
            kind: 'access_token',
            token: randomUUID(),
          })
        ).status,
      'has a rule edited': editRule,
    };
    return { userId, email, deeds, ...held };
  }
  const signIn: BusyCompany['signIn'] = async (door, id) =>
    (await (door === 'saml' ? samlAnswer : oidcAnswer)(id)).post();
  return { where, scim, app, refresh, editRule, signIn, hire, recordOf: (email) => records.get(email) ?? '' };
}
