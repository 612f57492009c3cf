/** What a server says (RFC 4511), read strictly: where anything is out of place, the whole message is refused. */
import { contentOf, type Element, elementsOf, integerOf } from './ber.ts';

export interface Entry {
  readonly kind: 'entry';
  /** Its distinguished name. */
  readonly name: string;
  readonly attributes: readonly Attribute[];
}

export interface Attribute {
  readonly type: string;
  readonly values: readonly Buffer[];
}

/** The last word on a request. */
export interface Outcome {
  readonly kind: 'outcome';
  readonly of: number;
  readonly status: number;
  /** In the server's own words. */
  readonly diagnostic: string;
  /** Where the next page begins; empty where this was the last, or there are no pages. */
  readonly cookie: Buffer;
}

export type Message = { readonly messageId: number } & (Entry | Outcome | { readonly kind: 'reference' });

/** Tags. */
export const BIND_RESPONSE = 0x61;
export const SEARCH_DONE = 0x65;
export const EXTENDED_RESPONSE = 0x78;
const SEARCH_ENTRY = 0x64;
const SEARCH_REFERENCE = 0x73;
const INTEGER = 0x02;
const OCTETS = 0x04;
const ENUMERATED = 0x0a;
const SEQUENCE = 0x30;
const SET = 0x31;
const CONTROLS = 0xa0;

const PAGED_RESULTS = '1.2.840.113556.1.4.319';

/** Reads a message that was cut out whole. @throws Error where it is none */
export function readMessage(bytes: Buffer): Message {
  const [whole] = elementsOf(bytes);
  const [id, operation, controls] = elementsOf(contentOf(whole, SEQUENCE));
  if (operation === undefined) throw new Error('a message of nothing');
  const messageId = integerOf(id, INTEGER);
  if (operation.tag === SEARCH_ENTRY) return { messageId, ...readEntry(operation.content) };
  if (operation.tag === SEARCH_REFERENCE) return { messageId, kind: 'reference' };
  const [status, , diagnostic] = elementsOf(operation.content);
  return {
    messageId,
    kind: 'outcome',
    of: operation.tag,
    status: integerOf(status, ENUMERATED),
    diagnostic: contentOf(diagnostic, OCTETS).toString('utf8'),
    cookie: controls === undefined ? Buffer.alloc(0) : readCookie(contentOf(controls, CONTROLS)),
  };
}

function readEntry(content: Buffer): Entry {
  const [name, attributes] = elementsOf(content);
  return {
    kind: 'entry',
    name: text(name),
    attributes: elementsOf(contentOf(attributes, SEQUENCE)).map((attribute) => {
      const [type, values] = elementsOf(contentOf(attribute, SEQUENCE));
      return { type: text(type), values: elementsOf(contentOf(values, SET)).map((value) => contentOf(value, OCTETS)) };
    }),
  };
}

function readCookie(controls: Buffer): Buffer {
  for (const control of elementsOf(controls)) {
    const [type, ...rest] = elementsOf(contentOf(control, SEQUENCE));
    if (text(type) !== PAGED_RESULTS) continue;
    const [value] = elementsOf(contentOf(rest.at(-1), OCTETS));
    const [, cookie] = elementsOf(contentOf(value, SEQUENCE));
    return contentOf(cookie, OCTETS);
  }
  return Buffer.alloc(0);
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

function text(element: Element | undefined): string {
  return utf8.decode(contentOf(element, OCTETS));
}
