/** An identity provider's first cycle and its later ones, by HTTP, as large as a company's. */
import assert from 'node:assert/strict';
import { Agent, request } from 'node:http';
import { describe, it } from 'node:test';
import { arrangeProvider, GROUP, mapGroup, type Provider, patchOf, USER } from '../directory/scim/arrange.ts';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';

const database = await openTestDatabase({ scim: { requestsPerMinute: 1_000_000 } });
const server = await startTestServer(database);
const PEOPLE = 5_000;
const GROUPS = 200;
const AT_ONCE = 8;
const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });
database.onEnd(async () => agent.destroy());

interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

/** One request over a connection that is kept, as provisioners do it. */
function send(provider: Provider, method: string, path: string, body?: unknown): Promise<Answer> {
  return new Promise((done, fail) => {
    const sent = request(
      `${server.url}/scim/v2/${provider.directoryId}${path}`,
      {
        method,
        agent,
        headers: { authorization: `Bearer ${provider.token}`, 'content-type': 'application/scim+json' },
      },
      (response) => {
        let text = '';
        response.on('data', (part) => {
          text += part;
        });
        response.on('end', () => done({ status: response.statusCode ?? 0, body: text === '' ? {} : JSON.parse(text) }));
      },
    );
    sent.on('error', fail);
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

/** Does `work` for each, eight side by side. */
async function each<T>(all: readonly T[], work: (one: T) => Promise<void>): Promise<void> {
  const waiting = [...all].reverse();
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) await work(next);
    }),
  );
}

const numbers = (count: number) => Array.from({ length: count }, (_, at) => at);
const name = (at: number) => `person${at}@acme.test`;
const count = (provider: Provider, table: 'users' | 'memberships', status?: string) =>
  provider.inside(async ({ db }) => {
    const all = db.selectFrom(table).select(({ fn }) => fn.countAll<number>().as('n'));
    const { n } = await (status === undefined
      ? all
      : all.where('status', '=', status as never)
    ).executeTakeFirstOrThrow();
    return n;
  });

describe('an identity provider’s cycles', () => {
  it(`given ${PEOPLE} people and ${GROUPS} groups, then the first cycle and the later ones run clean, and access is what they say`, async () => {
    const provider = await arrangeProvider(server);
    await mapGroup(provider, 'Group 0', 'member');
    const people: string[] = [];
    const groups: string[] = [];

    await each(numbers(PEOPLE), async (at) => {
      const filter = encodeURIComponent(`userName eq "${name(at)}"`);
      if (at % 10 === 0) assert.equal((await send(provider, 'GET', `/Users?filter=${filter}`)).body['totalResults'], 0);
      const made = await send(provider, 'POST', '/Users', {
        schemas: [USER],
        userName: name(at),
        externalId: `x${at}`,
      });
      assert.equal(made.status, 201);
      people[at] = String(made.body['id']);
    });
    await each(numbers(GROUPS), async (at) => {
      const made = await send(provider, 'POST', '/Groups', { schemas: [GROUP], displayName: `Group ${at}` });
      assert.equal(made.status, 201);
      groups[at] = String(made.body['id']);
      const value = numbers(25).map((n) => ({ value: people[(at * 25 + n) % PEOPLE] }));
      const added = await send(
        provider,
        'PATCH',
        `/Groups/${groups[at]}`,
        patchOf({ op: 'Add', path: 'members', value }),
      );
      assert.equal(added.status, 204);
    });
    assert.equal(await count(provider, 'users'), PEOPLE);
    assert.equal(await count(provider, 'memberships'), 25);

    await each(numbers(100), async (at) => {
      const off = patchOf({ op: 'Replace', path: 'active', value: 'False' });
      assert.equal((await send(provider, 'PATCH', `/Users/${people[at]}`, off)).status, 200);
      const title = patchOf({ op: 'Replace', path: 'title', value: 'Editor' });
      assert.equal((await send(provider, 'PATCH', `/Users/${people[at + 1000]}`, title)).status, 200);
    });
    const moved = numbers(25).map((n) => ({ value: people[2000 + n] }));
    const into = patchOf({ op: 'Add', path: 'members', value: moved });
    assert.equal((await send(provider, 'PATCH', `/Groups/${groups[0]}`, into)).status, 204);
    assert.equal(await count(provider, 'users', 'deprovisioned'), 100);
    assert.equal(await count(provider, 'memberships'), 25);

    // The same again says nothing new: it changes nothing.
    const before = await provider.inside(({ db }) =>
      db
        .selectFrom('audit_events')
        .select(({ fn }) => fn.countAll<number>().as('n'))
        .executeTakeFirstOrThrow(),
    );
    await each(numbers(100), async (at) => {
      const off = patchOf({ op: 'Replace', path: 'active', value: 'False' });
      assert.equal((await send(provider, 'PATCH', `/Users/${people[at]}`, off)).status, 200);
    });
    assert.equal((await send(provider, 'PATCH', `/Groups/${groups[0]}`, into)).status, 204);
    const after = await provider.inside(({ db }) =>
      db
        .selectFrom('audit_events')
        .select(({ fn }) => fn.countAll<number>().as('n'))
        .executeTakeFirstOrThrow(),
    );
    assert.deepEqual(after, before);

    const seen = new Set<string>();
    for (let cursor: unknown = ''; cursor !== undefined; ) {
      const { body } = await send(provider, 'GET', `/Users?attributes=userName&count=200&cursor=${cursor}`);
      for (const user of body['Resources'] as { userName: string }[]) seen.add(user.userName);
      cursor = body['nextCursor'];
    }
    assert.equal(seen.size, PEOPLE);
  });
});
