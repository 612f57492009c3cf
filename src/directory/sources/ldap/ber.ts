/** Elements of BER (X.690) as LDAP restricts it (RFC 4511, section 5.1). No length is believed that does not fit into what holds it. */

export interface Element {
  readonly tag: number;
  readonly content: Buffer;
}

const LONG_FORM = 0x80;

/** Of the element that begins there, its head included; undefined until its head is there. @throws Error where LDAP allows no such length */
export function sizeOf(bytes: Buffer, at = 0): number | undefined {
  const [size, headSize] = measured(bytes, at) ?? [];
  return size === undefined || headSize === undefined ? undefined : size + headSize;
}

/** The elements that bytes consist of. @throws Error where they do not fill them */
export function elementsOf(bytes: Buffer): Element[] {
  const found: Element[] = [];
  for (let at = 0; at < bytes.length; ) {
    const [size, headSize] = measured(bytes, at) ?? [];
    if (size === undefined || headSize === undefined || at + headSize + size > bytes.length) {
      throw new Error('an element that ends before its time');
    }
    found.push({ tag: bytes.readUInt8(at), content: bytes.subarray(at + headSize, at + headSize + size) });
    at += headSize + size;
  }
  return found;
}

/** The content of an element that must be there. @throws Error where it is not, or is of another kind */
export function contentOf(element: Element | undefined, tag: number): Buffer {
  if (element?.tag === tag) return element.content;
  throw new Error(`${element === undefined ? 'nothing' : `tag ${element.tag}`} in place of tag ${tag}`);
}

/** @throws Error where it is none, or one that LDAP does not know */
export function integerOf(element: Element | undefined, tag: number): number {
  const content = contentOf(element, tag);
  if (content.length < 1 || content.length > 4) throw new Error(`a number of ${content.length} bytes`);
  return content.readIntBE(0, content.length);
}

/** How long the content is, and the head before it. */
function measured(bytes: Buffer, at: number): [size: number, headSize: number] | undefined {
  const first = bytes[at + 1];
  if (first === undefined) return undefined;
  if (first < LONG_FORM) return [first, 2];
  const octets = first - LONG_FORM;
  if (octets === 0 || octets > 4) throw new Error('a length that LDAP does not allow');
  return bytes.length < at + 2 + octets ? undefined : [bytes.readUIntBE(at + 2, octets), 2 + octets];
}
