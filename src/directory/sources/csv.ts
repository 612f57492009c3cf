/**
 * People from a CSV file, as HR systems export them. Nothing is guessed: a renamed column, a duplicate id, a wrong date, bytes that
 * are not UTF-8, or half a line stop the run with every finding listed (directory, Sources; security, Feeds).
 */
import { createReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { parse } from 'csv-parse';
import { z } from 'zod';
import { Fault } from '../../errors.ts';
import { type BadRecord, fullReading, type SourceRecord, type SourceUser, sourceKind } from './source.ts';

export const csvSettings = z.strictObject({
  /** Path of the file, relative to where the server was started. */
  file: z.string().min(1),
  delimiter: z.string().length(1).default(','),
  /** Which column says what. Only `id` and `email` must be there. */
  columns: z
    .strictObject({
      id: z.string().default('id'),
      email: z.string().default('email'),
      name: z.string().default('name'),
      status: z.string().optional(),
      startsOn: z.string().optional(),
      endsOn: z.string().optional(),
      groups: z.string().optional(),
    })
    .prefault({}),
  /** Values of the status column (any case) that mean: no longer here. */
  inactive: z.array(z.string()).default(['terminated', 'inactive', 'left', 'former']),
  groupSeparator: z.string().min(1).default(';'),
});

export type CsvSettings = z.output<typeof csvSettings>;

const MAX_LINE_BYTES = 1024 * 1024;

/** A CSV file. */
export const csv = sourceKind({
  settings: csvSettings,
  secrets: z.strictObject({}),
  open: (settings) => ({ read: async () => fullReading(readCsv(settings)) }),
});

async function* readCsv(settings: CsvSettings): AsyncIterable<SourceRecord> {
  const file = await openFile(settings.file);
  try {
    const before = await file.stat();
    await refuseHalfLine(file, before.size, settings.file);
    for await (const { record, line } of rows(settings)) yield readRecord(record, settings, line);
    const after = await file.stat();
    if (after.size !== before.size || after.mtimeMs !== before.mtimeMs) {
      throw new Fault('invalid-feed', 'The file changed while it was read; nothing was changed.', {
        where: settings.file,
        remedy: 'Write it elsewhere and move it into place when it is complete, then run again.',
      });
    }
  } finally {
    await file.close();
  }
}

async function openFile(path: string): Promise<FileHandle> {
  return open(path, 'r').catch((cause: NodeJS.ErrnoException) => {
    const what = cause.code === 'ENOENT' ? 'There is no such file' : `The file can't be read (${cause.code})`;
    throw new Fault('invalid-feed', `${what}; nothing was changed.`, { where: path, cause });
  });
}

/** A file that does not end in a line end was cut off, or is still being written. */
async function refuseHalfLine(file: FileHandle, size: number, path: string): Promise<void> {
  if (size === 0) return;
  const last = Buffer.alloc(1);
  await file.read(last, 0, 1, size - 1);
  if (last[0] !== 0x0a) {
    throw new Fault('invalid-feed', 'The file does not end with a line end: its last line is cut off.', {
      where: path,
      remedy: 'Export it again; a complete file ends with a line end.',
    });
  }
}

type Row = { record: Record<string, string>; line: number };

async function* rows(settings: CsvSettings): AsyncIterable<Row> {
  const { delimiter, columns } = settings;
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const parser = parse({
    delimiter,
    bom: true,
    info: true,
    max_record_size: MAX_LINE_BYTES,
    skip_empty_lines: true,
    columns: (header: string[]) =>
      checkedHeader(
        header.map((name) => name.trim()),
        columns,
        settings.file,
      ),
  });
  const input = createReadStream(settings.file);
  const feed = async () => {
    for await (const chunk of input) {
      if (!parser.write(decoder.decode(chunk as Buffer, { stream: true }))) await onceDrained(parser);
    }
    decoder.decode();
    parser.end();
  };
  feed().catch((error: Error) => parser.destroy(error));
  try {
    for await (const row of parser) {
      const { record, info } = row as { record: Record<string, string>; info: { lines: number } };
      yield { record, line: info.lines };
    }
  } catch (error) {
    throw readFault(error, settings.file);
  } finally {
    input.destroy();
  }
}

function onceDrained(parser: NodeJS.WritableStream): Promise<void> {
  return new Promise((resume, fail) => {
    const settle = () => {
      parser.off('drain', settle);
      parser.off('close', closed);
      resume();
    };
    const closed = () => fail(new Error('closed'));
    parser.once('drain', settle);
    parser.once('close', closed);
  });
}

function checkedHeader(header: string[], columns: CsvSettings['columns'], path: string): string[] {
  const missing = Object.values(columns).filter((name) => name !== undefined && !header.includes(name));
  if (missing.length > 0) {
    throw new Fault(
      'invalid-feed',
      `The header lacks the column${missing.length > 1 ? 's' : ''} ${missing.join(', ')}.`,
      {
        where: `${path} line 1`,
        remedy: `It has: ${header.join(', ').slice(0, 300)}. Mend the export, or the directory's column settings.`,
      },
    );
  }
  const twice = header.find((name, index) => header.indexOf(name) !== index);
  if (twice !== undefined) {
    throw new Fault('invalid-feed', `The header names the column ${twice} twice.`, { where: `${path} line 1` });
  }
  return header;
}

function readRecord(record: Record<string, string>, settings: CsvSettings, line: number): SourceUser | BadRecord {
  const { columns } = settings;
  const where = `line ${line}`;
  const cell = (column: string | undefined) => (column === undefined ? '' : (record[column] ?? '').trim());
  const problems: string[] = [];

  const id = cell(columns.id).normalize('NFC');
  if (id === '') problems.push(`${columns.id} is empty`);

  const email = cell(columns.email).toLowerCase();
  if (email !== '' && !EMAIL.test(email)) problems.push(`${columns.email} is not an e-mail address`);
  const startsOn = readDay(cell(columns.startsOn), columns.startsOn, problems);
  const endsOn = readDay(cell(columns.endsOn), columns.endsOn, problems);

  if (problems.length > 0) return { kind: 'bad', sourceKey: id || null, where, reason: problems.join('; ') };
  return {
    kind: 'user',
    sourceKey: id,
    externalId: id,
    userName: email || id,
    email: email || null,
    displayName: cell(columns.name),
    active: !settings.inactive.some((value) => value.toLowerCase() === cell(columns.status).toLowerCase()),
    startsOn,
    endsOn,
    groups: [
      ...new Set(
        cell(columns.groups)
          .split(settings.groupSeparator)
          .map((name) => name.trim())
          .filter(Boolean),
      ),
    ],
    attributes: record,
    where,
  };
}

const EMAIL = /^[^\s@<>"',;]+@[^\s@<>"',;]+\.[^\s@<>"',;]+$/;
const DAY = /^(\d{4})-(\d{2})-(\d{2})$/;

function readDay(text: string, column: string | undefined, problems: string[]): string | null {
  if (text === '') return null;
  const [, year, month, day] = DAY.exec(text) ?? [];
  const date = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day)));
  const real = Number(year) >= 1900 && date.getUTCMonth() === Number(month) - 1 && date.getUTCDate() === Number(day);
  if (!real) {
    problems.push(`${column} is not a day (YYYY-MM-DD)`);
    return null;
  }
  return text;
}

function readFault(error: unknown, path: string): unknown {
  if (error instanceof Fault) return error;
  const { code, lines, message } = error as { code?: string; lines?: number; message: string };
  if (code === 'ERR_ENCODING_INVALID_ENCODED_DATA') {
    return new Fault('invalid-feed', 'The file is not valid UTF-8; nothing was changed.', {
      where: path,
      remedy: 'Export it as UTF-8.',
      cause: error,
    });
  }
  if (code?.startsWith('CSV_')) {
    return new Fault(
      'invalid-feed',
      `The file is not well-formed CSV: ${plainReason(code, message)}; nothing was changed.`,
      {
        where: `${path} line ${lines ?? '?'}`,
        remedy: 'Export it again.',
        cause: error,
      },
    );
  }
  return error;
}

function plainReason(code: string, message: string): string {
  if (code === 'CSV_RECORD_INCONSISTENT_COLUMNS') return 'a line has another number of cells than the header';
  if (code === 'CSV_QUOTE_NOT_CLOSED') return 'a quote is not closed';
  if (code === 'CSV_MAX_RECORD_SIZE') return `a line is longer than ${MAX_LINE_BYTES} bytes`;
  return message.split('.')[0] ?? message;
}
