/** Any JSON API: however it is asked, paged and written, everybody is read once, and paging that is not sound is refused. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { z } from 'zod';
import { textAt, valuesAt } from '../../../src/directory/sources/rest/paths.ts';
import { rest } from '../../../src/directory/sources/rest.ts';
import { type HttpAnswer, type HttpDouble, type HttpRequest, startHttpDouble } from '../../doubles/http-double.ts';
import { checkSource, kitContext, readAll } from './kit.ts';
import type { Person, World } from './world.ts';

type Settings = z.input<typeof rest.settings>;
type Paging = NonNullable<NonNullable<Settings['people']>['paging']>;

const PAGE = 7;
const FIELDS = { id: 'id', email: 'mail', name: 'name', status: 'here' };
const said = ({ id, email, given, family, active }: Person) => ({
  id,
  mail: email,
  name: `${given} ${family}`,
  here: active,
});
const number = (url: URL, name: string) => Number(url.searchParams.get(name));
const size = { parameter: 'size', value: 100 };

/** Made-up services: how each pages, and how it answers. */
const services: Record<
  string,
  { paging: Paging; method?: 'POST'; answer: (list: object[], request: HttpRequest) => HttpAnswer }
> = {
  'pages by number': {
    paging: { kind: 'page', parameter: 'page', first: 0, size, total: 'count' },
    answer: (list, { url }) => {
      const begin = number(url, 'page') * PAGE;
      return { body: { count: list.length, list: list.slice(begin, begin + PAGE) } };
    },
  },
  'an offset, and no total': {
    paging: { kind: 'offset', parameter: 'skip', size },
    answer: (list, { url }) => ({ body: { list: list.slice(number(url, 'skip'), number(url, 'skip') + PAGE) } }),
  },
  'an offset in the body': {
    paging: { kind: 'offset', parameter: 'skip', size, place: 'body', total: 'count' },
    method: 'POST',
    answer: (list, { body, url }) => {
      const { skip, kept } = JSON.parse(body);
      const isSound = kept === true && typeof skip === 'number' && url.search === '';
      return isSound ? { body: { count: list.length, list: list.slice(skip, skip + PAGE) } } : { status: 400 };
    },
  },
  'a cursor, which stays when there is no more': {
    paging: { kind: 'cursor', parameter: 'after', cursor: '/meta/next', more: 'meta.more', size },
    answer: (list, { url }) => {
      const begin = number(url, 'after');
      const meta = { next: begin + PAGE, more: begin + PAGE < list.length };
      return { body: { meta, list: list.slice(begin, begin + PAGE) } };
    },
  },
  'a Link header': {
    paging: { kind: 'link', size },
    answer: (list, { url }) => {
      const begin = number(url, 'from');
      const link = `</people>; rel="first", </people?from=${begin + PAGE}>; rel="next"`;
      const headers = begin + PAGE < list.length ? { link } : {};
      return { headers, body: { list: list.slice(begin, begin + PAGE) } };
    },
  },
};

/** Takes the list as it is when the first page is asked for, except where there is an offset: then as it is. */
function startService(world: World, name: string): Promise<HttpDouble> {
  const { answer, paging } = services[name]!;
  let list: object[] = [];
  return startHttpDouble(
    (request) => {
      if (request.headers['x-key'] !== 'token-of-the-double') return { status: 401 };
      const isFirst = ['from', 'after'].every((each) => !request.url.searchParams.has(each));
      if (isFirst || paging.kind === 'offset' || paging.kind === 'page') list = world.people.map(said);
      return answer(list, request);
    },
    () => true,
  );
}

const settingsOf = (double: HttpDouble, paging: Paging, more: Partial<Settings> = {}): Settings => ({
  baseUrl: double.url,
  auth: { kind: 'header', name: 'x-key' },
  people: { path: '/people', at: 'list', paging },
  fields: FIELDS,
  active: ['true'],
  inactive: ['false'],
  ...more,
});

function open(settings: Settings, context = kitContext().context) {
  return rest.open(rest.settings.parse(settings), { ...context, secrets: { token: 'token-of-the-double' } });
}

for (const [name, { paging, method }] of Object.entries(services)) {
  checkSource(`an API with ${name}`, {
    start: async (world) => {
      const double = await startService(world, name);
      const people = { path: '/people', at: 'list', paging, ...(method ? { method, body: { kept: true } } : {}) };
      return { ...double, open: (context) => open(settingsOf(double, paging, { people }), context) };
    },
    pageSize: PAGE,
    groups: false,
    // One of them shows how long is waited; the others ask in the same way.
    cannot: name === 'a Link header' ? [] : ['hang', 'trickle'],
  });
}

/** Reads from a service that answers just so. */
async function reading(
  paging: Paging,
  answer: (request: HttpRequest, url: string) => HttpAnswer,
  more: Partial<Settings> = {},
) {
  const double: HttpDouble = await startHttpDouble(
    (request) => answer(request, double.url),
    () => true,
  );
  try {
    return await readAll(open(settingsOf(double, paging, more)));
  } finally {
    await double.close();
  }
}

const someone = (at: number) => ({ id: `p${at}`, mail: `p${at}@acme.example`, name: `P ${at}`, here: true });

describe('FEED-18: paging that is not sound', () => {
  const list = (begin: number, count: number) => Array.from({ length: count }, (_, at) => someone(begin + at));
  const unsound: readonly [
    name: string,
    paging: Paging,
    answer: (request: HttpRequest, url: string) => HttpAnswer,
    told: RegExp,
  ][] = [
    [
      'a cursor that leads in a circle',
      { kind: 'cursor', parameter: 'c', cursor: 'c' },
      ({ url }) => ({ body: { c: number(url, 'c') ^ 1, list: list(number(url, 'c'), 1) } }),
      /a second time/,
    ],
    [
      'a cursor nobody heeds',
      { kind: 'cursor', parameter: 'c', cursor: 'c' },
      ({ url }) => ({ body: { c: number(url, 'c') + 1, list: list(0, 2) } }),
      /repeats a page/,
    ],
    [
      'a page number nobody heeds',
      { kind: 'page', parameter: 'p' },
      () => ({ body: { list: list(0, 2) } }),
      /repeats a page/,
    ],
    [
      'an offset nobody heeds',
      { kind: 'offset', parameter: 'o' },
      () => ({ body: { list: list(0, 2) } }),
      /does not begin where/,
    ],
    [
      'an offset that counts pages',
      { kind: 'offset', parameter: 'o' },
      ({ url }) => ({ body: { list: list(number(url, 'o') * 3, 3) } }),
      /does not begin where/,
    ],
    [
      'an offset behind which nobody is any more',
      { kind: 'offset', parameter: 'o' },
      ({ url }) => ({ body: { list: number(url, 'o') === 0 ? list(0, 3) : [] } }),
      /does not begin where/,
    ],
    [
      'fewer than it says',
      { kind: 'page', parameter: 'p', total: 'n' },
      ({ url }) => ({ body: { n: 9, list: number(url, 'p') === 1 ? list(0, 5) : [] } }),
      /has 5 entries, and says that it has 9/,
    ],
    [
      'more than it says',
      { kind: 'page', parameter: 'p', total: 'n' },
      () => ({ body: { n: 1, list: list(0, 5) } }),
      /goes on after 5/,
    ],
    [
      'another number than before',
      { kind: 'page', parameter: 'p', total: 'n' },
      ({ url }) => ({ body: { n: 8 + number(url, 'p'), list: list(number(url, 'p') * 3, 3) } }),
      /had 9 entries, and then 10/,
    ],
    [
      'no number where one is expected',
      { kind: 'page', parameter: 'p', total: 'n' },
      () => ({ body: { list: [] } }),
      /does not say how many/,
    ],
    [
      'a next page at another server',
      { kind: 'next', next: 'next' },
      () => ({ body: { next: 'https://evil.test/people', list: list(0, 2) } }),
      /leads to another server/,
    ],
    [
      'a Link to another server',
      { kind: 'link' },
      () => ({ headers: { link: '<http://127.0.0.1:1/people>; rel=next' }, body: { list: list(0, 2) } }),
      /leads to another server/,
    ],
    [
      'a next page that is no address',
      { kind: 'next', next: 'next' },
      () => ({ body: { next: 'http://', list: list(0, 2) } }),
      /no address/,
    ],
    ['no list', { kind: 'link' }, () => ({ body: { error: 'in another place' } }), /no list at "list"/],
    ['something else for a list', { kind: 'link' }, () => ({ body: { list: { a: 1 } } }), /no list at "list"/],
    [
      'a redirect',
      { kind: 'link' },
      () => ({ status: 302, headers: { location: 'https://evil.test' } }),
      /answers 302/,
    ],
  ];
  for (const [name, paging, answer, told] of unsound) {
    it(`given ${name}, then it is refused`, async () => {
      await assert.rejects(reading(paging, answer), told);
    });
  }
});

describe('what a record may say', () => {
  const one = async (person: unknown, more: Partial<Settings> = {}) =>
    (await reading({ kind: 'none' }, () => ({ body: { list: [person] } }), more)).records;

  it('given a status that is neither known as active nor as inactive, then nobody guesses what it means', async () => {
    const [record] = await one({ ...someone(1), here: 'sabbatical' });
    assert.ok(record?.kind === 'bad' && record.sourceKey === 'p1' && /neither known/.test(record.reason));
  });

  for (const person of [null, 'p1', 7, []]) {
    it(`given ${JSON.stringify(person)} for a record, then it is bad`, async () => {
      await assert.rejects(one(person), { code: 'invalid-feed' });
      const { records } = await reading({ kind: 'none' }, () => ({ body: { list: [someone(1), person] } }));
      assert.deepEqual(
        records.map(({ kind }) => kind),
        ['user', 'bad'],
      );
    });
  }

  it('given numbers for ids, times for days, and groups in a list, then they are read', async () => {
    const person = {
      ...someone(1),
      id: 42,
      from: '2026-03-01T00:00:00+13:00',
      to: '',
      teams: [{ n: 'A' }, { n: 'B' }, { n: 'A' }],
    };
    const fields = { ...FIELDS, startsOn: 'from', endsOn: 'to', groups: 'teams.n' };
    const [record] = await one(person, { fields });
    assert.ok(record?.kind === 'user');
    assert.deepEqual(
      [record.sourceKey, record.startsOn, record.endsOn, record.groups],
      ['42', '2026-03-01', null, ['A', 'B']],
    );
    assert.deepEqual(record.attributes, person);
  });

  it('given a field that nobody has, then it is an error; given an empty list of groups, then that is none', async () => {
    const fields = { ...FIELDS, groups: 'teams.name' };
    await assert.rejects(one(someone(1), { fields }), /No record has teams\.name/);
    const [record] = await one({ ...someone(1), teams: [] }, { fields });
    assert.ok(record?.kind === 'user');
    assert.deepEqual(record.groups, []);
  });
});

describe('groups of their own', () => {
  const groups: Settings['groups'] = {
    list: { path: '/groups', at: '', paging: { kind: 'link' } },
    fields: { id: 'key', name: 'title', members: 'people.id' },
  };
  const answer =
    (list: unknown) =>
    ({ url }: HttpRequest) =>
      url.pathname === '/groups' ? { body: list } : { body: { list: [someone(1)] } };

  it('given a list of them, then they and their members are read', async () => {
    const { records } = await reading({ kind: 'link' }, answer([{ key: 'g', title: 'G', people: [{ id: 'p1' }] }]), {
      groups,
    });
    assert.deepEqual(records.slice(1), [
      { kind: 'group', groupKey: 'g', name: 'G' },
      { kind: 'member', groupKey: 'g', memberKey: 'p1', memberIs: 'user' },
    ]);
  });

  it('given one without an id, then nothing is read, for its members would lose what it gives', async () => {
    await assert.rejects(reading({ kind: 'link' }, answer([{ title: 'G' }]), { groups }), /key is empty/);
  });
});

describe('as whom an API is asked', () => {
  const people = { path: '/people', at: 'list', paging: { kind: 'none' } } as const;
  const asked = async (auth: NonNullable<Settings['auth']>, secrets: Record<string, string>) => {
    let headers: HttpRequest['headers'] = {};
    const double = await startHttpDouble(
      (request) => {
        headers = request.headers;
        if (request.url.pathname !== '/token') return { body: { list: [] } };
        return { body: { access_token: `${headers.authorization} ${request.body}`.replace(/\W+/g, '-') } };
      },
      () => true,
    );
    const settings = rest.settings.parse({
      baseUrl: double.url,
      auth,
      people,
      fields: FIELDS,
      headers: { 'x-version': '7' },
    });
    try {
      await readAll(rest.open(settings, { ...kitContext().context, secrets }));
    } finally {
      await double.close();
    }
    assert.equal(headers['x-version'], '7');
    return headers;
  };

  it('given each way, then that is how', async () => {
    assert.equal((await asked({ kind: 'none' }, {})).authorization, undefined);
    assert.equal((await asked({ kind: 'bearer' }, { token: 't' })).authorization, 'Bearer t');
    assert.equal((await asked({ kind: 'header', name: 'X-Api-Key' }, { token: 't' }))['x-api-key'], 't');
    assert.equal((await asked({ kind: 'basic' }, { username: 'u', password: 'p' })).authorization, 'Basic dTpw');
    const client = { clientId: 'c', clientSecret: 's' };
    const oauth = { kind: 'oauth', tokenUrl: '/token', scope: 'people' } as const;
    assert.match(
      (await asked(oauth, client)).authorization ?? '',
      /client_credentials-scope-people-client_id-c-client_secret-s/,
    );
    assert.match(
      (await asked({ ...oauth, client: 'basic' }, client)).authorization ?? '',
      /Basic-Yzpz-grant_type-client_credentials-scope-people$/,
    );
    assert.match(
      (await asked({ ...oauth, client: 'json' }, client)).authorization ?? '',
      /client_id-c-client_secret-s-$/,
    );
  });

  it('given a secret is missing, then that is said', async () => {
    await assert.rejects(asked({ kind: 'bearer' }, {}), { code: 'conflict', message: /secret token/ });
  });
});

describe('paths', () => {
  const json = {
    'a.b': { 'c/d': 1 },
    list: [
      { n: 'x', l: [1, 2] },
      { n: 'y', l: [3] },
    ],
    zero: 0,
    no: false,
  };
  for (const [path, values] of [
    ['/a.b/c~1d', [1]],
    ['list.n', ['x', 'y']],
    ['list.1.n', ['y']],
    ['list.l', [[1, 2], [3]]],
    ['list.l.0', [1, 3]],
    ['zero', [0]],
    ['__proto__.x', []],
    ['constructor.name', []],
    ['', [json]],
  ] as const) {
    it(`given "${path}", then it leads to ${JSON.stringify(values).slice(0, 40)}`, () =>
      assert.deepEqual(valuesAt(json, path), values));
  }
  it('given false or zero, then that is a text too; given an object, then it is none', () => {
    assert.deepEqual([textAt(json, 'no'), textAt(json, 'zero'), textAt(json, 'list')], ['false', '0', '']);
  });
});
