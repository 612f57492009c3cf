/** Reads values of entries, whatever case the server writes an attribute's name in. */
import { isUtf8 } from 'node:buffer';
import type { Attribute, Entry } from './message.ts';

/** The values of an attribute that are text. */
export function valuesOf({ attributes }: Entry, name: string): string[] {
  return textsOf(attributes.find(({ type }) => type.toLowerCase() === name.toLowerCase()));
}

export function textsOf(attribute: Attribute | undefined): string[] {
  return (attribute?.values ?? []).filter((value) => isUtf8(value)).map((value) => value.toString('utf8'));
}

/** The first value of the first attribute that has one. */
export function firstOf(entry: Entry, names: readonly string[]): string | undefined {
  for (const name of names) {
    const value = valuesOf(entry, name)[0]?.trim();
    if (value) return value;
  }
  return undefined;
}

/** What tells an entry from all others. Active Directory's is a GUID of 16 bytes; any other is text. */
export function keyOf(entry: Entry, name: string): string | undefined {
  if (!/^(objectGUID|invocationId)$/i.test(name)) return firstOf(entry, [name]);
  const bytes = entry.attributes.find(({ type }) => type.toLowerCase() === name.toLowerCase())?.values[0];
  return bytes?.length === 16 ? guidOf(bytes) : undefined;
}

/** As Windows writes it: the first three parts least significant byte first. */
function guidOf(bytes: Buffer): string {
  const part = (from: number, to: number) => bytes.subarray(from, to);
  const [a, b, c] = [part(0, 4), part(4, 6), part(6, 8)].map((each) => Buffer.from(each).reverse().toString('hex'));
  return `${a}-${b}-${c}-${part(8, 10).toString('hex')}-${part(10, 16).toString('hex')}`;
}
