/** OpenID AuthZEN Authorization API 1.0 beyond the single question: batches, searches, metadata; and that all of them say the same. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Company, makeCompany } from '../harness/company.ts';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';
import { NAMES } from './models-under-test.ts';
import { type Named, peopledCompany, randomOf } from './random-company.ts';

const database = await openTestDatabase();
const server = await startTestServer(database);

const post = (made: Company, path: string, body: unknown) =>
  server.http
    .post(`/access/v1${path}`)
    .set('Authorization', server.operator)
    .set('X-Drawbridge-Organization', made.slug)
    .send(body as object);

const MAIN = { type: 'workspace', id: 'main' };
const user = (name: string) => ({ type: 'user', id: `${name}@acme.example` });

/** Mia is a member of the workspace `main`, which is all that she is. */
async function company(): Promise<Company> {
  const made = await makeCompany(server, database);
  const names = ['mia', 'ben', 'ada', 'kim', 'lou'];
  made.write(...names.map((name) => `${name},${name}@acme.example,${name},Sales,Agent,active`));
  await made.sync();
  for (const name of ['mia', 'ben', 'ada', 'kim']) {
    await made
      .api('post', '/memberships')
      .send({ user: `${name}@acme.example`, role: 'member', scope: { workspace: 'main' }, reason: 'test' })
      .expect(201);
  }
  return made;
}

describe('a batch', () => {
  const view = { name: 'workspace.view' };
  const settings = { name: 'workspace.settings' };

  it('given defaults, then a question takes from them, whole, what it lacks', async () => {
    const made = await company();
    const { body } = await post(made, '/evaluations', {
      subject: user('mia'),
      resource: MAIN,
      action: view,
      evaluations: [
        {},
        { action: settings },
        { subject: user('lou') },
        { resource: { type: 'workspace', id: 'moon' } },
      ],
    }).expect(200);
    assert.deepEqual(
      body.evaluations.map(({ decision, context }: { decision: boolean; context: { missing?: string } }) => [
        decision,
        context.missing,
      ]),
      [
        [true, undefined],
        [false, 'permission'],
        [false, 'workspace'],
        [false, 'account'],
      ],
    );
    assert.ok(!('decision' in body));
  });

  it('given a semantic, then the first answer that settles it is the last', async () => {
    const made = await company();
    const asked = async (evaluations_semantic: string | undefined, ...actions: object[]) => {
      const options = evaluations_semantic === undefined ? {} : { options: { evaluations_semantic, other: 1 } };
      const evaluations = actions.map((action) => ({ action }));
      const { body } = await post(made, '/evaluations', {
        subject: user('mia'),
        resource: MAIN,
        evaluations,
        ...options,
      });
      return body.evaluations?.map(({ decision }: { decision: boolean }) => decision) ?? body.status;
    };
    assert.deepEqual(await asked(undefined, view, settings, view), [true, false, true]);
    assert.deepEqual(await asked('execute_all', settings, view), [false, true]);
    assert.deepEqual(await asked('deny_on_first_deny', view, settings, view), [true, false]);
    assert.deepEqual(await asked('permit_on_first_permit', settings, view, settings), [false, true]);
    assert.deepEqual(await asked('deny_on_first_deny', view, {}, view), [true, false], 'an error is a denial');
    assert.equal(await asked('guess', view), 400);
  });

  it('given a question that lacks something, then only its own answer is no, with the error; a batch that is none is 400', async () => {
    const made = await company();
    const { body } = await post(made, '/evaluations', {
      action: view,
      evaluations: [{ subject: user('mia'), resource: MAIN }, { subject: { type: 'user' }, resource: MAIN }, {}],
    }).expect(200);
    assert.equal(body.evaluations[0].decision, true);
    for (const at of [1, 2]) {
      const { decision, context } = body.evaluations[at];
      assert.deepEqual([decision, context.error.status], [false, 400]);
      assert.match(context.error.message, /^subject/);
    }
    await post(made, '/evaluations', { evaluations: [7] }).expect(400);
    await post(made, '/evaluations', { evaluations: Array(1001).fill({}) }).expect(400);
    await post(made, '/evaluations', { evaluations: {} }).expect(400);
  });

  it('given no questions in it, then it is one question itself', async () => {
    const made = await company();
    const whole = { subject: user('mia'), action: view, resource: MAIN };
    for (const body of [whole, { ...whole, evaluations: [] }]) {
      assert.equal((await post(made, '/evaluations', body).expect(200)).body.decision, true);
    }
    await post(made, '/evaluations', { subject: user('mia') }).expect(400);
  });
});

describe('a search', () => {
  const search = { subject: { type: 'user' }, action: { name: 'workspace.view' }, resource: MAIN };

  it('given more than a page holds, then tokens lead through all of it, each once', async () => {
    const made = await company();
    const found: string[] = [];
    let token: string | undefined;
    for (let pages = 1; token !== ''; pages++) {
      const { body } = await post(made, '/search/subject', { ...search, page: pages === 1 ? { limit: 3 } : { token } });
      assert.deepEqual(Object.keys(body), ['page', 'results']);
      assert.equal(body.page.count, body.results.length);
      found.push(...body.results.map(({ properties }: { properties: { email: string } }) => properties.email));
      token = body.page.next_token;
      assert.ok(pages <= 2);
    }
    assert.deepEqual(
      found.sort(),
      ['ada', 'ben', 'kim', 'mia'].map((name) => `${name}@acme.example`),
    );
  });

  it('given a token of another search, another limit midway, or none of ours, then 400', async () => {
    const made = await company();
    const { body } = await post(made, '/search/subject', { ...search, page: { limit: 1 } });
    const token = body.page.next_token;
    await post(made, '/search/subject', { ...search, page: { token, limit: 1 } }).expect(200);
    await post(made, '/search/subject', { ...search, page: { token, limit: 2 } }).expect(400);
    await post(made, '/search/subject', { ...search, action: { name: 'users.manage' }, page: { token } }).expect(400);
    const forged = JSON.parse(Buffer.from(token, 'base64url').toString());
    const other = Buffer.from(JSON.stringify(["x' OR true", ...forged.slice(1)])).toString('base64url');
    for (const bad of ['x', '!', other])
      await post(made, '/search/subject', { ...search, page: { token: bad } }).expect(400);
    await post(made, '/search/subject', { ...search, page: { limit: -1 } }).expect(400);
    assert.deepEqual(
      (await post(made, '/search/subject', { ...search, page: { limit: 0 } }).expect(200)).body.results,
      [],
    );
  });

  it('given an id of what is searched for, then it is ignored; given what is not known, then nothing is found', async () => {
    const made = await company();
    const count = async (change: object, path = '/search/subject') =>
      (await post(made, path, { ...search, ...change }).expect(200)).body.results.length;
    assert.equal(await count({ subject: user('mia') }), 4);
    assert.equal(await count({ subject: { type: 'robot' } }), 0);
    assert.equal(await count({ action: { name: 'workspace.sell' } }), 0);
    assert.equal(await count({ resource: { type: 'workspace', id: 'moon' } }), 0);
    assert.equal(await count({ subject: user('mia'), resource: { type: 'workspace' } }, '/search/resource'), 1);
    assert.equal(await count({ subject: user('nobody'), resource: { type: 'workspace' } }, '/search/resource'), 0);
    assert.equal(await count({ subject: user('mia'), resource: { type: 'galaxy' } }, '/search/resource'), 0);
    assert.equal(await count({ subject: user('nobody') }, '/search/action'), 0);
    await post(made, '/search/subject', { ...search, subject: {} }).expect(400);
    await post(made, '/search/resource', { ...search, subject: { type: 'user' } }).expect(400);
    await post(made, '/search/action', { subject: user('mia') }).expect(400);
  });

  it('TEN-1 given two organizations, then neither finds anybody or anything of the other', async () => {
    const [one, two] = [await company(), await company()];
    const found = async (made: Company) =>
      (await post(made, '/search/subject', search)).body.results.map(({ id }: Named) => id) as string[];
    const [here, there] = [await found(one), await found(two)];
    assert.equal(new Set([...here, ...there]).size, 8);
    const foreign = { subject: { type: 'user', id: there[0] }, resource: { type: 'workspace' } };
    assert.deepEqual((await post(one, '/search/resource', { ...search, ...foreign })).body.results, []);
  });
});

describe('around the questions', () => {
  it('given any request id, then it comes back as it was sent', async () => {
    const made = await company();
    const asked = { subject: user('mia'), action: { name: 'workspace.view' }, resource: MAIN };
    for (const id of ['1', 'a{b}:"c"/d=', 'bfe9eb29-ab87-4ca3-be83-a1d5d8305716']) {
      const { headers } = await post(made, '/evaluation', asked).set('X-Request-ID', id).expect(200);
      assert.equal(headers['x-request-id'], id);
    }
    const { headers } = await post(made, '/evaluations', {}).set('X-Request-ID', 'refused-too').expect(400);
    assert.equal(headers['x-request-id'], 'refused-too');
  });

  it('given the metadata, then each endpoint that it names answers there', async () => {
    const made = await company();
    const { body: metadata } = await server.http.get('/.well-known/authzen-configuration').expect(200);
    assert.equal(metadata.policy_decision_point, server.url);
    const { policy_decision_point: _, ...endpoints } = metadata;
    assert.equal(Object.keys(endpoints).length, 5);
    for (const endpoint of Object.values<string>(endpoints)) {
      await server.http.post(new URL(endpoint).pathname).send({}).expect(401);
      await post(made, new URL(endpoint).pathname.replace('/access/v1', ''), {}).expect(400);
    }
  });
});

describe('a platform’s question, answered before the routes', () => {
  it('given a key asks in the usual form or another, then status, body and headers that count are the same', async () => {
    const made = await company();
    const keyWith = async (scope: string) => {
      const { body } = await made
        .api('post', '/api-keys')
        .send({ name: 'backend', kind: 'service', scopes: [scope] })
        .expect(201);
      return body.key as string;
    };
    const [asking, other] = [await keyWith('access:evaluate'), await keyWith('tokens:introspect')];
    const asked = { subject: user('mia'), action: { name: 'workspace.view' }, resource: MAIN };
    const ask = async (key: string, body: string, type: string) => {
      const answer = await server.http
        .post('/access/v1/evaluation')
        .set({ Authorization: `Bearer ${key}`, 'X-Request-ID': 'the same', 'Content-Type': type })
        .send(body);
      const { 'x-request-id': id, 'cache-control': kept, 'content-type': told } = answer.headers;
      return { status: answer.status, body: { ...answer.body, requestId: '' }, id: id?.length, kept, told };
    };
    for (const [key, body, status] of [
      [asking, JSON.stringify(asked), 200],
      [asking, JSON.stringify({ ...asked, unknown: 1, subject: user('lou') }), 200],
      [asking, JSON.stringify({ ...asked, action: {} }), 400],
      [asking, '', 400],
      [other, JSON.stringify(asked), 403],
      [`${asking.slice(0, -1)}_`, JSON.stringify(asked), 401],
    ] as const) {
      const usual = await ask(key, body, 'application/json');
      assert.equal(usual.status, status);
      assert.deepEqual(usual, await ask(key, body, 'application/json; charset=utf-8'));
    }
    assert.equal((await ask(asking, '{"subject"', 'application/json')).status, 400);
  });
});

describe('all ways of asking agree', () => {
  const seed = Number(process.env['TEST_SEED'] ?? 7);
  /** Raise it to ask of more people, with more of every kind of question. */
  const size = Number(process.env['TEST_PEOPLE'] ?? 4);

  for (const name of NAMES) {
    it(`${name}: given random people, keys and places, then one by one, in batches and by each search the answers are the same`, async () => {
      const { made, model, subjects, places } = await peopledCompany(server, database, { name, seed, size });
      const actions = [...model.permissions.keys()];
      const cells = subjects.flatMap((subject) =>
        places.flatMap((resource) => actions.map((action) => ({ subject, action: { name: action }, resource }))),
      );
      const allowed = await inBatches(made, cells);
      assert.ok(allowed.size > 10 && allowed.size < cells.length, `${allowed.size} of ${cells.length}`);
      await oneByOne(made, sample(cells, 15 * size), allowed);
      await byActions(made, subjects, places, allowed);
      await bySubjects(made, sample(actions, 2 * size), places, allowed);
      await byResources(made, sample(subjects, size), sample(actions, size), places, allowed);
    });
  }

  interface Cell {
    readonly subject: Named;
    readonly action: { readonly name: string };
    readonly resource: Named;
  }

  const textOf = ({ subject, action, resource }: Cell) =>
    `${subject.type} ${subject.id} ${action.name} ${resource.type} ${resource.id}`;

  function sample<T>(list: readonly T[], count: number): T[] {
    const random = randomOf(seed);
    return Array.from({ length: Math.min(count, list.length) }, () => list[Math.floor(random() * list.length)]!);
  }

  async function inBatches(made: Company, cells: readonly Cell[]): Promise<Set<string>> {
    const allowed = new Set<string>();
    for (let at = 0; at < cells.length; at += 1000) {
      const evaluations = cells.slice(at, at + 1000);
      const { body } = await post(made, '/evaluations', { evaluations }).expect(200);
      for (const [index, cell] of evaluations.entries())
        if (body.evaluations[index].decision) allowed.add(textOf(cell));
    }
    return allowed;
  }

  async function oneByOne(made: Company, cells: readonly Cell[], allowed: Set<string>): Promise<void> {
    for (const cell of cells) {
      const { body } = await post(made, '/evaluation', cell).expect(200);
      assert.equal(body.decision, allowed.has(textOf(cell)), `${textOf(cell)}: ${body.context.reason}`);
    }
  }

  const results = async <T>(made: Company, kind: string, body: unknown): Promise<T[]> =>
    (await post(made, `/search/${kind}`, body).expect(200)).body.results;

  async function byActions(made: Company, subjects: readonly Named[], places: readonly Named[], allowed: Set<string>) {
    const found = new Set<string>();
    for (const subject of subjects) {
      for (const resource of places) {
        for (const action of await results<{ name: string }>(made, 'action', { subject, resource }))
          found.add(textOf({ subject, action, resource }));
      }
    }
    assert.deepEqual(found, allowed);
  }

  async function bySubjects(made: Company, actions: readonly string[], places: readonly Named[], allowed: Set<string>) {
    const found = new Set<string>();
    for (const name of actions) {
      for (const resource of places) {
        for (const type of ['user', 'api_key']) {
          const question = { subject: { type }, action: { name }, resource };
          for (const subject of await results<Named>(made, 'subject', question))
            found.add(textOf({ subject, action: { name }, resource }));
        }
      }
    }
    const ofThese = [...allowed].filter((text) => actions.includes(text.split(' ')[2]!));
    assert.deepEqual([...found].sort(), ofThese.sort());
  }

  async function byResources(
    made: Company,
    subjects: readonly Named[],
    actions: readonly string[],
    places: readonly Named[],
    allowed: Set<string>,
  ): Promise<void> {
    for (const subject of subjects) {
      for (const name of actions) {
        for (const type of ['organization', 'workspace', 'product']) {
          const found = await results<Named>(made, 'resource', { subject, action: { name }, resource: { type } });
          const wanted = places.filter(
            (resource) =>
              resource.type === type && allowed.has(textOf({ subject, action: { name }, resource: resource })),
          );
          assert.deepEqual(
            found.map(({ id }) => id).sort(),
            wanted.map(({ id }) => id).sort(),
            `${subject.type} ${subject.id} ${name} ${type}`,
          );
        }
      }
    }
  }
});
