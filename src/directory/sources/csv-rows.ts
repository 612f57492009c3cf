/** From the text of a CSV file to its rows. What the file says of itself (its extent, how many rows it has) must be true. */
import { pipeline, Readable } from 'node:stream';
import { type InfoRecord, parse } from 'csv-parse';
import { Fault } from '../../errors.ts';
import type { CsvInput } from './csv-input.ts';
import type { CsvSettings } from './csv-settings.ts';
import { textOf } from './csv-text.ts';

export interface CsvRow {
  readonly record: Record<string, string>;
  readonly line: number;
}

const MAX_LINE = 1024 * 1024;

/** `# rows: 1200` or `# extent: full`, with whatever empty cells a spreadsheet adds. */
const DECLARATION = /^#\s*(rows|extent)\s*[:=]\s*(\w+)[\s,;|]*$/i;

/** Reads the rows of a file. @throws Fault `invalid-feed` */
export async function* rowsOf(input: CsvInput, settings: CsvSettings): AsyncGenerator<CsvRow> {
  const declared = new Map<string, string>();
  const { header, before, rest } = await opening(textOf(input, settings), declared, input.where);
  agree(declared, settings, input.where);
  const columns = namedColumns(settings);
  const delimiter = settings.delimiter ?? findDelimiter(header, columns);
  const parser = parse({
    delimiter,
    info: true,
    max_record_size: MAX_LINE,
    skip_empty_lines: true,
    // A line that says something of the file has a cell only.
    relax_column_count: true,
    columns: (names: string[]) => checkedHeader(names, columns, `${input.where} line ${before + 1}`),
  });
  pipeline(Readable.from(rest), parser, () => {});
  let count = 0;
  try {
    for await (const row of parser) {
      const { record, info } = row as { record: Record<string, string>; info: InfoRecord };
      if (declares(Object.values(record)[0] ?? '', declared)) continue;
      if (info.error !== undefined) throw info.error;
      count += 1;
      yield { record, line: info.lines + before };
    }
  } catch (error) {
    throw readFault(error, input.where, before);
  }
  agree(declared, settings, input.where);
  checkCount(declared.get('rows'), count, settings, input.where);
}

interface Opening {
  readonly header: string;
  /** How many lines stand before the header. */
  readonly before: number;
  /** The header and everything after it. */
  readonly rest: AsyncIterable<string>;
}

/** Reads until the header is whole, and leaves out what the file says of itself before it. */
async function opening(text: AsyncGenerator<string>, declared: Map<string, string>, where: string): Promise<Opening> {
  let begin = '';
  let before = 0;
  for (let next = await text.next(); !next.done; next = await text.next()) {
    begin += next.value;
    for (let line = firstLine(begin); line !== null; line = firstLine(begin)) {
      if (line.trim() !== '' && !declares(line.trim(), declared))
        return { header: line, before, rest: joined(begin, text) };
      before += 1;
      begin = begin.slice(line.length);
    }
    if (begin.length > MAX_LINE)
      throw malformed(`a line is longer than ${MAX_LINE} characters`, `${where} line ${before + 1}`);
  }
  throw new Fault('invalid-feed', 'The file has no header; nothing was changed.', { where });
}

/** With its end; null where it is not whole yet. A header's cell may be quoted, but not hold a line end. */
function firstLine(text: string): string | null {
  return /^[^\r\n]*(?:\r\n|\n|\r(?=[^\n]))/.exec(text)?.[0] ?? null;
}

async function* joined(begin: string, text: AsyncGenerator<string>): AsyncGenerator<string> {
  yield begin;
  yield* text;
}

function declares(text: string, declared: Map<string, string>): boolean {
  const [, name, value] = (text.startsWith('#') && DECLARATION.exec(text)) || [];
  if (name === undefined || value === undefined) return false;
  declared.set(name.toLowerCase(), value.toLowerCase());
  return true;
}

function agree(declared: Map<string, string>, { extent }: CsvSettings, where: string): void {
  const said = declared.get('extent') ?? extent;
  if (said === extent) return;
  throw new Fault(
    'invalid-feed',
    `The file's extent is ${said}, and the directory's is ${extent}; nothing was changed.`,
    {
      where,
      remedy: 'Give the directory the feed it is set up for.',
    },
  );
}

function checkCount(said: string | undefined, count: number, { countRequired }: CsvSettings, where: string): void {
  if (said === undefined && !countRequired) return;
  if (said === undefined) throw new Fault('invalid-feed', 'The file does not say how many rows it has.', { where });
  if (Number(said) === count) return;
  throw new Fault('invalid-feed', `The file has ${count} rows, and says that it has ${said}; nothing was changed.`, {
    where,
    remedy: 'Export it again.',
  });
}

function namedColumns({ columns }: CsvSettings): string[] {
  return Object.values(columns).filter((name) => name !== undefined);
}

/** The one by which the header has most of the columns that are named, then the most cells. */
function findDelimiter(header: string, columns: readonly string[]): string {
  const worth = (delimiter: string) => {
    const cells = header.split(delimiter).map((cell) => cell.trim().replace(/^"(.*)"$/, '$1'));
    return columns.filter((name) => cells.includes(name)).length * 10_000 + cells.length;
  };
  return [',', ';', '\t', '|'].reduce((best, each) => (worth(each) > worth(best) ? each : best));
}

function checkedHeader(names: readonly string[], columns: readonly string[], where: string): string[] {
  const header = names.map((name) => name.trim());
  const missing = columns.filter((name) => !header.includes(name));
  if (missing.length > 0) {
    const reason = `The header lacks the column${missing.length > 1 ? 's' : ''} ${missing.join(', ')}.`;
    throw new Fault('invalid-feed', reason, {
      where,
      remedy: `It has: ${header.join(', ').slice(0, 300)}. Mend the export, or the directory's column settings.`,
    });
  }
  const twice = header.find((name, index) => header.indexOf(name) !== index);
  if (twice !== undefined) throw new Fault('invalid-feed', `The header names the column ${twice} twice.`, { where });
  return header;
}

function readFault(error: unknown, where: string, before: number): unknown {
  const { code, lines, message } = error as { code?: string; lines?: number; message: string };
  if (error instanceof Fault || !code?.startsWith('CSV_')) return error;
  return malformed(plainReason(code, message), `${where} line ${lines === undefined ? '?' : lines + before}`, error);
}

function malformed(reason: string, where: string, cause?: unknown): Fault {
  const message = `The file is not well-formed CSV: ${reason}; nothing was changed.`;
  return new Fault('invalid-feed', message, { where, remedy: 'Export it again.', cause });
}

function plainReason(code: string, message: string): string {
  if (code === 'CSV_RECORD_INCONSISTENT_COLUMNS') return 'a line has another number of cells than the header';
  if (code === 'CSV_QUOTE_NOT_CLOSED') return 'a quote is not closed';
  if (code === 'CSV_MAX_RECORD_SIZE') return `a line is longer than ${MAX_LINE} characters`;
  return message.split('.')[0] ?? message;
}
