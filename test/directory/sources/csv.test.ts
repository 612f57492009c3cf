/** CSV feeds: a whole one is read, from wherever and however it is written; nothing else is taken for one. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import type { z } from 'zod';
import { csv } from '../../../src/directory/sources/csv.ts';
import type { SourceContext } from '../../../src/directory/sources/source.ts';
import { startHttpDouble } from '../../doubles/http-double.ts';
import { checkSource, kitContext, readAll, type SourceDouble } from './kit.ts';
import { shown, type World } from './world.ts';

const root = mkdtempSync(join(tmpdir(), 'drawbridge-csv-'));
after(() => rmSync(root, { recursive: true }));
const makeFolder = () => mkdtempSync(join(root, 'feed-'));
const HEADER = 'id,email,name,status,groups';
const COLUMNS = { status: 'status', groups: 'groups' };
const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;

/** People of a world as an HR system exports them, each line with its end. */
function lines({ people, groups }: World): string[] {
  return people.map(({ id, email, given, family, active }) => {
    const names = groups.filter(({ members }) => members.includes(id)).map(({ name }) => name);
    const cells = [id, email, `${given} ${family}`, active ? 'active' : 'terminated', names.join(';')];
    return `${cells.map(quoted).join(',')}\n`;
  });
}
const exported = (world: World) => `${HEADER}\n${lines(world).join('')}`;

function openCsv(
  config: z.input<typeof csv.settings>,
  context: Omit<SourceContext<never>, 'secrets'> = kitContext().context,
) {
  return csv.open(csv.settings.parse(config), { ...context, secrets: {} });
}

function startFiles(write: (folder: string, world: World, truncated: boolean) => void, config: object) {
  return async (world: World): Promise<SourceDouble> => {
    const folder = makeFolder();
    let truncated = false;
    return {
      open: (context) => {
        const source = openCsv({ folder, columns: COLUMNS, ...config }, context);
        return {
          read: async (since) => {
            write(folder, world, truncated);
            return source.read(since);
          },
        };
      },
      pages: () => 1,
      meet: () => {
        truncated = true;
      },
      close: async () => {},
    };
  };
}

const half = (text: string) => text.slice(0, text.length / 2);
const FILE = {
  pageSize: null,
  groups: true,
  cannot: ['cut-off', 'login-page', 'server-error', 'rate-limit', 'hang', 'trickle', 'denied'],
} as const;

checkSource('a CSV file, the newest of a folder', {
  ...FILE,
  start: startFiles((folder, world, truncated) => {
    writeFileSync(join(folder, 'a.csv'), truncated ? half(exported(world)) : exported(world));
    writeFileSync(join(folder, 'b.csv'), `${HEADER}\nold,old@acme.example,Old,active,\n`);
    utimesSync(join(folder, 'b.csv'), 1, 1);
    writeFileSync(join(folder, 'c.csv.part'), 'id,em');
  }, {}),
});

checkSource('all CSV files of a folder', {
  ...FILE,
  start: startFiles(
    (folder, world, truncated) => {
      const all = lines(world);
      const second = `${HEADER}\n${all.slice(3).join('')}`;
      writeFileSync(join(folder, '1.csv'), `${HEADER}\n${all.slice(0, 3).join('')}`);
      writeFileSync(join(folder, '2.csv'), truncated ? half(second) : second);
    },
    { pick: 'all' },
  ),
});

checkSource('CSV at an address', {
  pageSize: null,
  groups: true,
  start: async (world) => {
    const double = await startHttpDouble(
      ({ headers }) => (headers.authorization === 'Basic eDp5' ? { body: exported(world) } : { status: 401 }),
      () => true,
    );
    const settings = csv.settings.parse({ url: `${double.url}/people.csv`, columns: COLUMNS });
    return {
      ...double,
      open: (context) => csv.open(settings, { ...context, secrets: { authorization: 'Basic eDp5' } }),
    };
  },
});

/** Reads bytes as a file. */
async function reading(bytes: string | Uint8Array, config: object = {}) {
  const file = join(makeFolder(), 'hr.csv');
  writeFileSync(file, bytes);
  return readAll(openCsv({ file, ...config }));
}
const utf16be = (text: string) => Buffer.from(`\ufeff${text}`, 'utf16le').swap16();

describe('how a CSV file may be written', () => {
  const text = 'id,email,name\nE1,ana@acme.example,Zoë Ångström\n';
  const ways: readonly [name: string, bytes: string | Uint8Array, config?: object][] = [
    ['UTF-8', text],
    ['UTF-8 with a mark', `\ufeff${text}`],
    ['UTF-16, little end first, with a mark', Buffer.from(`\ufeff${text}`, 'utf16le')],
    ['UTF-16, big end first, with a mark', utf16be(text)],
    ['UTF-16 without a mark, as the setting says', Buffer.from(text, 'utf16le'), { encoding: 'utf-16le' }],
    ['Latin-1, as the setting says', Buffer.from(text, 'latin1'), { encoding: 'latin1' }],
    ['a mark that says otherwise than the setting', `\ufeff${text}`, { encoding: 'latin1' }],
    ['semicolons', text.replaceAll(',', ';')],
    ['tabs', text.replaceAll(',', '\t')],
    ['bars', text.replaceAll(',', '|')],
    ['a delimiter of its own, as the setting says', text.replaceAll(',', '^'), { delimiter: '^' }],
    ['lines as on Windows', text.replaceAll('\n', '\r\n')],
    ['everything in quotes', text.replace(/[^,\n]+/g, '"$&"')],
    ['empty lines', `\n\n${text}\n\n`],
    ['a longer header in another order', 'x;y,name,z,email,id\n1,Zoë Ångström,,ana@acme.example,E1\n'],
    ['spaces around the names of columns', text.replace('id,email', ' id , email ')],
    ['saying how many rows it has, first', `# rows: 1\n# extent: full\n${text}`],
    ['saying how many rows it has, last', `${text}# rows = 1,,\n`, { countRequired: true }],
  ];
  for (const [name, bytes, config] of ways) {
    it(`given ${name}, then it is read`, async () => {
      const { records } = await reading(bytes, config);
      assert.deepEqual(shown(records).people, { 'ana@acme.example': 'Zoë Ångström' });
    });
  }

  it('given declarations before the header, then a wrong record is told with its line in the file', async () => {
    const { records } = await reading('# rows: 2\nid,email,name\nE1,ana@acme.example,Ana\nE2,ben,Ben\n');
    assert.deepEqual(
      records.flatMap((record) => (record.kind === 'bad' ? [record.where] : [])),
      ['line 4'],
    );
  });
});

describe('what is not a whole CSV file', () => {
  const text = 'id,email,name\nE1,ana@acme.example,Ana\nE2,ben@acme.example,Zoë\n';
  const broken: readonly [name: string, bytes: string | Uint8Array, told: RegExp, config?: object][] = [
    ['FEED-1: no byte at all', '', /is empty/],
    ['FEED-1: a mark and nothing else', '\ufeff', /is empty/],
    ['no header', '# rows: 0\n', /no header/],
    ['FEED-3: half a line', text.slice(0, -8), /cut off/],
    ['FEED-3: half a character', Buffer.from(text).subarray(0, -2), /not valid UTF-8/],
    ['FEED-3: half a character of UTF-16', utf16be(text).subarray(0, -3), /not valid UTF-16BE/],
    ['FEED-3: whole lines, but fewer than it says', `# rows: 3\n${text}`, /has 2 rows, and says that it has 3/],
    ['more lines than it says', `${text}# rows: 1\n`, /has 2 rows, and says that it has 1/],
    ['FEED-3: its last line missing, which says how many there are', text, /does not say/, { countRequired: true }],
    ['FEED-11: Latin-1 for UTF-8', Buffer.from(text, 'latin1'), /not valid UTF-8/],
    ['FEED-11: UTF-16 without a mark', Buffer.from(text, 'utf16le'), /not valid UTF-8|lacks the columns/],
    ['FEED-12: a renamed column', text.replace('email', 'mail'), /lacks the column email/],
    ['a column twice', text.replace('name', 'name,email'), /names the column email twice/],
    ['too few cells', `${text}E3\n`, /another number of cells/],
    ['a quote that stays open', `${text}E3,"cam\n`, /a quote is not closed/],
    ['changes where everybody is expected', `# extent: changes\n${text}`, /extent is changes/],
    ['everybody where changes are expected', `${text}# extent: full\n`, /extent is full/, { extent: 'changes' }],
    ['a page for signing in', '<!doctype html>\n<title>Sign in</title>\n', /lacks the columns/],
    ['a header without end', 'x'.repeat(2_000_000), /longer than/],
  ];
  for (const [name, bytes, told, config] of broken) {
    it(`given ${name}, then it is refused`, async () => {
      await assert.rejects(reading(bytes, config), { code: 'invalid-feed', message: told });
    });
  }

  it('FEED-10: given one line of 100 MB, then it is refused, and memory stays where it was', async () => {
    const file = join(makeFolder(), 'hr.csv');
    writeFileSync(file, `${HEADER}\nE1,ana@acme.example,"`);
    for (let at = 0; at < 100; at += 1) writeFileSync(file, 'x'.repeat(1024 * 1024), { flag: 'a' });
    writeFileSync(file, '",active,\n', { flag: 'a' });
    const before = process.memoryUsage().rss;
    await assert.rejects(readAll(openCsv({ file })), { code: 'invalid-feed', message: /longer than/ });
    assert.ok(process.memoryUsage().rss - before < 64 * 1024 * 1024);
  });

  it('FEED-16: given another file comes into the folder while it is read, then that is refused', async () => {
    const folder = makeFolder();
    writeFileSync(join(folder, '1.csv'), text);
    const { records } = await openCsv({ folder, pick: 'all' }).read(null);
    await assert.rejects(async () => {
      for await (const _ of records) writeFileSync(join(folder, '2.csv'), text);
    }, /changed while it was read/);
  });

  it('FEED-17: given a server that lies about the length, then that is refused', async () => {
    for (const length of [-20, 20]) {
      const double = await startHttpDouble(
        () => ({ body: text, headers: { 'content-length': String(text.length + length) } }),
        () => true,
      );
      try {
        await assert.rejects(readAll(openCsv({ url: double.url })), (error: { code: string }) =>
          ['invalid-feed', 'upstream-failed'].includes(error.code),
        );
      } finally {
        await double.close();
      }
    }
  });

  it('given a folder without such files, or no folder, then that is an error', async () => {
    await assert.rejects(readAll(openCsv({ folder: makeFolder() })), /no file \*\.csv/);
    await assert.rejects(readAll(openCsv({ folder: join(root, 'none') })), /no such folder/);
  });
});

describe('what a row may say', () => {
  const one = async (row: string, config: object = {}) => {
    const columns = { startsOn: 'from', endsOn: 'to', ...COLUMNS };
    const { records } = await reading(`${HEADER},from,to\n${row}\n`, { columns, ...config });
    return records[0]!;
  };

  for (const day of ['0000-00-00', '31.02.2026', '2026-02-31', '2026-13-01', '0001-01-01', 'soon']) {
    it(`FEED-8: given the last day ${day}, then the record is bad, and it is said of whom`, async () => {
      const record = await one(`E1,ana@acme.example,Ana,active,,,${day}`);
      assert.deepEqual(record, {
        kind: 'bad',
        sourceKey: 'E1',
        where: 'line 2',
        reason: 'to is not a day (YYYY-MM-DD)',
      });
    });
  }

  it('FEED-8: given a last day in 9999, then there is none', async () => {
    const record = await one('E1,ana@acme.example,Ana,active,,2026-02-28,9999-12-31');
    assert.ok(record.kind === 'user');
    assert.deepEqual([record.startsOn, record.endsOn], ['2026-02-28', null]);
  });

  it('FEED-9: given formulas and HTML in names, then they are kept as they are', async () => {
    const record = await one('E1,ana@acme.example,"=HYPERLINK(""x"")<b>",active,,,');
    assert.ok(record.kind === 'user' && record.displayName === '=HYPERLINK("x")<b>');
  });

  it('given a NUL, then the record is bad, for the database can not keep it', async () => {
    const record = await one('E1,ana@acme.example,A\0na,active,,,');
    assert.ok(record.kind === 'bad' && /no text/.test(record.reason));
  });

  it('FEED-5: given spaces around an id and capitals in an address, then they do not count', async () => {
    const record = await one(' E1 ,Ana@ACME.example, Ana ,Terminated,A; b ;;A,,');
    assert.ok(record.kind === 'user');
    const { sourceKey, email, displayName, active, groups } = record;
    assert.deepEqual(
      { sourceKey, email, displayName, active, groups },
      { sourceKey: 'E1', email: 'ana@acme.example', displayName: 'Ana', active: false, groups: ['A', 'b'] },
    );
  });
});

describe('feeds of changes', () => {
  const header = 'id,email,name,groups,what';
  const config = { extent: 'changes', columns: { groups: 'groups', change: 'what' } } as const;

  it('given files in a folder, then each is read once, in the order of their names', async () => {
    const folder = makeFolder();
    const source = openCsv({ folder, ...config });
    writeFileSync(join(folder, '1.csv'), `${header}\nE1,ana@acme.example,Ana,A,\nE2,ben@acme.example,Ben,A,\n`);
    writeFileSync(join(folder, '2.csv'), `${header}\nE1,ana@acme.example,Ana,B,\n`);
    const first = await readAll(source);
    assert.equal(first.extent, 'changes');
    assert.deepEqual(shown(first.records).memberships, ['A: ben@acme.example', 'B: ana@acme.example']);
    writeFileSync(join(folder, '3.csv'), `${header}\nE2,,,,Deleted\n`);
    const second = await readAll(source, first.cursor);
    assert.deepEqual(second.records, [{ kind: 'gone', what: 'user', key: 'E2' }]);
    const third = await readAll(source, second.cursor);
    assert.deepEqual([third.records, third.cursor], [[], second.cursor]);
  });

  it('given settings that contradict themselves, then they are refused', () => {
    for (const wrong of [{}, { file: 'a', url: 'https://hr.test' }, { file: 'a', columns: { change: 'what' } }]) {
      assert.equal(csv.settings.safeParse(wrong).success, false);
    }
  });
});
