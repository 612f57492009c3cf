/** From a manifest's text to what it says, or to every mistake at once, each with its line. */
import { type Document, isNode, LineCounter, parseDocument, visit } from 'yaml';
import { Fault } from '../errors.ts';
import { type Manifest, manifestSchema } from './schema.ts';

export interface ManifestProblem {
  readonly line: number;
  readonly column: number;
  /** The field, e.g. `workspaces.0.slug`; empty for the file as a whole. */
  readonly field: string;
  readonly reason: string;
}

/** What stands for `${NAME}` in a manifest's values: secrets and addresses that don't belong into a file. */
export type Variables = Readonly<Record<string, string | undefined>>;

/**
 * Reads a manifest (YAML, or JSON, which is YAML too).
 * @param name how the file is called in messages
 * @throws Fault `invalid-manifest`, whose `extra.problems` lists every mistake
 */
export function readManifest(text: string, name: string, variables: Variables = {}): Manifest {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true });
  if (document.errors.length > 0) {
    const problems = document.errors.map((error) => {
      const { line, col } = lines.linePos(error.pos[0]);
      return { line, column: col, field: '', reason: (error.message.split('\n')[0] ?? '').replace(/ at line.*$/, '') };
    });
    throw invalidManifest(name, problems);
  }
  const missing = substitute(document, variables, lines);
  if (missing.length > 0) throw invalidManifest(name, missing);
  return parseManifest(document.toJS({ maxAliasCount: 100 }), name, (path) => positionOf(document, lines, path));
}

/**
 * Checks a manifest that has been parsed already.
 * @throws Fault `invalid-manifest`
 */
export function parseManifest(
  content: unknown,
  name: string,
  position: (path: readonly PropertyKey[]) => { line: number; column: number } = () => ({ line: 1, column: 1 }),
): Manifest {
  const parsed = manifestSchema.safeParse(content);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) => ({
    ...position(issue.path),
    field: issue.path.join('.'),
    reason: issue.message,
  }));
  throw invalidManifest(name, problems);
}

/** Puts variables into scalar values, never into the text, so that no value can add structure. */
function substitute(document: Document, variables: Variables, lines: LineCounter): ManifestProblem[] {
  const problems: ManifestProblem[] = [];
  visit(document, {
    Scalar(key, node) {
      if (key === 'key' || typeof node.value !== 'string') return;
      node.value = node.value.replace(/\$\{([A-Z][A-Z0-9_]*)\}/g, (whole, variable: string) => {
        const value = variables[variable];
        if (value !== undefined) return value;
        const { line, col } = lines.linePos(node.range?.[0] ?? 0);
        problems.push({
          line,
          column: col,
          field: variable,
          reason: 'has no value; set it in the environment or with --set',
        });
        return whole;
      });
    },
  });
  return problems;
}

/** Where a field stands; of one that is missing, where it should. */
function positionOf(document: Document, lines: LineCounter, path: readonly PropertyKey[]) {
  for (let length = path.length; length >= 0; length--) {
    const node = document.getIn(path.slice(0, length), true);
    if (!isNode(node) || !node.range) continue;
    const { line, col } = lines.linePos(node.range[0]);
    return { line, column: col };
  }
  return { line: 1, column: 1 };
}

function invalidManifest(name: string, problems: readonly ManifestProblem[]): Fault {
  const [first] = problems;
  const more = problems.length > 1 ? `, and ${problems.length - 1} more` : '';
  const what = first?.field ? `${first.field}: ${first.reason}` : first?.reason;
  return new Fault('invalid-manifest', `The manifest is not valid: ${what}${more}.`, {
    where: `${name}:${first?.line}:${first?.column}`,
    extra: { problems },
  });
}
