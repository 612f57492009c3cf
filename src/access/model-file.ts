/** Access models on disk: one YAML file each, all in one folder (access-models). */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { extname, join } from 'node:path';
import { Fault } from '../errors.ts';
import type { AccessModel } from './model.ts';
import { type Problem, type Reading, readModelText } from './model-text.ts';

/** The models that organizations may choose from, by name. */
export type Models = ReadonlyMap<string, AccessModel>;

/**
 * Reads every model of a folder.
 * @throws Fault `invalid-model`, whose `extra.problems` lists every mistake of every file
 */
export function loadModels(folder: string): Models {
  const readings = modelFilesIn(folder).map(readModelFile);
  const problems = readings.flatMap((reading) => reading.problems);
  if (problems.length > 0) throw invalidModel(problems);
  return new Map(readings.flatMap(({ model }) => (model === null ? [] : [[model.name, model]])));
}

/**
 * The model files of a folder, by name.
 * @throws Fault `invalid-model` where the folder can't be read or holds none
 */
export function modelFilesIn(folder: string): string[] {
  try {
    const names = readdirSync(folder).filter((name) => extname(name) === '.yaml');
    if (names.length > 0) return names.sort().map((name) => join(folder, name));
  } catch (cause) {
    throw new Fault('invalid-model', `The models folder ${folder} can't be read.`, { cause, where: folder });
  }
  throw new Fault('invalid-model', `The models folder ${folder} holds no .yaml file.`, { where: folder });
}

/** Every mistake in these files; none where all are valid. A file that can't be read is a problem too. */
export function checkModelFiles(paths: readonly string[]): Problem[] {
  return paths.flatMap((path) => readModelFile(path).problems);
}

/**
 * What `drawbridge model check [FILE...]` prints: a line `file:line:column reason` for each mistake, or that a file is valid.
 * A folder stands for its files.
 */
export function modelCheck(paths: readonly string[]): { lines: string[]; ok: boolean } {
  const files = paths.flatMap((path) => (isFolder(path) ? modelFilesIn(path) : [path]));
  const problems = files.map((file) => checkModelFiles([file]));
  const lines = files.flatMap((file, index) => {
    const found = problems[index] ?? [];
    return found.length === 0 ? [`${file} is valid`] : found.map(problemLine);
  });
  return { lines, ok: problems.every((found) => found.length === 0) };
}

function readModelFile(path: string): Reading {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    const reason = `can't be read: ${(cause as NodeJS.ErrnoException).code ?? 'unknown reason'}`;
    return { model: null, problems: [{ file: path, line: 1, column: 1, reason }] };
  }
  return readModelText(text, path);
}

function invalidModel(problems: readonly Problem[]): Fault {
  const [first] = problems;
  const more = problems.length > 1 ? ` and ${problems.length - 1} more` : '';
  return new Fault('invalid-model', `An access model is not valid: ${first?.reason}${more}.`, {
    ...(first === undefined ? {} : { where: `${first.file}:${first.line}:${first.column}` }),
    remedy: 'See all with: drawbridge model check.',
    extra: { problems },
  });
}

function problemLine({ file, line, column, reason }: Problem): string {
  return `${file}:${line}:${column} ${reason}`;
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
