import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { describe, it } from 'node:test';
import { sql } from 'kysely';
import supertest from 'supertest';
import { createApp } from '../../../src/app.ts';
import { Browser, formOf } from '../../../src/demo/browser.ts';
import type { DemoPerson } from '../../../src/demo/idp/people.ts';
import { startSamlIdp } from '../../../src/demo/idp/saml-idp.ts';
import { openLog } from '../../../src/log.ts';
import { judge, type LocalFacts } from '../../../src/sign-in/local/judge.ts';
import { openTestDatabase } from '../../harness/database.ts';
import { startTestServer } from '../../harness/server.ts';
import { signedIn } from '../../harness/signed-in.ts';
import { type Arranged, connection, holdings, lastEvent, organization, person, within } from '../arrange.ts';
import { codeNow, enrolApp, givePassword, PASSWORD, prove, visitor, whoIs } from './arrange.ts';

const database = await openTestDatabase({ http: { trustProxy: true } });
const server = await startTestServer(database);
let count = 0;

interface Company extends Arranged {
  readonly owner: string;
  readonly ownerId: string;
  api(method: 'get' | 'put' | 'patch' | 'delete', path: string): supertest.Test;
  enforce(on?: boolean): supertest.Test;
  /** Signs in through the identity provider. */
  throughIdp(): Promise<number>;
}

/** An organization with a SAML connection and an owner who has a password. */
async function company(): Promise<Company> {
  count += 1;
  const slug = `acme-${count}`;
  const owner = `olga@${slug}.test`;
  const people: readonly DemoPerson[] = [{ id: 'olga', email: owner, name: 'Olga', groups: [] }];
  const idp = await startSamlIdp({ people });
  database.onEnd(() => idp.close());
  const made = await organization(server, slug);
  const okta = await connection(server, made, 'okta', { kind: 'saml', metadata: idp.metadata });
  idp.trust((await server.http.get(`/saml/${okta.id}/metadata`)).text);
  const ownerId = await person(server, made, owner, 'owner');
  await givePassword(server, made, ownerId);
  const api: Company['api'] = (method, path) => server.api(method, `/organizations/${slug}${path}`);
  return {
    ...made,
    owner,
    ownerId,
    api,
    enforce: (on = true) => api('patch', '').send({ enforceSso: on }),
    throughIdp: async () => {
      const browser = new Browser();
      const choice = formOf(await browser.get(okta.serviceProvider.loginUrl));
      const answer = formOf(await browser.post(choice.action, { ...choice.fields, person: 'olga' }));
      return (await browser.post(answer.action, answer.fields, /\/me$/)).status;
    },
  };
}

/** The same, with SSO enforced and the owner named for emergencies. */
async function enforced() {
  const made = await company();
  const one = visitor(server);
  await one.signIn(made.owner).expect(200);
  const app = await enrolApp(one);
  await made.throughIdp();
  await made.api('put', `/break-glass/${made.owner}`).expect(204);
  await made.enforce().expect(200);
  return { ...made, app, one };
}

describe('when SSO may be enforced', () => {
  it('given nothing is tested, nobody named, or the one named lacks a factor, then it is refused with the remedy', async () => {
    const acme = await company();
    const untested = await acme.enforce().expect(409);
    assert.match(untested.body.detail, /tested/);
    assert.equal((await acme.api('get', '/connections/okta')).body.tested, false);

    assert.equal(await acme.throughIdp(), 303);
    assert.equal((await acme.api('get', '/connections/okta')).body.tested, true);
    assert.equal((await lastEvent(server, acme, 'connection.tested'))?.outcome, 'success');
    const nobody = await acme.enforce().expect(409);
    assert.match(nobody.body.remedy, /break-glass/);

    await acme.api('put', `/break-glass/${acme.owner}`).expect(204);
    await acme.enforce().expect(409);
    const [lacking] = (await acme.api('get', '/break-glass')).body.people;
    assert.deepEqual(lacking, { id: acme.ownerId, email: acme.owner, password: true, secondFactor: false });
    const one = visitor(server);
    await one.signIn(acme.owner).expect(200);
    await one.send('post', '/me/security/totp').send({ name: 'begun, not confirmed' }).expect(201);
    await acme.enforce().expect(409);
    await enrolApp(one);
    await acme.enforce().expect(200);
    assert.equal((await acme.api('get', '')).body.enforceSso, true);
  });

  it('given a tested connection, when its trust is edited, then it is to be tested again; a new name or another role is no such edit', async () => {
    const acme = await company();
    await acme.throughIdp();
    const { config } = (await acme.api('get', '/connections/okta')).body;
    const { entityId, ssoUrl, logoutUrl, certificates } = config;
    const put = (input: Record<string, unknown>) =>
      acme.api('put', '/connections/okta').send({ kind: 'saml', entityId, ssoUrl, logoutUrl, certificates, ...input });
    assert.equal((await put({ name: 'Okta of Acme', enabled: false }).expect(200)).body.tested, true);
    const edited = await put({ ssoUrl: 'https://elsewhere.test/sso' }).expect(200);
    assert.equal(edited.body.tested, false);
    await acme.enforce().expect(409);
    assert.equal((await put({}).expect(200)).body.tested, true, 'as it was tested');
  });

  it('given only a connection that is turned off was tested, then enforcing is refused', async () => {
    const acme = await enforced();
    await acme.enforce(false).expect(200);
    await within(server.deps, acme, sql`UPDATE connections SET enabled = false`);
    await acme.enforce().expect(409);
  });

  it('given a new organization, when it is made with SSO enforced, then it is refused', async () => {
    await server.api('post', '/organizations').send({ slug: 'eager', model: 'fastn', enforceSso: true }).expect(409);
    await server.api('get', '/organizations/eager').expect(404);
  });

  it('given enforced SSO, when the last who could break the glass gives it up, then that is refused', async () => {
    const acme = await enforced();
    await acme.api('delete', `/break-glass/${acme.owner}`).expect(409);
    await acme.api('delete', `/people/${acme.ownerId}/second-factors`).expect(409);
    await acme.one.send('post', `/me/security/factors/${acme.app.id}/remove`).expect(409);
    assert.equal((await acme.one.send('get', '/me/security')).body.factors.length, 1);
    await acme.enforce(false).expect(200);
    await acme.api('delete', `/people/${acme.ownerId}/second-factors`).expect(204);
    await acme.api('delete', `/break-glass/${acme.owner}`).expect(204);
    assert.deepEqual((await acme.api('get', '/break-glass')).body, { people: [] });
  });

  it('given somebody who could mend nothing, when they are named, then it is refused', async () => {
    const acme = await company();
    await person(server, acme, `vera@${acme.slug}.test`, 'viewer');
    await acme.api('put', `/break-glass/vera@${acme.slug}.test`).expect(409);
  });
});

describe('who gets in by password', () => {
  it('given every combination of facts, then only those who may get in or to their second factor', () => {
    const yesNo = [true, false];
    for (const ssoEnforced of yesNo)
      for (const breakGlass of yesNo)
        for (const hasSecondFactor of yesNo)
          for (const passwordRight of yesNo)
            for (const status of ['active', 'suspended', 'deprovisioned', null] as const) {
              const person = status === null ? null : { userId: 'u', status };
              const facts: LocalFacts = { ssoEnforced, breakGlass, hasSecondFactor, passwordRight, person };
              const { kind } = judge(facts);
              const known = status === 'active' && passwordRight;
              const wanted = !known
                ? 'refuse'
                : ssoEnforced
                  ? breakGlass && hasSecondFactor
                    ? 'second-factor'
                    : 'refuse'
                  : hasSecondFactor
                    ? 'second-factor'
                    : 'in';
              assert.equal(kind, wanted, JSON.stringify(facts));
            }
  });

  it('given enforced SSO, when people of the domain try a password, then all are told the same, and sent to the identity provider', async () => {
    const acme = await enforced();
    const email = `mia@${acme.slug}.test`;
    await givePassword(server, acme, await person(server, acme, email));
    const before = await holdings(server, acme);
    const answers = new Set<string>();
    for (const [who, password] of [
      [email, PASSWORD],
      [email, 'not the password at all'],
      [`nobody@${acme.slug}.test`, PASSWORD],
      [acme.owner, 'not the password at all'],
    ] as const) {
      const answer = await visitor(server).signIn(who, password).expect(403);
      const { requestId: _, signInUrl, ...told } = answer.body;
      assert.equal(signInUrl, `${server.url}/sign-in?email=${encodeURIComponent(who)}`);
      answers.add(JSON.stringify(told));
    }
    assert.equal(answers.size, 1);
    assert.match([...answers][0] ?? '', /"sso":"required"/);
    await visitor(server).signIn(email).expect(403);
    assert.equal((await lastEvent(server, acme, 'sign_in.refused'))?.reason, 'sso enforced');
    await visitor(server).signIn(email, PASSWORD, { organization: acme.slug }).expect(403);
    assert.deepEqual(await holdings(server, acme), before);
    assert.equal(await acme.throughIdp(), 303);
  });

  it('given enforced SSO, when somebody of an unverified domain signs in by password, then they are let in', async () => {
    const acme = await enforced();
    await givePassword(server, acme, await person(server, acme, 'con@tractors.test'));
    const one = visitor(server);
    await one.signIn('con@tractors.test', PASSWORD, { organization: acme.slug }).expect(200);
    assert.equal(await whoIs(one), 'con@tractors.test');
  });

  it('given enforced SSO, when the break-glass owner proves both, then they are in for an hour at most, audited and alarmed', async () => {
    const acme = await enforced();
    const lines: string[] = [];
    const log = openLog('error', new Writable({ write: (line, _, done) => done(void lines.push(String(line))) }));
    const agent = supertest.agent(createApp({ ...server.deps, log }));
    const send = (path: string, body: object) =>
      agent.post(path).set('Origin', server.url).set('Accept', 'application/json').send(body);
    await send('/sign-in/password', { email: acme.owner, password: PASSWORD }).expect(200);
    assert.equal(await lastEvent(server, acme, 'sign_in.break_glass'), undefined);
    const done = await send('/sign-in/second-factor', { code: codeNow(acme.app) }).expect(200);
    assert.ok(Date.parse(done.body.expiresAt) <= Date.now() + 61 * 60_000);
    const event = await lastEvent(server, acme, 'sign_in.break_glass');
    assert.equal(event?.detail['by'], 'password+totp');
    const alarm = JSON.parse(lines.join(''));
    assert.deepEqual([alarm.alarm, alarm.level, alarm.userId], ['break-glass', 50, acme.ownerId]);
  });

  it('given SSO is enforced between password and code, when the code is right, then nobody is in', async () => {
    const acme = await enforced();
    const email = `zoe@${acme.slug}.test`;
    await acme.enforce(false).expect(200);
    await givePassword(server, acme, await person(server, acme, email));
    const one = visitor(server);
    await one.signIn(email).expect(200);
    const app = await enrolApp(one);
    const fresh = visitor(server);
    await fresh.signIn(email).expect(200);
    await acme.enforce().expect(200);
    await prove(fresh, { code: codeNow(app) }).expect(403);
    assert.equal(await whoIs(fresh), undefined);
  });
});

describe('power over accounts', () => {
  it('given an administrator, when they ask for the link or factors of somebody above, then it is refused and audited', async () => {
    const acme = await company();
    const admin = `adam@${acme.slug}.test`;
    await givePassword(server, acme, await person(server, acme, admin, 'admin'));
    const below = `vera@${acme.slug}.test`;
    await person(server, acme, below, 'viewer');
    const answer = await visitor(server).signIn(admin).expect(200);
    const token = /drawbridge=([\w-]+)/.exec(String(answer.headers['set-cookie']))?.[1] ?? '';
    const as = signedIn(server, token);
    const path = `/organizations/${acme.slug}/people`;
    await as('post', `${path}/${acme.owner}/password-links`).send({}).expect(403);
    assert.equal((await lastEvent(server, acme, 'password.link_made'))?.outcome, 'denied');
    await as('delete', `${path}/${acme.owner}/second-factors`).expect(403);
    await as('post', `${path}/${below}/password-links`).send({}).expect(201);
  });
});

describe('the sign-in policy', () => {
  const ask = (email: string, address = '192.0.2.1') =>
    server.http.get('/api/v1/sign-in-policy').query({ email }).set('X-Forwarded-For', address);

  it('given no credential, then it tells how an address signs in, and never whether it exists', async () => {
    const acme = await enforced();
    const required = await ask(acme.owner).expect(200);
    assert.deepEqual(required.body, {
      sso: 'required',
      signInUrl: `${server.url}/sign-in?email=${encodeURIComponent(acme.owner)}`,
    });
    const unknown = await ask(`nobody@${acme.slug}.test`).expect(200);
    assert.equal(unknown.body.sso, 'required');
    await acme.enforce(false).expect(200);
    assert.equal((await ask(acme.owner)).body.sso, 'available');
    await organization(server, 'plain');
    const none = await ask('a@plain.test').expect(200);
    assert.deepEqual(none.body, { sso: 'none', signInUrl: `${server.url}/sign-in/password?email=a%40plain.test` });
    assert.equal((await ask('a@nowhere.test')).body.sso, 'none');
    assert.equal((await ask('nonsense')).body.sso, 'none');
    await server.http.get('/api/v1/sign-in-policy').expect(400);
  });

  it('given one address that asks too often, then it must wait, on every instance', async () => {
    const second = await startTestServer(database);
    const statuses = [];
    for (let at = 0; at < 310; at += 1) {
      const answer = await (at % 2 ? server : second).http
        .get('/api/v1/sign-in-policy?email=a@plain.test')
        .set('X-Forwarded-For', '192.0.2.77');
      statuses.push(answer.status);
      if (answer.status === 429) assert.ok(Number(answer.headers['retry-after']) >= 1);
    }
    assert.equal(statuses.filter((status) => status === 200).length, 300);
    await ask('a@plain.test').expect(200);
  });
});
