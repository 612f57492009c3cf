import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sql } from 'kysely';
import { hashPassword } from '../../../src/sign-in/local/password-hash.ts';
import { countAttempt, networkOf, takeBackAttempt } from '../../../src/sign-in/local/throttle.ts';
import { openTestDatabase } from '../../harness/database.ts';
import { startTestServer } from '../../harness/server.ts';
import { holdings, lastEvent, organization, person, within } from '../arrange.ts';
import { givePassword, PASSWORD, passwordLink, visitor, whoIs } from './arrange.ts';

const database = await openTestDatabase({ http: { trustProxy: true } });
const server = await startTestServer(database);
const second = await startTestServer(database);
const acme = await organization(server, 'acme');
const ana = await person(server, acme, 'ana@acme.test');
await givePassword(server, acme, ana);

describe('signing in by password', () => {
  it('given the right password, when ana signs in, then she has a session, audited as by password', async () => {
    const one = visitor(server);
    const answer = await one.signIn('Ana@acme.test').expect(200);
    assert.equal(answer.body.next, null);
    assert.equal(await whoIs(one), 'ana@acme.test');
    const event = await lastEvent(server, acme, 'sign_in.succeeded');
    assert.equal(event?.detail['by'], 'password');
  });

  it('WEB-2 given the page, when its form is sent, then the browser is led back, with an HttpOnly Lax cookie', async () => {
    const one = visitor(server);
    const shown = await one
      .page('get', '/sign-in/password?returnTo=%2Fconsole%2Fpeople&email=ana%40acme.test')
      .expect(200);
    assert.match(shown.text, /value="\/console\/people"/);
    const sent = await one
      .page('post', '/sign-in/password')
      .type('form')
      .send({ email: 'ana@acme.test', password: PASSWORD, organization: '', returnTo: '/console/people' });
    assert.equal(sent.status, 303);
    assert.equal(sent.headers['location'], '/console/people');
    const cookie = String(sent.headers['set-cookie']);
    assert.match(cookie, /HttpOnly/);
    assert.match(cookie, /SameSite=Lax/);
  });

  it('WEB-4 given a foreign place to return to, when ana signs in, then she is led home instead', async () => {
    const sent = await visitor(server)
      .page('post', '/sign-in/password')
      .type('form')
      .send({ email: 'ana@acme.test', password: PASSWORD, returnTo: '//evil.test/' });
    assert.equal(sent.headers['location'], '/me');
  });

  it('WEB-1 given a session, when the same browser signs in anew, then the former session is over', async () => {
    const one = visitor(server);
    const first = await one.signIn('ana@acme.test').expect(200);
    const former = String(first.headers['set-cookie']).split(';')[0] ?? '';
    await one.signIn('ana@acme.test').expect(200);
    await server.http.get('/me').set('Cookie', former).set('Accept', 'application/json').expect(401);
    assert.equal(await whoIs(one), 'ana@acme.test');
  });

  it('given a contractor of an unverified domain, when the organization is named, then they are let in; else not', async () => {
    const carla = await person(server, acme, 'carla@contractors.test');
    await givePassword(server, acme, carla);
    const one = visitor(server);
    await one.signIn('carla@contractors.test').expect(403);
    await one.signIn('carla@contractors.test', PASSWORD, { organization: 'acme' }).expect(200);
    assert.equal(await whoIs(one), 'carla@contractors.test');
  });

  it('given another organization where nobody has that address, when ana names it, then she is refused', async () => {
    await organization(server, 'globex');
    await visitor(server).signIn('ana@acme.test', PASSWORD, { organization: 'globex' }).expect(403);
  });

  it('WEB-9 given every kind of refusal, when they are answered, then the answers are the same and nothing came to be', async () => {
    const nora = await person(server, acme, 'nora@acme.test');
    const sam = await person(server, acme, 'sam@acme.test');
    const dora = await person(server, acme, 'dora@acme.test');
    for (const each of [sam, dora]) await givePassword(server, acme, each);
    await within(server.deps, acme, sql`UPDATE users SET status = 'suspended' WHERE id = ${sam}`);
    await within(
      server.deps,
      acme,
      sql`UPDATE users SET status = 'deprovisioned', access_epoch = 2 WHERE id = ${dora}`,
    );
    const before = await holdings(server, acme);
    const cases: [email: string, password: string, audited: string | undefined][] = [
      ['ana@acme.test', 'a wrong password it is', 'wrong password'],
      ['nobody@acme.test', PASSWORD, 'unknown person'],
      ['nora@acme.test', PASSWORD, 'wrong password'],
      ['sam@acme.test', PASSWORD, 'suspended'],
      ['dora@acme.test', PASSWORD, 'wrong password'],
      ['someone@nowhere.test', PASSWORD, undefined],
      ['not an address', PASSWORD, undefined],
    ];
    const answers = new Set<string>();
    for (const [email, password, audited] of cases) {
      const answer = await visitor(server).signIn(email, password);
      assert.equal(answer.status, 403, email);
      assert.equal(answer.headers['set-cookie'], undefined);
      const { requestId: _, ...told } = answer.body;
      answers.add(JSON.stringify(told));
      if (audited === undefined) continue;
      const event = await lastEvent(server, acme, 'sign_in.refused');
      assert.equal(event?.reason, audited);
      assert.equal(event?.outcome, 'denied');
    }
    assert.equal(answers.size, 1);
    assert.deepEqual(await holdings(server, acme), before);
    assert.ok(nora);
  });

  it('WEB-3 given another site, when it sends any of the forms, then nothing happens', async () => {
    const link = await passwordLink(server, acme, ana);
    for (const [path, body] of [
      ['/sign-in/password', { email: 'ana@acme.test', password: PASSWORD }],
      [link, { password: 'another fine password here' }],
    ] as const) {
      for (const headers of [
        { Origin: 'https://evil.test' },
        { 'Sec-Fetch-Site': 'cross-site' },
        { 'X-Nothing': '1' },
      ]) {
        const answer = await server.http
          .post(path)
          .set(headers as Record<string, string>)
          .send(body);
        assert.equal(answer.status, 403, path);
        assert.equal(answer.headers['set-cookie'], undefined);
      }
    }
    await visitor(server).signIn('ana@acme.test').expect(200);
  });
});

describe('a password', () => {
  it('given a link, when 20 use it at once on two instances, then one sets the password', async () => {
    const bob = await person(server, acme, 'bob@acme.test');
    const path = await passwordLink(server, acme, bob);
    const tries = Array.from({ length: 20 }, (_, at) =>
      visitor(at % 2 ? server : second)
        .send('post', path)
        .send({ password: `${PASSWORD} ${at}` }),
    );
    const statuses = (await Promise.all(tries)).map(({ status }) => status);
    assert.equal(statuses.filter((status) => status === 204).length, 1, String(statuses));
    assert.equal(statuses.filter((status) => status === 404).length, 19, String(statuses));
    const winner = statuses.indexOf(204);
    await visitor(server).signIn('bob@acme.test', `${PASSWORD} ${winner}`).expect(200);
  });

  it('given a new link, then the former one is void; an expired one is too', async () => {
    const eve = await person(server, acme, 'eve@acme.test');
    const former = await passwordLink(server, acme, eve);
    const latter = await passwordLink(server, acme, eve);
    await visitor(server).send('post', former).send({ password: PASSWORD }).expect(404);
    await visitor(server).send('get', latter).expect(200, { email: 'eve@acme.test' });
    await within(server.deps, acme, sql`UPDATE password_links SET expires_at = now() WHERE user_id = ${eve}`);
    await visitor(server).send('post', latter).send({ password: PASSWORD }).expect(404);
    await visitor(server).send('get', '/sign-in/set-password/nonsense').expect(404);
  });

  it('given poor passwords, when one is chosen, then the reason is told and the link stays usable', async () => {
    const finn = await person(server, acme, 'finnegan@acme.test');
    const path = await passwordLink(server, acme, finn);
    for (const [password, reason] of [
      ['short', /at least 12/],
      ['x'.repeat(300), /at most 256/],
      ['Password1234', /first that are guessed/],
      ['aaaaaaaaaaaaaaa', /first that are guessed/],
      ['i am finnegan you know', /must not contain/],
    ] as const) {
      const answer = await visitor(server).send('post', path).send({ password });
      assert.equal(answer.status, 400, password);
      assert.match(answer.body.detail, reason);
    }
    const page = await visitor(server).page('post', path).type('form').send({ password: 'short' });
    assert.match(page.text, /at least 12/);
    await visitor(server).send('post', path).send({ password: PASSWORD }).expect(204);
  });

  it('given a session, when the password is set anew, then the session is over', async () => {
    const gil = await person(server, acme, 'gil@acme.test');
    await givePassword(server, acme, gil);
    const one = visitor(server);
    await one.signIn('gil@acme.test').expect(200);
    await givePassword(server, acme, gil, 'a wholly different sentence');
    assert.equal(await whoIs(one), undefined);
    await one.signIn('gil@acme.test').expect(403);
  });

  it('given a hash of another cost, when it lets somebody in, then it is hashed anew', async () => {
    const weak = await hashPassword(PASSWORD, { memory: 8192, passes: 1, parallelism: 1 });
    await within(server.deps, acme, sql`UPDATE passwords SET phc = ${weak} WHERE user_id = ${ana}`);
    await visitor(server).signIn('ana@acme.test').expect(200);
    const [row] = await within<{ phc: string }>(
      server.deps,
      acme,
      sql`SELECT phc FROM passwords WHERE user_id = ${ana}`,
    );
    assert.match(row!.phc, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    await visitor(server).signIn('ana@acme.test').expect(200);
  });

  it('given somebody who left and came back, when they use the password of before, then it is void', async () => {
    const hal = await person(server, acme, 'hal@acme.test');
    await givePassword(server, acme, hal);
    await within(server.deps, acme, sql`UPDATE users SET access_epoch = access_epoch + 2 WHERE id = ${hal}`);
    await visitor(server).signIn('hal@acme.test').expect(403);
  });

  it('given a link, when a key without the right asks for one, then it is refused, and nobody is told of strangers', async () => {
    await server.api('post', '/organizations/acme/people/nobody@acme.test/password-links').send({}).expect(404);
    await server.http.post('/api/v1/organizations/acme/people/ana@acme.test/password-links').send({}).expect(401);
  });
});

describe('guessing', () => {
  it('WEB-10 given one account, when it is guessed at from many addresses and on two instances, then it takes ever longer', async () => {
    const ida = await person(server, acme, 'ida@acme.test');
    await givePassword(server, acme, ida);
    const statuses: number[] = [];
    for (let at = 0; at < 8; at += 1) {
      const answer = await visitor(at % 2 ? server : second).signIn('ida@acme.test', 'not the password');
      statuses.push(answer.status);
      if (answer.status === 429) assert.ok(Number(answer.headers['retry-after']) >= 1);
    }
    assert.deepEqual(statuses, [403, 403, 403, 403, 403, 429, 429, 429]);
    await visitor(server).signIn('ida@acme.test').expect(429);
  });

  it('WEB-10 given one account, when 20 guess at once, then at most the free ones are looked at', async () => {
    const jan = await person(server, acme, 'jan@acme.test');
    await givePassword(server, acme, jan);
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, at) =>
        visitor(at % 2 ? server : second).signIn('jan@acme.test', 'not the password'),
      ),
    );
    assert.equal(answers.filter(({ status }) => status === 403).length, 5);
    assert.equal(answers.filter(({ status }) => status === 429).length, 15);
  });

  it('WEB-10 given one address, when it tries many accounts, then it must wait, whether they exist or not', async () => {
    const address = '198.51.100.7';
    const statuses: number[] = [];
    for (let at = 0; at < 32; at += 1) {
      const answer = await visitor(server, address).signIn(`nobody-${at}@elsewhere.test`);
      statuses.push(answer.status);
    }
    assert.ok(statuses.slice(0, 30).every((status) => status === 403));
    assert.deepEqual(statuses.slice(30), [429, 429]);
    const page = await visitor(server, address)
      .page('post', '/sign-in/password')
      .type('form')
      .send({ email: 'a@b.test', password: 'x' });
    assert.equal(page.status, 429);
    assert.ok(Number(page.headers['retry-after']) >= 1);
  });

  it('given an office behind one address, when forty sign in well, then nobody waits', async () => {
    for (let at = 0; at < 40; at += 1) await visitor(server, '198.51.100.8').signIn('ana@acme.test').expect(200);
  });

  it('given an office where many sign in well in the same moment, then nobody waits', async () => {
    const office = { what: 'address', of: 'office' } as const;
    const { db } = database.store;
    const signInWell = async () => {
      for (let round = 0; round < 5; round += 1) {
        await countAttempt(db, office);
        await takeBackAttempt(db, office);
      }
    };
    await Promise.all(Array.from({ length: 8 }, signInWell));
  });

  it('given the neighbours of one IPv6 network, then they are counted as one', () => {
    assert.equal(networkOf('2001:db8:1:2:3:4:5:6'), networkOf('2001:db8:1:2::9'));
    assert.notEqual(networkOf('2001:db8:1:2::9'), networkOf('2001:db8:1:3::9'));
    assert.equal(networkOf('::ffff:192.0.2.1'), '192.0.2.1');
  });
});
