/** Where the bytes of a CSV feed come from: a file, the files of a folder, or an address. What changes while it is read is refused. */
import { type FileHandle, open, readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { Fault } from '../../errors.ts';
import type { CsvSettings } from './csv-settings.ts';
import type { Download } from './download.ts';
import { placeOf } from './http.ts';

export interface CsvInput {
  /** To be told to the reader. */
  readonly where: string;
  readonly bytes: () => AsyncIterable<Uint8Array>;
}

export interface CsvInputs {
  readonly inputs: readonly CsvInput[];
  /** How far this goes, for a feed of changes. */
  readonly cursor: string;
  /** Asked at the end. @throws Fault `invalid-feed` where files came or went in the meantime */
  readonly verify: () => Promise<void>;
}

/**
 * Finds what is to be read.
 * @param since of a folder of changes, the name of the last file that was read
 */
export async function findInputs(
  { file, folder, url, endsWith, extent, pick }: CsvSettings,
  since: string | null,
  download: Download,
  authorization: string | undefined,
): Promise<CsvInputs> {
  if (url !== undefined) {
    const headers = { accept: 'text/csv', ...(authorization === undefined ? {} : { authorization }) };
    return alone({ where: placeOf(url), bytes: () => downloaded(url, headers, download) });
  }
  if (folder === undefined) return alone(fileInput(file ?? ''));
  const names = await namesIn(folder, endsWith);
  if (extent === 'changes') {
    const later = names.filter((name) => since === null || name > since);
    const inputs = later.map((name) => fileInput(join(folder, name)));
    return { inputs, cursor: later.at(-1) ?? since ?? '', verify: async () => {} };
  }
  if (names.length === 0) throw unreadable(folder, `There is no file *${endsWith}`);
  if (pick === 'newest') return alone(fileInput(await newest(folder, names)));
  const inputs = names.map((name) => fileInput(join(folder, name)));
  const verify = async () => {
    if ((await namesIn(folder, endsWith)).join('/') !== names.join('/')) throw changed(folder);
  };
  return { inputs, cursor: 'read', verify };
}

function alone(input: CsvInput): CsvInputs {
  return { inputs: [input], cursor: 'read', verify: async () => {} };
}

async function* downloaded(url: string, headers: Record<string, string>, download: Download) {
  yield* await download(url, { headers });
}

async function namesIn(folder: string, endsWith: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((cause: NodeJS.ErrnoException) => {
    throw unreadable(folder, cause.code === 'ENOENT' ? 'There is no such folder' : `It can't be read (${cause.code})`);
  });
  const names = entries.filter((entry) => !entry.isDirectory()).map(({ name }) => name);
  return names.filter((name) => name.endsWith(endsWith) && !name.startsWith('.')).sort();
}

async function newest(folder: string, names: readonly string[]): Promise<string> {
  const files = await Promise.all(
    names.map(async (name) => ({ path: join(folder, name), written: (await stat(join(folder, name))).mtimeMs })),
  );
  const latest = files.reduce((best, each) => (each.written >= best.written ? each : best));
  return latest.path;
}

const CHUNK = 64 * 1024;

function fileInput(path: string): CsvInput {
  async function* bytes(): AsyncGenerator<Uint8Array> {
    const file = await openFile(path);
    try {
      const before = await file.stat();
      for (;;) {
        const { bytesRead, buffer } = await file.read(Buffer.alloc(CHUNK), 0, CHUNK);
        if (bytesRead === 0) break;
        yield buffer.subarray(0, bytesRead);
      }
      const after = await file.stat();
      if (after.size !== before.size || after.mtimeMs !== before.mtimeMs) throw changed(path);
    } finally {
      await file.close();
    }
  }
  return { where: path, bytes };
}

async function openFile(path: string): Promise<FileHandle> {
  return open(path, 'r').catch((cause: NodeJS.ErrnoException) => {
    throw unreadable(
      path,
      cause.code === 'ENOENT' ? 'There is no such file' : `The file can't be read (${cause.code})`,
    );
  });
}

function unreadable(where: string, reason: string): Fault {
  return new Fault('invalid-feed', `${reason}; nothing was changed.`, { where });
}

function changed(path: string): Fault {
  return new Fault('invalid-feed', `${basename(path)} changed while it was read; nothing was changed.`, {
    where: path,
    remedy: 'Write it elsewhere and move it into place when it is complete, then run again.',
  });
}
