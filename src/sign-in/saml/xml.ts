/**
 * XML as SAML needs it, and no more: a strict reader whose result is a plain tree. What a signature can cover in one reading and hide
 * in another (comments, CDATA, processing instructions, a document type) is refused before anything is read.
 */
import { DOMParser } from '@xmldom/xmldom';

export interface XmlElement {
  readonly namespace: string;
  readonly name: string;
  /** Attributes as they are written (`ID`, `xsi:type`), namespace declarations left out. */
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly XmlElement[];
  /** The element's own text, as it stands. */
  readonly text: string;
}

export interface XmlLimits {
  readonly maxBytes: number;
  readonly maxDepth: number;
  /** Metadata may carry comments; a message may not. */
  readonly allowComments: boolean;
}

/** Why a text is not XML that we read. */
export class XmlProblem extends Error {
  readonly kind: 'size' | 'malformed' | 'doctype' | 'unusual-markup' | 'depth';

  constructor(kind: XmlProblem['kind'], message: string, cause?: unknown) {
    super(message, { cause });
    this.kind = kind;
  }
}

const DECLARATION = /^\s*<\?xml\s[^?]*\?>/;

/**
 * Reads a document.
 * @throws XmlProblem
 */
export function readXml(text: string, limits: XmlLimits): XmlElement {
  if (Buffer.byteLength(text) > limits.maxBytes) {
    throw new XmlProblem('size', `is larger than ${Math.floor(limits.maxBytes / 1024)} KiB`);
  }
  const body = text.replace(DECLARATION, '');
  const plain = limits.allowComments ? withoutComments(body) : body;
  refuseUnusual(plain);
  refuseDeep(plain, limits.maxDepth);
  return treeOf(parse(plain));
}

/** The children of this name. */
export function childrenOf(element: XmlElement, namespace: string, name: string): XmlElement[] {
  return element.children.filter((child) => child.namespace === namespace && child.name === name);
}

/** The only child of this name; undefined where there is none or more than one. */
export function onlyChild(element: XmlElement | undefined, namespace: string, name: string): XmlElement | undefined {
  const found = element === undefined ? [] : childrenOf(element, namespace, name);
  return found.length === 1 ? found[0] : undefined;
}

/** The element and everything in it, in document order. */
export function withDescendants(element: XmlElement): XmlElement[] {
  return [element, ...element.children.flatMap(withDescendants)];
}

/**
 * The source of the only element of this name in a document that was read before, with the namespaces that it stands in.
 * @throws XmlProblem where it is not the only one
 */
export function sourceOf(text: string, namespace: string, name: string): string {
  const found = Array.from(parse(text.replace(DECLARATION, '')).ownerDocument.getElementsByTagNameNS(namespace, name));
  const [element] = found;
  if (element === undefined || found.length > 1) throw new XmlProblem('malformed', `has ${found.length} ${name}`);
  return element.toString();
}

function refuseUnusual(text: string): void {
  if (/<!(?:DOCTYPE|ENTITY|ELEMENT|ATTLIST|NOTATION)/i.test(text)) {
    throw new XmlProblem('doctype', 'contains a document type declaration');
  }
  if (/<!/.test(text)) throw new XmlProblem('unusual-markup', 'contains a comment or a CDATA section');
  if (/<\?/.test(text)) throw new XmlProblem('unusual-markup', 'contains a processing instruction');
}

/** Before the tree is built, so that ten thousand levels cost a scan and not a stack. One pass: no text makes it look back. */
function refuseDeep(text: string, maxDepth: number): void {
  let depth = 0;
  let tag = -1;
  let quote = '';
  for (let at = 0; at < text.length; at += 1) {
    const character = text.charAt(at);
    if (tag < 0) {
      if (character === '<') tag = at;
    } else if (quote !== '') {
      if (character === quote) quote = '';
    } else if (character === '"' || character === "'") {
      quote = character;
    } else if (character === '>') {
      if (text[tag + 1] === '/') depth -= 1;
      else if (text[at - 1] !== '/') depth += 1;
      if (depth > maxDepth) throw new XmlProblem('depth', `nests deeper than ${maxDepth} elements`);
      tag = -1;
    }
  }
}

function withoutComments(text: string): string {
  const parts = text.split('<!--');
  const [first = '', ...rest] = parts;
  const kept = rest.map((part) => {
    const end = part.indexOf('-->');
    if (end < 0) throw new XmlProblem('malformed', 'has a comment that does not end');
    return part.slice(end + 3);
  });
  return first + kept.join('');
}

function parse(text: string): Element {
  const fail = (message: string) => {
    throw new XmlProblem('malformed', 'is not well-formed XML', message);
  };
  try {
    const parser = new DOMParser({ errorHandler: { warning: fail, error: fail, fatalError: fail } });
    const document = parser.parseFromString(text, 'text/xml');
    const elements = Array.from(document.childNodes).filter(({ nodeType }) => nodeType === 1);
    const stray = Array.from(document.childNodes).some(
      ({ nodeType, nodeValue }) => nodeType === 3 && nodeValue?.trim(),
    );
    if (elements.length !== 1 || stray) fail('more than one root');
    return document.documentElement;
  } catch (cause) {
    throw cause instanceof XmlProblem ? cause : new XmlProblem('malformed', 'is not well-formed XML', cause);
  }
}

function treeOf(element: Element): XmlElement {
  const nodes = Array.from(element.childNodes);
  const attributes = Array.from(element.attributes)
    .filter(({ name }) => name !== 'xmlns' && !name.startsWith('xmlns:'))
    .map(({ name, value }): [string, string] => [name, value]);
  return {
    namespace: element.namespaceURI ?? '',
    name: element.localName ?? element.nodeName,
    attributes: Object.assign(Object.create(null), Object.fromEntries(attributes)),
    children: nodes.filter(({ nodeType }) => nodeType === 1).map((child) => treeOf(child as Element)),
    text: nodes
      .filter(({ nodeType }) => nodeType === 3)
      .map(({ nodeValue }) => nodeValue ?? '')
      .join(''),
  };
}
