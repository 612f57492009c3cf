/** The filter grammar of RFC 7644, 3.4.2.2: text in, tree out. Pure; whether an attribute exists is asked by whoever uses the tree. */
import { scimFault } from './scim-fault.ts';

export type Operator = 'eq' | 'ne' | 'co' | 'sw' | 'ew' | 'gt' | 'ge' | 'lt' | 'le';
export type Literal = string | number | boolean | null;

export type Filter =
  | { readonly kind: 'compare'; readonly path: string; readonly operator: Operator; readonly value: Literal }
  | { readonly kind: 'present'; readonly path: string }
  | { readonly kind: 'and' | 'or'; readonly left: Filter; readonly right: Filter }
  | { readonly kind: 'not'; readonly filter: Filter }
  | { readonly kind: 'element'; readonly path: string; readonly filter: Filter };

const MAX_LENGTH = 8_192;
const MAX_DEPTH = 32;
const OPERATORS: ReadonlySet<string> = new Set(['eq', 'ne', 'co', 'sw', 'ew', 'gt', 'ge', 'lt', 'le']);
const TOKEN = /\s*(?:([()[\]])|("(?:[^"\\]|\\.)*")|([^\s()[\]"]+))/y;

interface Token {
  readonly text: string;
  readonly kind: 'bracket' | 'string' | 'word';
  readonly at: number;
}

/**
 * Reads a filter.
 * @throws Fault with scimType `invalidFilter`, naming the position, where the text is not one, or is too long or too deep
 */
export function parseFilter(text: string): Filter {
  const parser = new Parser(tokens(text));
  const filter = parser.either(0);
  parser.end();
  return filter;
}

function tokens(text: string): Token[] {
  if (text.length > MAX_LENGTH) throw scimFault('invalidFilter', `A filter has at most ${MAX_LENGTH} characters.`);
  const found: Token[] = [];
  const end = text.trimEnd().length;
  for (let at = 0; at < end; ) {
    TOKEN.lastIndex = at;
    const match = TOKEN.exec(text);
    if (match === null) throw scimFault('invalidFilter', `The filter is not readable from position ${at} on.`);
    const [, bracket, string, word] = match;
    const token = bracket ?? string ?? word ?? '';
    const kind = bracket !== undefined ? 'bracket' : string !== undefined ? 'string' : 'word';
    found.push({ text: token, kind, at: TOKEN.lastIndex - token.length });
    at = TOKEN.lastIndex;
  }
  return found;
}

/** Recursive descent: `or` binds weakest, then `and`, then `not`. */
class Parser {
  readonly #tokens: readonly Token[];
  #next = 0;

  constructor(all: readonly Token[]) {
    this.#tokens = all;
  }

  either(depth: number): Filter {
    if (depth > MAX_DEPTH) throw scimFault('invalidFilter', `A filter is nested at most ${MAX_DEPTH} deep.`);
    let left = this.both(depth);
    while (this.keyword('or')) left = { kind: 'or', left, right: this.both(depth) };
    return left;
  }

  both(depth: number): Filter {
    let left = this.term(depth);
    while (this.keyword('and')) left = { kind: 'and', left, right: this.term(depth) };
    return left;
  }

  term(depth: number): Filter {
    if (this.isNegation()) {
      this.#next++;
      return { kind: 'not', filter: this.group(depth) };
    }
    if (this.peek()?.text === '(') return this.group(depth);
    const path = this.word('an attribute');
    if (this.peek()?.text !== '[') return this.comparison(path);
    this.#next++;
    const filter = this.either(depth + 1);
    this.expect(']');
    return { kind: 'element', path, filter };
  }

  group(depth: number): Filter {
    this.expect('(');
    const filter = this.either(depth + 1);
    this.expect(')');
    return filter;
  }

  comparison(path: string): Filter {
    const operator = this.word('an operator').toLowerCase();
    if (operator === 'pr') return { kind: 'present', path };
    if (!OPERATORS.has(operator)) throw scimFault('invalidFilter', `"${operator}" is not an operator.`, path);
    return { kind: 'compare', path, operator: operator as Operator, value: this.literal(path) };
  }

  literal(path: string): Literal {
    const token = this.#tokens[this.#next++];
    if (token === undefined || token.kind === 'bracket')
      throw scimFault('invalidFilter', `"${path}" is compared with nothing.`, path);
    const value = jsonOf(token.kind === 'word' ? token.text.toLowerCase() : token.text);
    if (value !== undefined) return value;
    throw scimFault(
      'invalidFilter',
      `"${path}" is compared with ${token.text.slice(0, 40)}, which is not a JSON value.`,
      path,
    );
  }

  word(what: string): string {
    const token = this.#tokens[this.#next++];
    if (token?.kind === 'word') return token.text;
    throw this.unexpected(token, what);
  }

  expect(bracket: string): void {
    const token = this.#tokens[this.#next++];
    if (token?.text !== bracket) throw this.unexpected(token, `"${bracket}"`);
  }

  end(): void {
    if (this.#next < this.#tokens.length) throw this.unexpected(this.peek(), 'the end');
  }

  keyword(word: string): boolean {
    const token = this.peek();
    if (token?.kind !== 'word' || token.text.toLowerCase() !== word) return false;
    this.#next++;
    return true;
  }

  /** `not` is a word like any other unless a group follows. */
  isNegation(): boolean {
    return this.peek()?.text.toLowerCase() === 'not' && this.#tokens[this.#next + 1]?.text === '(';
  }

  peek(): Token | undefined {
    return this.#tokens[this.#next];
  }

  unexpected(token: Token | undefined, wanted: string): Error {
    const found = token === undefined ? 'it ends' : `there is ${token.text.slice(0, 40)} at position ${token.at}`;
    return scimFault('invalidFilter', `The filter should have ${wanted} where ${found}.`);
  }
}

function jsonOf(text: string): Literal | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return value === null || typeof value !== 'object' ? (value as Literal) : undefined;
  } catch {
    return undefined;
  }
}
