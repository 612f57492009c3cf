/** A source as a third party would write one, whole, with its double and the kit's tests: the example to begin from. */
import { z } from 'zod';
import { jsonOf } from '../../../src/directory/sources/http.ts';
import { noPageTwice } from '../../../src/directory/sources/paging.ts';
import { fullReading, type SourceRecord, sourceKind } from '../../../src/directory/sources/source.ts';
import { type HttpAnswer, type HttpRequest, startHttpDouble } from '../../doubles/http-double.ts';
import { checkSource } from './kit.ts';
import type { World } from './world.ts';

const person = z.object({ id: z.string().min(1), mail: z.email(), name: z.string(), here: z.boolean() });
const page = z.object({ people: z.array(z.unknown()), next: z.string().nullable() });

/** The staff list of a made-up system, of which each page names the next. */
const staffList = sourceKind({
  settings: z.strictObject({ url: z.url() }),
  secrets: z.strictObject({ token: z.string() }),
  open: ({ url }, { secrets, send }) => {
    async function* read(): AsyncIterable<SourceRecord> {
      const isNew = noPageTwice(url);
      for (let after: string | null = ''; after !== null; ) {
        isNew(after);
        const address: string = `${url}/staff?after=${after}`;
        const answer = await send(address, { headers: { authorization: `Bearer ${secrets.token}` } });
        const { people, next } = page.parse(jsonOf(address, answer));
        yield* people.map((each, at) => readPerson(each, `after "${after}", entry ${at + 1}`));
        after = next;
      }
    }
    return { read: async () => fullReading(read()) };
  },
});

function readPerson(said: unknown, where: string): SourceRecord {
  const parsed = person.safeParse(said);
  if (!parsed.success) return { kind: 'bad', sourceKey: null, where, reason: z.prettifyError(parsed.error) };
  const { id, mail, name, here } = parsed.data;
  const email = mail.toLowerCase();
  const dates = { startsOn: null, endsOn: null };
  const names = { userName: email, email, displayName: name };
  const facts = { active: here, groups: [], attributes: parsed.data, where, ...dates };
  return { kind: 'user', sourceKey: id, externalId: id, ...names, ...facts };
}

const PAGE_SIZE = 5;
const TOKEN = 'token-of-the-double';

/** The list stays as it was when its first page was asked for, so that pages are true while people come and go. */
function answering(world: World): (request: HttpRequest) => HttpAnswer {
  let list: World['people'] = [];
  return ({ url, headers }) => {
    if (headers.authorization !== `Bearer ${TOKEN}`) return { status: 401 };
    const begin = Number(url.searchParams.get('after'));
    if (begin === 0) list = [...world.people];
    const people = list.slice(begin, begin + PAGE_SIZE).map(said);
    const end = begin + PAGE_SIZE;
    return { body: { people, next: end < list.length ? String(end) : null } };
  };
}

const said = ({ id, email, given, family, active }: World['people'][0]) => ({
  id,
  mail: email,
  name: `${given} ${family}`,
  here: active,
});

checkSource('an example of a source', {
  start: async (world) => {
    const double = await startHttpDouble(answering(world), () => true);
    return {
      ...double,
      open: (context) => staffList.open({ url: double.url }, { ...context, secrets: { token: TOKEN } }),
    };
  },
  pageSize: PAGE_SIZE,
  groups: false,
});
