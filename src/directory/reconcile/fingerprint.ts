/** What a record says, in 128 bits. */
import { hash } from 'node:crypto';
import type { SourceUser } from '../sources/source.ts';

/** Over everything but where it was found, as a uuid: the smallest thing that Postgres compares well. */
export function fingerprintOf({ where: _, ...said }: SourceUser): string {
  const hex = hash('sha256', JSON.stringify(said), 'hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20, 32)}`;
}
