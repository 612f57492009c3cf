/**
 * Reads a list within a long JSON document one element at a time, so that only an element is held. Each element, and what is around the
 * list, is then parsed as usual: a document that is cut off, or is no JSON, is refused in the end.
 */
import { Fault } from '../../errors.ts';

/** No element, and nothing around the list, is as long as this. */
const MAX_LENGTH = 16 * 1024 * 1024;

/**
 * Gives the elements of the list at a path of keys.
 * @throws Fault `invalid-feed` where there is no such list, or the document is not whole
 */
export async function* elementsOf(
  bytes: AsyncIterable<Uint8Array>,
  path: readonly string[],
  where: string,
): AsyncGenerator<unknown> {
  const splitter = new Splitter(path);
  const decoder = new TextDecoder('utf-8', { fatal: true });
  try {
    for await (const chunk of bytes) yield* splitter.push(decoder.decode(chunk, { stream: true }));
    yield* splitter.push(decoder.decode());
    splitter.end();
  } catch (cause) {
    if (cause instanceof Fault) throw cause;
    throw new Fault('invalid-feed', 'The source does not answer with whole JSON; nothing was changed.', {
      where,
      cause,
    });
  }
  if (splitter.found) return;
  throw new Fault('invalid-feed', `The answer has no list at "${path.join('.')}"; nothing was changed.`, { where });
}

/** An object or a list around the list that is sought; the key at which an object is being read. */
interface Around {
  readonly isObject: boolean;
  key: string;
}

class Splitter {
  found = false;
  readonly #path: readonly string[];
  /** What is around the list, as if the list were empty. */
  #outer = '';
  #around: Around[] = [];
  #element = '';
  #count = 0;
  /** How deep within an element; null outside the list. */
  #depth: number | null = null;
  #inText = false;
  #escaped = false;
  #expectsKey = false;
  #keyBegin = 0;

  constructor(path: readonly string[]) {
    this.#path = path;
  }

  *push(chunk: string): Generator<unknown> {
    const sign = /["\\{}[\],:]/g;
    // What an escape hides may stand at the beginning of the next chunk.
    sign.lastIndex = this.#escaped ? 1 : 0;
    if (chunk !== '') this.#escaped = false;
    let begin = 0;
    for (let found = sign.exec(chunk); found !== null; found = sign.exec(chunk)) {
      const [char] = found;
      if (this.#inText && char === '\\') {
        this.#escaped = found.index + 1 === chunk.length;
        sign.lastIndex = found.index + 2;
        if (this.#escaped) break;
        continue;
      }
      const ends = !this.#inText && this.#depth === 0 && (char === ',' || char === ']');
      this.#keep(chunk.slice(begin, ends ? found.index : found.index + 1));
      begin = found.index + 1;
      if (ends) yield* this.#endElement(char);
      else if (char === '"') this.#quote();
      else if (!this.#inText) this.#structure(char);
    }
    this.#keep(chunk.slice(begin));
  }

  end(): void {
    if (this.#depth !== null) throw new SyntaxError('the list does not end');
    JSON.parse(this.#outer);
  }

  #keep(text: string): void {
    if (this.#depth === null) this.#outer += text;
    else this.#element += text;
    if (this.#outer.length > MAX_LENGTH || this.#element.length > MAX_LENGTH) throw new SyntaxError('too long');
  }

  *#endElement(char: string): Generator<unknown> {
    const text = this.#element;
    this.#element = '';
    if (char === ']') {
      this.#depth = null;
      this.#outer += ']';
      if (this.#count === 0 && text.trim() === '') return;
    }
    this.#count += 1;
    yield JSON.parse(text);
  }

  #quote(): void {
    this.#inText = !this.#inText;
    if (this.#depth !== null || !this.#expectsKey) return;
    if (this.#inText) {
      this.#keyBegin = this.#outer.length - 1;
      return;
    }
    const object = this.#around.at(-1);
    if (object !== undefined) object.key = JSON.parse(this.#outer.slice(this.#keyBegin));
  }

  #structure(char: string): void {
    if (this.#depth !== null) {
      if (char === '{' || char === '[') this.#depth += 1;
      if (char === '}' || char === ']') this.#depth -= 1;
      if (this.#depth < 0) throw new SyntaxError('an end without a beginning');
      return;
    }
    if (char === '[' && this.#isThere()) {
      if (this.found) throw new SyntaxError('the list is there twice');
      this.found = true;
      this.#depth = 0;
      return;
    }
    if (char === '{' || char === '[') this.#around.push({ isObject: char === '{', key: '' });
    if (char === '}' || char === ']') this.#around.pop();
    this.#expectsKey = char === '{' || (char === ',' && this.#around.at(-1)?.isObject === true);
  }

  #isThere(): boolean {
    const { length } = this.#path;
    return (
      this.#around.length === length &&
      this.#around.every(({ isObject, key }, at) => isObject && key === this.#path[at])
    );
  }
}
