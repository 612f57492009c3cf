import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sql } from 'kysely';
import { startSession } from '../../src/credentials/session.ts';
import { Browser, formOf } from '../../src/demo/browser.ts';
import { startSamlIdp } from '../../src/demo/idp/saml-idp.ts';
import { sendDueMails } from '../../src/mail/send-due.ts';
import { inTenant } from '../../src/store/tenant.ts';
import { startMailServer } from '../doubles/mail-server.ts';
import { openTestDatabase, TEST_ORIGIN } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';
import { signedIn } from '../harness/signed-in.ts';
import { type Arranged, connection, lastEvent, membershipsOf, organization, person, within } from './arrange.ts';
import { PASSWORD, visitor, whoIs } from './local/arrange.ts';

const mailServer = await startMailServer();
const database = await openTestDatabase({ mail: mailServer.settings, http: { trustProxy: true } });
const server = await startTestServer(database);
database.onEnd(() => mailServer.close());
const withoutMail = await startTestServer({ ...database, settings: withoutMailServer() });

function withoutMailServer() {
  const { mail: _, ...settings } = database.settings;
  return settings;
}

let count = 0;

/** An organization in which newcomers are not let in by themselves, with an owner, an admin and somebody who may do nothing of this. */
async function company(model = 'ai-security-gateway') {
  count += 1;
  const slug = `acme-${count}`;
  const made = await organization(server, slug, { model, defaultRole: null, justInTime: false });
  const ids = new Map<string, string>();
  for (const role of ['owner', 'admin', 'viewer'])
    ids.set(role, await person(server, made, `${role}@${slug}.test`, role));
  const session = async (name: string, on = server) => {
    const userId = ids.get(name) ?? '';
    const { token } = await inTenant(database.store.db, made.id, TEST_ORIGIN, (tx) =>
      startSession(tx, { userId, connectionId: null, authenticatedBy: 'password' }),
    );
    const call = signedIn(on, token);
    return Object.assign(
      (method: 'get' | 'post' | 'delete', path: string) => call(method, `/organizations/${slug}${path}`),
      { token },
    );
  };
  const api = (method: 'get' | 'post' | 'put' | 'delete', path: string) =>
    server.api(method, `/organizations/${slug}${path}`);
  return { ...made, api, as: session, domain: `${slug}.test`, idOf: (name: string) => ids.get(name) ?? '' };
}
type Company = Awaited<ReturnType<typeof company>>;

const asking = (email: string, role = 'member', more: object = {}) => ({
  email,
  roles: [{ scope: 'organization', role }],
  ...more,
});

/** The path in the latest mail to an address. */
async function linkTo(acme: Arranged, email: string): Promise<string> {
  await sendDueMails(server.deps, acme.id);
  const text = mailServer.received.findLast(({ to }) => to.includes(email))?.text ?? '';
  const url = /https?:\S+/.exec(text)?.[0];
  assert.ok(url, `a link in "${text}"`);
  return new URL(url).pathname;
}

async function shown(acme: Company, id: string) {
  return (await acme.api('get', `/invitations/${id}`).expect(200)).body;
}

describe('inviting', () => {
  it('given an administrator, when they invite, then a mail with a link arrives, and the newcomer who sets a password has the role', async () => {
    const acme = await company();
    const email = `nia@${acme.domain}`;
    const admin = await acme.as('admin');
    const made = await admin('post', '/invitations')
      .send(asking(email, 'member', { name: 'Nia', reason: 'new hire' }))
      .expect(201);
    assert.equal(made.body.delivery, 'mail');
    assert.equal(made.body.url, undefined);
    const link = await linkTo(acme, email);
    const nia = visitor(server);
    const told = await nia.send('get', link).expect(200);
    assert.partialDeepStrictEqual(told.body, {
      email,
      next: 'password',
      invitedBy: `admin@${acme.domain}`,
      roles: [{ role: 'member' }],
    });
    await nia.send('post', link).send({ password: 'short' }).expect(400);
    await nia.send('post', link).send({ password: PASSWORD, name: 'Nia Nolan' }).expect(201);
    await nia.signIn(email, PASSWORD).expect(200);
    assert.equal(await whoIs(nia), email);
    assert.deepEqual(await membershipsOf(server, acme, email), [
      { email, role: 'member', source: 'invitation', scope: 'organization' },
    ]);
    const { body } = await acme.api('get', `/people/${email}`).expect(200);
    assert.partialDeepStrictEqual(body.memberships, [{ grantedBy: `admin@${acme.domain}`, reason: 'new hire' }]);
    const after = await shown(acme, made.body.id);
    assert.deepEqual([after.state, after.mail.state], ['accepted', 'sent']);
    assert.equal((await lastEvent(server, acme, 'invitation.accepted'))?.outcome, 'success');
  });

  it('given a browser, then the pages lead from the link to the sign-in', async () => {
    const acme = await company();
    const email = `pia@${acme.domain}`;
    await acme.api('post', '/invitations').send(asking(email)).expect(201);
    const link = await linkTo(acme, email);
    const pia = visitor(server);
    const page = await pia.page('get', link).expect(200);
    assert.match(page.text, /You are invited to/);
    assert.match(page.text, /autocomplete="new-password"/);
    const weak = await pia.page('post', link).type('form').send({ password: 'aaaaaaaaaaaaaa' }).expect(400);
    assert.match(weak.text, /role="alert"/);
    const accepted = await pia.page('post', link).type('form').send({ password: PASSWORD }).expect(303);
    assert.match(accepted.headers['location'] ?? '', /^\/sign-in\/password\?email=/);
  });

  it('given a link, then it works once, not after a newer one, not when expired, and a guess finds nothing', async () => {
    const acme = await company();
    const email = `ora@${acme.domain}`;
    const { body } = await acme.api('post', '/invitations').send(asking(email)).expect(201);
    const first = await linkTo(acme, email);
    await acme.api('post', `/invitations/${body.id}/resend`).send({ expiresInDays: 3 }).expect(200);
    const second = await linkTo(acme, email);
    assert.notEqual(first, second);
    const ora = visitor(server);
    await ora.send('get', first).expect(404);
    await within(server.deps, acme, sql`UPDATE invitations SET expires_at = now() - interval '1 second'`);
    await ora.send('post', second).send({ password: PASSWORD }).expect(404);
    assert.equal((await shown(acme, body.id)).state, 'expired');
    await acme.api('post', `/invitations/${body.id}/resend`).send({}).expect(200);
    const third = await linkTo(acme, email);
    const answers = await Promise.all(
      Array.from({ length: 4 }, () => visitor(server).send('post', third).send({ password: PASSWORD })),
    );
    const statuses = answers.map(({ status }) => status);
    assert.equal(statuses.filter((status) => status === 201).length, 1, statuses.join());
    assert.ok(
      statuses.every((status) => [201, 404, 409].includes(status)),
      statuses.join(),
    );
    await ora.send('get', `${third.slice(0, -3)}abc`).expect(404);
    const rows = await within<{ all: string }>(
      server.deps,
      acme,
      sql`SELECT to_jsonb(i)::text AS all FROM invitations i`,
    );
    assert.doesNotMatch(JSON.stringify(rows), new RegExp(third.split('/').at(-1)!));
  });

  it('given no mail server, then the answer has the link to hand over', async () => {
    const acme = await company();
    const admin = await acme.as('admin', withoutMail);
    const { body } = await admin('post', '/invitations')
      .send(asking(`una@${acme.domain}`))
      .expect(201);
    assert.equal(body.delivery, 'link');
    const una = visitor(withoutMail);
    await una.send('post', new URL(body.url).pathname).send({ password: PASSWORD }).expect(201);
    assert.equal((await shown(acme, body.id)).mail, null);
  });

  it('given a mail that is refused, then the invitation says so', async () => {
    const acme = await company();
    mailServer.refuseWith(550);
    const { body } = await acme
      .api('post', '/invitations')
      .send(asking(`gone@${acme.domain}`))
      .expect(201);
    await sendDueMails(server.deps, acme.id);
    mailServer.refuseWith(undefined);
    const { mail } = await shown(acme, body.id);
    assert.equal(mail.state, 'failed');
    assert.match(mail.lastError, /550/);
  });

  it('given workspaces and products, then one invitation gives a role in each, and a product not without its workspace', async () => {
    const acme = await company('atomyx');
    await acme.api('put', '/workspaces/main').send({}).expect(200);
    await acme.api('put', '/workspaces/main/products/insights').send({}).expect(200);
    const product = { scope: { product: 'main/insights' }, role: 'editor' };
    const email = `wes@${acme.domain}`;
    await acme
      .api('post', '/invitations')
      .send({ email, roles: [product] })
      .expect(409);
    const workspace = { scope: { workspace: 'main' }, role: 'member' };
    await acme
      .api('post', '/invitations')
      .send({ email, roles: [workspace, workspace] })
      .expect(400);
    await acme
      .api('post', '/invitations')
      .send({ email, roles: [product, workspace] })
      .expect(201);
    const { body } = await acme.api('delete', '/workspaces/main').expect(409);
    assert.match(body.detail, /1 invitation/);
    await visitor(server)
      .send('post', await linkTo(acme, email))
      .send({ password: PASSWORD })
      .expect(201);
    const held = (await membershipsOf(server, acme, email)).map(({ scope, role }) => `${scope}:${role}`);
    assert.deepEqual(held.sort(), ['product:editor', 'workspace:member']);
  });
});

describe('who may invite whom', () => {
  it('TEN-5 given an admin, then they invite below admin; the owner invites admins; the owner is never invited', async () => {
    const acme = await company();
    const [admin, owner, viewer] = [await acme.as('admin'), await acme.as('owner'), await acme.as('viewer')];
    await admin('post', '/invitations')
      .send(asking(`a@${acme.domain}`, 'member'))
      .expect(201);
    await admin('post', '/invitations')
      .send(asking(`b@${acme.domain}`, 'admin'))
      .expect(403);
    assert.equal((await lastEvent(server, acme, 'invitation.refused'))?.outcome, 'denied');
    await owner('post', '/invitations')
      .send(asking(`b@${acme.domain}`, 'admin'))
      .expect(201);
    await owner('post', '/invitations')
      .send(asking(`c@${acme.domain}`, 'owner'))
      .expect(400);
    await acme
      .api('post', '/invitations')
      .send(asking(`c@${acme.domain}`, 'owner'))
      .expect(400);
    await viewer('post', '/invitations')
      .send(asking(`d@${acme.domain}`, 'viewer'))
      .expect(403);
    const nowhere = { email: `d@${acme.domain}`, roles: [{ scope: { workspace: 'secret' }, role: 'viewer' }] };
    await viewer('post', '/invitations').send(nowhere).expect(403);
  });

  it('TEN-5 given an invitation that the owner made for an admin, then no admin takes it over or withdraws it', async () => {
    const acme = await company();
    const [admin, owner] = [await acme.as('admin', withoutMail), await acme.as('owner')];
    const { body } = await owner('post', '/invitations')
      .send(asking(`b@${acme.domain}`, 'admin'))
      .expect(201);
    await admin('post', `/invitations/${body.id}/resend`).send({}).expect(403);
    await admin('delete', `/invitations/${body.id}`).expect(403);
    await owner('delete', `/invitations/${body.id}?reason=mistake`).expect(204);
    assert.equal((await shown(acme, body.id)).revokedReason, 'mistake');
    await owner('delete', `/invitations/${body.id}`).expect(409);
  });

  it('given a developer who may invite but not administer people, then they see their own invitations only', async () => {
    const acme = await company('fastn');
    const developer = await person(server, acme, `dev@${acme.domain}`, 'developer');
    const { token } = await inTenant(database.store.db, acme.id, TEST_ORIGIN, (tx) =>
      startSession(tx, { userId: developer, connectionId: null, authenticatedBy: 'password' }),
    );
    const dev = signedIn(server, token);
    const base = `/organizations/${acme.slug}/invitations`;
    const others = await acme
      .api('post', '/invitations')
      .send(asking(`x@${acme.domain}`, 'viewer'))
      .expect(201);
    const own = await dev('post', base)
      .send(asking(`y@${acme.domain}`, 'viewer'))
      .expect(201);
    await dev('post', base)
      .send(asking(`z@${acme.domain}`, 'admin'))
      .expect(403);
    const { body } = await dev('get', base).expect(200);
    assert.deepEqual(
      body.invitations.map(({ id }: { id: string }) => id),
      [own.body.id],
    );
    await dev('get', `${base}/${others.body.id}`).expect(404);
    await dev('delete', `${base}/${others.body.id}`).expect(404);
    await dev('delete', `${base}/${own.body.id}`).expect(204);
  });

  it('given the inviter has lost their rank, when it is accepted, then nothing is given', async () => {
    const acme = await company();
    const admin = await acme.as('admin');
    const email = `lea@${acme.domain}`;
    await admin('post', '/invitations').send(asking(email)).expect(201);
    await within(server.deps, acme, sql`UPDATE memberships SET role = 'viewer' WHERE user_id = ${acme.idOf('admin')}`);
    const answer = await visitor(server)
      .send('post', await linkTo(acme, email))
      .send({ password: PASSWORD })
      .expect(409);
    assert.match(answer.body.detail, /no longer holds/);
    assert.deepEqual(await membershipsOf(server, acme, email), []);
    await acme.api('get', `/people/${email}`).expect(404);
  });

  it('TEN-1 given another organization, then an invitation is not there', async () => {
    const [acme, other] = [await company(), await company()];
    const { body } = await acme
      .api('post', '/invitations')
      .send(asking(`a@${acme.domain}`))
      .expect(201);
    await other.api('get', `/invitations/${body.id}`).expect(404);
    await other.api('post', `/invitations/${body.id}/resend`).send({}).expect(404);
    await other.api('delete', `/invitations/${body.id}`).expect(404);
    assert.deepEqual((await other.api('get', '/invitations')).body.invitations, []);
  });
});

describe('an invitation and accounts', () => {
  it('given an account with the address, then the link sets no password; its owner accepts while signed in', async () => {
    const acme = await company();
    const email = `viewer@${acme.domain}`;
    await within(server.deps, acme, sql`DELETE FROM memberships WHERE user_id = ${acme.idOf('viewer')}`);
    const admin = await acme.as('admin');
    const { body } = await admin('post', '/invitations').send(asking(email, 'member')).expect(201);
    const link = await linkTo(acme, email);
    const told = await visitor(server).send('get', link).expect(200);
    assert.equal(told.body.next, 'sign-in');
    await visitor(server).send('post', link).send({ password: PASSWORD }).expect(409);
    const own = (token: string) => `drawbridge=${token}`;
    const [viewer, stranger] = [await acme.as('viewer'), await acme.as('owner')];
    const accept = (token: string, origin = server.url) =>
      server.http
        .post('/sign-in/invitation')
        .set('Accept', 'application/json')
        .set('Cookie', own(token))
        .set('Origin', origin)
        .send({});
    await accept(stranger.token).expect(404);
    await accept(viewer.token, 'https://evil.example').expect(403);
    const waiting = await server.http
      .get('/sign-in/invitation')
      .set('Accept', 'application/json')
      .set('Cookie', own(viewer.token));
    assert.equal(waiting.body.invitation.email, email);
    await accept(viewer.token).expect(204);
    assert.deepEqual(
      (await membershipsOf(server, acme, email)).map(({ role, source }) => [role, source]),
      [['member', 'invitation']],
    );
    assert.equal((await shown(acme, body.id)).userId, acme.idOf('viewer'));
    await visitor(server).send('get', '/sign-in/invitation').expect(401);
  });

  it('given somebody who has left or is suspended, or an open invitation, then inviting is refused', async () => {
    const acme = await company();
    await person(server, acme, `gone@${acme.domain}`, 'member', 'deprovisioned');
    await person(server, acme, `off@${acme.domain}`, 'member', 'suspended');
    const left = await acme
      .api('post', '/invitations')
      .send(asking(`gone@${acme.domain}`))
      .expect(409);
    assert.match(left.body.detail, /has left/);
    await acme
      .api('post', '/invitations')
      .send(asking(`off@${acme.domain}`))
      .expect(409);
    await acme
      .api('post', '/invitations')
      .send(asking(`new@${acme.domain}`))
      .expect(201);
    await acme
      .api('post', '/invitations')
      .send(asking(`NEW@${acme.domain}`))
      .expect(409);
    await acme.api('post', '/invitations').send(asking('not an address')).expect(400);
    await within(server.deps, acme, sql`UPDATE invitations SET expires_at = now()`);
    await acme
      .api('post', '/invitations')
      .send(asking(`new@${acme.domain}`))
      .expect(201);
  });

  it('given the inviter or the invited is let go, then the invitation is over in the same instant, its mail taken back', async () => {
    const acme = await company();
    const [admin, owner] = [await acme.as('admin'), await acme.as('owner')];
    const byAdmin = await admin('post', '/invitations')
      .send(asking(`one@${acme.domain}`))
      .expect(201);
    const forViewer = await owner('post', '/invitations')
      .send(asking(`viewer@${acme.domain}`, 'member'))
      .expect(201);
    const link = await linkTo(acme, `one@${acme.domain}`);
    const late = await admin('post', '/invitations')
      .send(asking(`two@${acme.domain}`))
      .expect(201);
    const opened = await acme.api('post', `/people/admin@${acme.domain}/offboard`).send({ reason: 'left' }).expect(201);
    assert.equal(opened.body.ended.invitations, 2);
    await visitor(server).send('post', link).send({ password: PASSWORD }).expect(404);
    for (const { body } of [byAdmin, late]) assert.equal((await shown(acme, body.id)).state, 'revoked');
    assert.equal((await shown(acme, late.body.id)).mail.state, 'cancelled');
    assert.equal((await shown(acme, forViewer.body.id)).state, 'open');
    await acme.api('post', `/people/viewer@${acme.domain}/offboard`).send({ reason: 'left' }).expect(201);
    assert.equal((await shown(acme, forViewer.body.id)).state, 'revoked');
    assert.equal((await lastEvent(server, acme, 'invitation.revoked'))?.reason, 'the person has left');
  });

  it('given SSO is enforced, then no password is set, and the first sign-in there accepts, though newcomers are not let in', async () => {
    const acme = await company();
    const people = ['ina', 'ned'].map((id) => ({ id, email: `${id}@${acme.domain}`, name: id, groups: [] }));
    const idp = await startSamlIdp({ people });
    database.onEnd(() => idp.close());
    const okta = await connection(server, acme, 'okta', { kind: 'saml', metadata: idp.metadata });
    idp.trust((await server.http.get(`/saml/${okta.id}/metadata`)).text);
    await within(server.deps, acme, sql`UPDATE organizations SET enforce_sso = true`);
    const throughIdp = async (who: string) => {
      const browser = new Browser();
      const choice = formOf(await browser.get(okta.serviceProvider.loginUrl));
      const answer = formOf(await browser.post(choice.action, { ...choice.fields, person: who }));
      return browser.post(answer.action, answer.fields, /\/me$/);
    };
    const email = `ina@${acme.domain}`;
    const admin = await acme.as('admin');
    const { body } = await admin('post', '/invitations').send(asking(email, 'viewer')).expect(201);
    const link = await linkTo(acme, email);
    const told = await visitor(server).send('get', link).expect(200);
    assert.equal(told.body.next, 'sign-in');
    assert.doesNotMatch(told.body.signInUrl, new RegExp(link.split('/').at(-1)!));
    await visitor(server).send('post', link).send({ password: PASSWORD }).expect(409);
    assert.equal((await throughIdp('ned')).status, 403);
    assert.equal((await throughIdp('ina')).status, 303);
    assert.deepEqual(
      (await membershipsOf(server, acme, email)).map(({ role, source }) => [role, source]),
      [['viewer', 'invitation']],
    );
    assert.equal((await shown(acme, body.id)).state, 'accepted');
  });
});
