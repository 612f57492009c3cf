/** Distinguished names (RFC 4514), so that one can be found under every way of writing it. */

/**
 * One spelling for all that mean the same: without needless spaces, in lower case, with escapes resolved and the parts of each step in
 * order. For comparing only.
 */
export function canonicalDn(dn: string): string {
  return split(dn, ',')
    .map((step) =>
      split(step, '+')
        .map((part) => {
          const at = part.indexOf('=');
          return `${part.slice(0, at).trim()}=${unescaped(part.slice(at + 1).trim())}`.toLowerCase().normalize('NFC');
        })
        .sort()
        .join('+'),
    )
    .join(',');
}

/** Of a value of "name and optional unique identifier" (RFC 4517, section 3.3.21), the name. */
export function nameOf(value: string): string {
  return value.replace(/#'[01]*'B$/, '');
}

/** Where the separator is not escaped. */
function split(text: string, separator: string): string[] {
  const parts: string[] = [];
  let begun = 0;
  for (let at = 0; at < text.length; at += 1) {
    if (text[at] === '\\') at += 1;
    else if (text[at] === separator) {
      parts.push(text.slice(begun, at));
      begun = at + 1;
    }
  }
  return [...parts, text.slice(begun)];
}

const ESCAPED = /((?:\\[0-9a-f]{2})+)|\\(.)/gi;

/** What stays special is escaped in one way, so that two different names never become one. */
function unescaped(value: string): string {
  const plain = value.replace(ESCAPED, (_, hex: string | undefined, single: string) =>
    hex === undefined ? single : Buffer.from(hex.replaceAll('\\', ''), 'hex').toString('utf8'),
  );
  return plain.replace(/[\\,+]/g, '\\$&');
}
