/** From the bytes of a CSV file to its text: decoded without guessing, and refused where its end is missing. */
import { Fault } from '../../errors.ts';
import type { CsvInput } from './csv-input.ts';
import type { CsvSettings, ENCODINGS } from './csv-settings.ts';

type Encoding = (typeof ENCODINGS)[number];

const MARKS: readonly (readonly [Encoding, readonly number[]])[] = [
  ['utf-8', [0xef, 0xbb, 0xbf]],
  ['utf-16le', [0xff, 0xfe]],
  ['utf-16be', [0xfe, 0xff]],
];

/**
 * Decodes a file as it comes.
 * @throws Fault `invalid-feed` where it is not of that encoding, or does not end with a line end: it was cut off, or is still being written
 */
export async function* textOf({ where, bytes }: CsvInput, settings: CsvSettings): AsyncGenerator<string> {
  let last = '';
  for await (const text of decoded(bytes(), settings.encoding, where)) {
    if (text === '') continue;
    last = text;
    yield text;
  }
  if (last === '') throw new Fault('invalid-feed', 'The file is empty; nothing was changed.', { where });
  if (/[\r\n]$/.test(last)) return;
  throw new Fault('invalid-feed', 'The file does not end with a line end: its last line is cut off.', {
    where,
    remedy: 'Export it again; a complete file ends with a line end.',
  });
}

async function* decoded(bytes: AsyncIterable<Uint8Array>, said: Encoding, where: string): AsyncGenerator<string> {
  let decoder: TextDecoder | null = null;
  let begin = Buffer.alloc(0);
  let encoding = said;
  const decode = (chunk?: Uint8Array): string => {
    try {
      // Half a character at the end is an error, too.
      return chunk === undefined ? (decoder?.decode() ?? '') : (decoder?.decode(chunk, { stream: true }) ?? '');
    } catch (cause) {
      const remedy = 'Export it so, or set the encoding of the directory.';
      const reason = `The file is not valid ${encoding.toUpperCase()}; nothing was changed.`;
      throw new Fault('invalid-feed', reason, { where, remedy, cause });
    }
  };
  const start = (): string => {
    encoding = markedEncoding(begin) ?? said;
    decoder = new TextDecoder(encoding, { fatal: true });
    return decode(begin);
  };
  for await (const chunk of bytes) {
    if (decoder !== null) {
      yield decode(chunk);
      continue;
    }
    begin = Buffer.concat([begin, chunk]);
    if (begin.length >= 3) yield start();
  }
  if (decoder === null) yield start();
  yield decode();
}

function markedEncoding(begin: Uint8Array): Encoding | undefined {
  return MARKS.find(([, mark]) => mark.every((byte, at) => begin[at] === byte))?.[0];
}
