/** How a directory's requests are let in, counted and told. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sql } from 'kysely';
import { sweepRequestLog } from '../../../src/directory/scim/request-log.ts';
import { openTestDatabase } from '../../harness/database.ts';
import { startTestServer } from '../../harness/server.ts';
import { arrangeProvider, callScim, GROUP, mapGroup, type Provider, patchOf, USER } from './arrange.ts';

const LIMIT = 40;
const database = await openTestDatabase({ scim: { requestsPerMinute: LIMIT } });
const server = await startTestServer(database);
const second = await startTestServer(database);
const person = (userName: string, more: object = {}) => ({ schemas: [USER], userName, ...more });
const pause = (ms: number) => new Promise((done) => setTimeout(done, ms));

interface Logged {
  readonly id: string;
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly outcome: string;
  readonly changed: string[];
  readonly ignored: string[];
  readonly because: string | null;
  readonly request: string | null;
  readonly answer: string | null;
  readonly token: string;
}

/** The log, oldest first, once it holds `count` requests. */
async function logOf(provider: Provider, count: number, query = ''): Promise<Logged[]> {
  for (let tries = 0; ; tries++) {
    const { body } = await server
      .api('get', `/organizations/${provider.organization}/directories/idp/requests${query}`)
      .expect(200);
    if (body.requests.length >= count || tries > 100) return body.requests.reverse();
    await pause(50);
  }
}

describe('SCIM traffic', () => {
  it('SCIM-20 given more requests than a minute has, on two instances, then 429 with whole seconds to wait, for this token only', async () => {
    const provider = await arrangeProvider(server);
    const other = await arrangeProvider(server);
    const answers = await Promise.all(
      Array.from({ length: LIMIT + 20 }, (_, i) =>
        callScim(i % 2 ? server : second, provider.directoryId, provider.token, 'get', '/Users'),
      ),
    );
    const refused = answers.filter((answer) => answer.status === 429);
    assert.equal(answers.filter((answer) => answer.status === 200).length, LIMIT);
    assert.equal(refused.length, 20);
    for (const { headers, body } of refused) {
      assert.match(headers['retry-after'] ?? '', /^[1-9]\d?$/);
      assert.equal(body.status, '429');
      assert.deepEqual(body.schemas, ['urn:ietf:params:scim:api:messages:2.0:Error']);
    }
    await other.scim('get', '/Users').expect(200);
  });

  it('SCIM-20 given the minute is over, then the token may ask again', async () => {
    const provider = await arrangeProvider(server);
    for (let i = 0; i < LIMIT; i++) await provider.scim('get', '/Users').expect(200);
    await provider.scim('get', '/Users').expect(429);
    await provider.inside(({ db }) =>
      db
        .updateTable('directory_tokens')
        .set({ window_ends_at: new Date(0) })
        .execute(),
    );
    await callScim(second, provider.directoryId, provider.token, 'get', '/Users').expect(200);
  });

  it('given a new token beside the old one, then both are let in until one is revoked, which ends at once on every instance', async () => {
    const provider = await arrangeProvider(server);
    const tokens = `/organizations/${provider.organization}/directories/idp/tokens`;
    const { body: fresh } = await server.api('post', tokens).send({}).expect(201);
    for (const instance of [server, second]) {
      await callScim(instance, provider.directoryId, provider.token, 'get', '/Users').expect(200);
      await callScim(instance, provider.directoryId, fresh.token, 'get', '/Users').expect(200);
    }
    await server.api('delete', `${tokens}/${provider.tokenId}`).expect(204);
    for (const instance of [server, second]) {
      for (const path of ['/Users', '/Schemas', '/ServiceProviderConfig'])
        await callScim(instance, provider.directoryId, provider.token, 'get', path).expect(401);
      await callScim(instance, provider.directoryId, provider.token, 'post', '/Users', person('late')).expect(401);
      await callScim(instance, provider.directoryId, fresh.token, 'get', '/Users').expect(200);
    }
    const { body: list } = await server.api('get', tokens).expect(200);
    assert.equal(list.tokens.length, 1);
    assert.ok(Date.now() - Date.parse(list.tokens[0].lastUsedAt) < 60_000);
  });

  it('given what was asked, then the log tells request, answer and what it changed, also what was passed over', async () => {
    const provider = await arrangeProvider(server);
    await mapGroup(provider, 'Writers', 'member');
    const ana = (await provider.scim('post', '/Users', person('ana@acme.test', { title: 'Editor' })).expect(201)).body
      .id;
    const writers = { schemas: [GROUP], displayName: 'Writers' };
    const group = (await provider.scim('post', '/Groups', writers).expect(201)).body.id;
    const join = patchOf({ op: 'add', path: 'members', value: [{ value: ana }] });
    await provider.scim('patch', `/Groups/${group}`, join).expect(204);
    await provider.scim('patch', `/Groups/${group}`, join).expect(204);
    await provider.scim('post', '/Users', person('ANA@acme.test')).expect(409);
    await provider.scim('patch', `/Users/${ana}`, patchOf({ op: 'replace', value: { groups: [], active: false } }));
    await provider.scim('get', '/Users?count=1').expect(200);

    const log = await logOf(provider, 7);
    assert.deepEqual(
      log.map(({ method, status, outcome }) => [method, status, outcome]),
      [
        ['POST', 201, 'changed'],
        ['POST', 201, 'changed'],
        ['PATCH', 204, 'changed'],
        ['PATCH', 204, 'unchanged'],
        ['POST', 409, 'refused'],
        ['PATCH', 200, 'changed'],
        ['GET', 200, 'read'],
      ],
    );
    const [made, , joined, again, refused, left, read] = log as [
      Logged,
      Logged,
      Logged,
      Logged,
      Logged,
      Logged,
      Logged,
    ];
    assert.deepEqual(made.changed, ['user created', 'user.create ana@acme.test: new in the directory']);
    assert.equal(JSON.parse(made.request ?? '').title, 'Editor');
    assert.equal(JSON.parse(made.answer ?? '').id, ana);
    assert.equal(made.token, provider.tokenId);
    assert.deepEqual(joined.changed, [
      `members added: ${ana}`,
      'membership.add ana@acme.test member (workspace): rule writers-member: group Writers',
    ]);
    assert.deepEqual([again.changed, again.because], [[], 'all that it says is stored like that already']);
    assert.ok(left.changed.includes('user.deprovision ana@acme.test: inactive in the directory'), String(left.changed));
    assert.deepEqual(left.ignored, ['groups: written by this server only']);
    assert.equal(read.path, `/${provider.directoryId}/Users?count=1`);
    assert.equal(JSON.parse(read.answer ?? '').Resources, '(1)');
    assert.match(refused.because ?? '', /is taken/);
    assert.deepEqual(
      (await logOf(provider, 1, '?outcome=refused')).map(({ id }) => id),
      [refused.id],
    );
    const earlier = await logOf(provider, 4, `?before=${refused.id}`);
    assert.equal(earlier.at(-1)?.id, again.id);
  });

  it('given passwords and tokens in a request, then the log has none of them, nor the bearer token', async () => {
    const provider = await arrangeProvider(server);
    const made = await provider
      .scim(
        'post',
        '/Users',
        person('ana@acme.test', { password: 'hunter2-a', 'urn:acme:2.0:User': { apiToken: 'hunter2-b' } }),
      )
      .expect(201);
    await provider
      .scim('patch', `/Users/${made.body.id}`, patchOf({ op: 'replace', path: 'password', value: 'hunter2-c' }))
      .expect(200);
    await provider.scim('get', `/Users?filter=${encodeURIComponent('password eq "hunter2-d"')}`).expect(400);
    const log = await logOf(provider, 3);
    assert.equal(log.length, 3);
    assert.deepEqual(log[0]?.ignored, ['password: accepted and never kept']);
    assert.equal(log[1]?.outcome, 'unchanged');
    const told = JSON.stringify(log);
    assert.doesNotMatch(told, /hunter2/);
    assert.ok(!told.includes(provider.token));
  });

  it('given another organization, then its log is its own; given eight days, then the clock lets go of it', async () => {
    const [acme, globex] = [await arrangeProvider(server), await arrangeProvider(server)];
    await acme.scim('get', '/Users').expect(200);
    await acme.scim('get', '/Groups').expect(200);
    await logOf(acme, 2);
    assert.deepEqual(await logOf(globex, 0), []);
    await server
      .api('get', `/organizations/${globex.organization}/directories/${acme.directoryId}/requests`)
      .expect(404);
    await acme.inside(({ db }) =>
      sql`UPDATE scim_requests SET at = at - interval '8 days' WHERE path LIKE '%/Users'`.execute(db),
    );
    await sweepRequestLog(server.deps);
    assert.deepEqual(
      (await logOf(acme, 0)).map(({ path }) => path),
      [`/${acme.directoryId}/Groups`],
    );
  });
});

describe('SCIM guesses', () => {
  it('SCIM-1 given ten wrong tokens from one address, then the next waits, a directory that is there or not; a token in use goes on', async () => {
    const provider = await arrangeProvider(server);
    const door = await startTestServer(database);
    await callScim(door, provider.directoryId, provider.token, 'get', '/Users').expect(200);
    const guess = (directory: string) => callScim(door, directory, 'dbscim_guess', 'get', '/Users');
    const answers = [];
    for (let i = 0; i < 12; i++) answers.push(await guess(provider.directoryId));
    assert.equal(answers.filter((answer) => answer.status === 401).length, 10);
    assert.match(answers.at(-1)?.headers['retry-after'] ?? '', /^[1-9]\d?$/);
    assert.equal((await guess('00000000-0000-4000-8000-000000000000')).status, 429);
    await callScim(door, provider.directoryId, provider.token, 'get', '/Users').expect(200);
    const events = await provider.inside(({ db }) =>
      db.selectFrom('audit_events').select('id').where('action', '=', 'scim.refused').execute(),
    );
    assert.equal(events.length, 1);
  });
});
