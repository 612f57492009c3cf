/** From a file's text to a model, or to every mistake in it with line and column. */
import { basename, extname } from 'node:path';
import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml';
import type { z } from 'zod';
import { type AccessModel, buildModel } from './model.ts';
import { type Draft, type Finding, readDraft } from './model-draft.ts';
import { checkMeaning } from './model-rules.ts';
import { modelFile } from './model-schema.ts';

/** A mistake in a model file; line and column count from 1. */
export interface Problem {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly reason: string;
}

export interface Reading {
  /** Null where there is any problem. */
  readonly model: AccessModel | null;
  readonly problems: readonly Problem[];
}

/**
 * Reads a model from YAML text and reports every mistake at once, in the order of the lines.
 * @param file the path under which problems are reported; the model must bear the file's name, for an organization names its model
 */
export function readModelText(text: string, file: string): Reading {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const at = (offset: number, reason: string): Problem => {
    const { line, col } = lines.linePos(offset);
    return { file, line: Math.max(line, 1), column: Math.max(col, 1), reason };
  };
  const problems = document.errors.map((error) => at(error.pos[0], asSentence(error.message)));
  // A key that stands twice leaves the rest readable; after any other error it would be guesswork.
  if (document.errors.some((error) => error.code !== 'DUPLICATE_KEY')) return { model: null, problems };

  const content = contentOf(document);
  if (content instanceof Error) return { model: null, problems: [...problems, at(0, asSentence(content.message))] };
  const parsed = modelFile.safeParse(content);
  const draft = readDraft(content);
  const misshapen = parsed.error?.issues ?? [];
  const findings = [...misshapen.flatMap(findingsOf), ...checkName(draft, file), ...checkMeaning(draft)];
  problems.push(...findings.map(({ path, reason }) => at(offsetOf(document, path), reason)));
  problems.sort((one, other) => one.line - other.line || one.column - other.column);
  return { model: parsed.success && problems.length === 0 ? buildModel(parsed.data) : null, problems };
}

function checkName({ name }: Draft, file: string): Finding[] {
  const expected = basename(file, extname(file));
  if (name === undefined || name === expected) return [];
  return [{ path: ['name'], reason: `the model is named "${name}", but its file "${expected}"` }];
}

function contentOf(document: Document): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    // The parser refuses documents whose aliases would swell beyond measure.
    return error instanceof Error ? error : new Error(String(error));
  }
}

function findingsOf(issue: z.core.$ZodIssue): Finding[] {
  const path = issue.path.filter((step) => typeof step !== 'symbol');
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ path: [...path, key], reason: `"${key}" is not known here` }));
  }
  if (issue.code === 'invalid_key') {
    return [{ path, reason: `"${path.at(-1)}" is not possible here: ${issue.issues[0]?.message ?? issue.message}` }];
  }
  const missing = issue.code === 'invalid_type' && issue.message.endsWith('received undefined');
  const name = path.join('.') || 'the file';
  return [{ path, reason: missing ? `${name} is missing` : `${name}: ${issue.message}` }];
}

/** Where a path begins in the text: at its key or list item, or at the nearest part that exists. */
function offsetOf(document: Document, path: Finding['path']): number {
  let node: unknown = document.contents;
  let offset = startOf(node) ?? 0;
  for (const step of path) {
    if (isAlias(node)) node = node.resolve(document);
    let found: unknown;
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(step));
      if (pair === undefined) break;
      offset = startOf(pair.key) ?? offset;
      found = pair.value;
    } else if (isSeq(node)) {
      found = node.items[Number(step)];
      offset = startOf(found) ?? offset;
    }
    if (found === undefined) break;
    node = found;
  }
  return offset;
}

function startOf(node: unknown): number | undefined {
  return (node as Node | null | undefined)?.range?.[0];
}

function asSentence(message: string): string {
  return message.split('\n')[0] ?? message;
}
