/**
 * Sources that misbehave, in whole runs: what they say is taken whole or not at all; else the run says why, the failure is counted, and the
 * next run ends as if nothing had been (FEED-3, 16, 17, 18, 19).
 */
import assert from 'node:assert/strict';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { type Company, makeCompany } from '../harness/company.ts';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';

const database = await openTestDatabase({ sources: { timeoutSeconds: 0.4, downloadSeconds: 1.5, tries: 2 } });
const server = await startTestServer(database);
const PAGE = 10;

interface Person {
  readonly id: string;
  readonly email: string;
  readonly name: string;
}

/** What is done with the good answer to the request number `asked`, of a list that begins at `from`. */
type Mood = (response: ServerResponse, good: string, asked: number, from: number) => void;

const well: Mood = (response, good) => send(response, 200, good);
const later =
  (mood: Mood): Mood =>
  (response, good, asked, from) =>
    (asked === 1 && from === 0 ? well : mood)(response, good, asked, from);
const once =
  (mood: Mood): Mood =>
  (response, good, asked, from) =>
    (asked === 2 ? mood : well)(response, good, asked, from);

function send(response: ServerResponse, status: number, text: string, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-length': String(Buffer.byteLength(text)), ...headers }).end(text);
}

const hang: Mood = () => undefined;
const trickle: Mood = (response, good) => {
  response.writeHead(200);
  let at = 0;
  const drip = setInterval(() => response.write(good[at++] ?? ' '), 100);
  response.on('close', () => clearInterval(drip));
};
const saysMore: Mood = (response, good) => {
  response.writeHead(200, { 'content-length': String(Buffer.byteLength(good) + 500) });
  response.write(good, () => setTimeout(() => response.destroy(), 50));
};
const saysLess: Mood = (response, good) =>
  send(response, 200, good, { 'content-length': String(Math.floor(Buffer.byteLength(good) / 2)), connection: 'close' });
const broken: Mood = (response) => send(response, 500, '{}');
const denied: Mood = (response) => send(response, 401, '{}');
const tooFast: Mood = (response) => send(response, 429, '{}', { 'retry-after': '1' });

/** A system that lists its people page by page, and as one file. */
async function startSystem() {
  let [asked, first] = [0, ''];
  const begin = () => {
    asked = 0;
  };
  const system = { people: [] as Person[], mood: well, url: '', asked: () => asked, begin };
  const listener = createServer((request, response) => {
    asked += 1;
    const from = Number(new URL(request.url ?? '/', 'http://x').searchParams.get('skip') ?? 0);
    const all = system.people;
    const csv = ['id,email,name', ...all.map(({ id, email, name }) => `${id},${email},${name}`), ''].join('\n');
    const good = request.url?.startsWith('/file')
      ? csv
      : JSON.stringify({ total: all.length, people: all.slice(from, from + PAGE) });
    if (from === 0) first = good;
    system.mood(response, system.mood === repeat ? first : good, asked, from);
  });
  await new Promise<void>((done) => listener.listen(0, '127.0.0.1', done));
  system.url = `http://127.0.0.1:${(listener.address() as AddressInfo).port}`;
  database.onEnd(async () => {
    listener.closeAllConnections();
    await new Promise((done) => listener.close(done));
  });
  return system;
}
const repeat: Mood = (response, good) => send(response, 200, good);

type System = Awaited<ReturnType<typeof startSystem>>;
const KINDS: Record<'pages' | 'file', (system: System) => object> = {
  pages: ({ url }) => ({
    kind: 'rest',
    config: {
      baseUrl: url,
      auth: { kind: 'none' },
      people: { path: '/people', at: 'people', paging: { kind: 'offset', parameter: 'skip', total: 'total' } },
      fields: { id: 'id', email: 'email', name: ['name'] },
    },
  }),
  file: ({ url }) => ({ kind: 'csv', config: { url: `${url}/file.csv` } }),
};

const people = (from: number, to: number): Person[] =>
  Array.from({ length: to - from }, (_, at) => ({
    id: `p${from + at}`,
    email: `p${from + at}@acme.example`,
    name: `Person ${from + at}`,
  }));

/** A company that has read its first day well; on the second one has left and two are new. */
async function secondDay(kind: keyof typeof KINDS) {
  const [system, company] = [await startSystem(), await makeCompany(server, database)];
  await company.api('put', '/directories/source').send(KINDS[kind](system)).expect(200);
  await company
    .api('put', '/mapping-rules/everybody')
    .send({ condition: 'exists($.email)', scope: { workspace: 'main' }, role: 'member' })
    .expect(200);
  system.people = people(0, 25);
  const run = async () => {
    system.begin();
    return company.api('post', '/directories/source/runs').send({});
  };
  const first = await run();
  assert.equal(first.body.status, 'applied', JSON.stringify(first.body));
  system.people = people(1, 27);
  return { system, company, run };
}

async function state(company: Company): Promise<string[]> {
  const rows = await company.within(({ db }) =>
    db
      .selectFrom('users as u')
      .leftJoin('memberships as m', 'm.user_id', 'u.id')
      .select(['u.email', 'u.status', 'm.role'])
      .orderBy('u.email')
      .execute(),
  );
  return rows.map(({ email, status, role }) => `${email} ${status} ${role}`);
}

const undisturbed = await (async () => {
  const { company, run } = await secondDay('pages');
  await run();
  return state(company);
})();

/** Somebody who was on a page that is read already leaves: whoever moves up to it would be left out. */
const changing = (system: System): Mood =>
  later((response, good, asked, from) => {
    if (asked === 2) system.people = people(2, 27);
    well(response, good, asked, from);
  });
/** Each page is another, and there is always one more. */
const endless: Mood = (response, _good, _asked, from) =>
  send(response, 200, JSON.stringify({ total: 1_000_000, people: people(Math.max(0, from), from + PAGE) }));

const REFUSED: Record<keyof typeof KINDS, readonly (readonly [string, (system: System) => Mood])[]> = {
  pages: [
    ['hangs on the second page', () => later(hang)],
    ['trickles a byte now and then', () => later(trickle)],
    ['says that it is longer', () => later(saysMore)],
    ['says that it is shorter', () => later(saysLess)],
    ['is broken', () => later(broken)],
    ['denies midway', () => later(denied)],
    ['says without end that it is too busy', () => later(tooFast)],
    ['repeats a page', () => repeat],
    ['changes while it is paged', changing],
  ],
  file: [
    ['hangs', () => hang],
    ['trickles a byte now and then', () => trickle],
    ['says that it is longer', () => saysMore],
    ['says that it is shorter', () => saysLess],
    ['is broken', () => broken],
    ['denies', () => denied],
  ],
};

for (const kind of ['pages', 'file'] as const) {
  describe(`a source of ${kind} that`, { concurrency: 4 }, () => {
    for (const [does, mood] of REFUSED[kind]) {
      it(`${does}: then nothing is changed, the run says why, it is counted, and the next one ends as if nothing had been`, async () => {
        const { system, company, run } = await secondDay(kind);
        const before = await state(company);
        system.mood = mood(system);
        const failed = await run();
        assert.ok([400, 502].includes(failed.status), JSON.stringify(failed.body));
        assert.deepEqual(await state(company), before);
        const { body } = await company.api('get', '/runs?limit=1').expect(200);
        assert.equal(body.runs[0].status, 'failed');
        assert.ok(body.runs[0].error.length > 20 && !body.runs[0].error.includes('unexpected'), body.runs[0].error);
        const shown = async () => (await company.api('get', '/directories/source').expect(200)).body.failures;
        assert.equal(await shown(), 1);

        system.mood = well;
        system.people = people(1, 27);
        assert.equal((await run()).body.status, 'applied');
        assert.deepEqual(await state(company), undisturbed);
        assert.equal(await shown(), 0);
      });
    }

    for (const [does, mood] of [
      ['is broken once', broken],
      ['says once that it is too busy, and when to ask again', tooFast],
      ['hangs once', hang],
    ] as const) {
      it(`${does}: then it is asked again, and the run ends as an undisturbed one`, async () => {
        const { system, company, run } = await secondDay(kind);
        system.mood = kind === 'pages' ? once(mood) : (...given) => (given[2] === 1 ? mood : well)(...given);
        assert.equal((await run()).body.status, 'applied');
        assert.deepEqual(await state(company), undisturbed);
      });
    }
  });
}

describe('a source that never ends', () => {
  it('given there is always another page, then nothing of it is applied, and it ends when the source does', async () => {
    const { system, company, run } = await secondDay('pages');
    const before = await state(company);
    system.mood = endless;
    const waiting = run();
    void waiting.catch(() => undefined);
    await new Promise((wake) => setTimeout(wake, 1000));
    assert.ok(system.asked() > 5, 'it goes on and on');
    assert.deepEqual(await state(company), before);
    system.mood = denied;
    assert.equal((await waiting).status, 502);
    assert.deepEqual(await state(company), before);
  });
});
