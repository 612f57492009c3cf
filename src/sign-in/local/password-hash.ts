/** Passwords as they are kept: argon2id (RFC 9106) with the parameters that OWASP recommends, written as a PHC string. */
import { argon2, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { normalPassword } from './password-rules.ts';

const derive = promisify(argon2);

interface Cost {
  /** KiB. */
  readonly memory: number;
  readonly passes: number;
  readonly parallelism: number;
}

const COST: Cost = { memory: 19_456, passes: 2, parallelism: 1 };
const PHC = /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/;

/** Hashes a password with a salt of its own. @param cost another than today's, for tests of rehashing */
export async function hashPassword(password: string, cost: Cost = COST): Promise<string> {
  const salt = randomBytes(16);
  const hash = await hashOf(password, salt, cost, 32);
  return `${prefixOf(cost)}${bare(salt)}$${bare(hash)}`;
}

/** Whether a password is the one of a PHC string, compared in constant time. */
export async function verifyPassword(phc: string, password: string): Promise<boolean> {
  const [, memory, passes, parallelism, salt, hash] = PHC.exec(phc) ?? [];
  if (salt === undefined || hash === undefined) throw new Error('a stored password is no PHC string of argon2id');
  const cost = { memory: Number(memory), passes: Number(passes), parallelism: Number(parallelism) };
  const expected = Buffer.from(hash, 'base64');
  return timingSafeEqual(expected, await hashOf(password, Buffer.from(salt, 'base64'), cost, expected.length));
}

/** Whether it was hashed at another cost than is wanted today. */
export function isOutdated(phc: string): boolean {
  return !phc.startsWith(prefixOf(COST));
}

let nobodys: Promise<string> | undefined;

/** A hash that no password fits: whoever is not known costs as much as whoever is. */
export function nobodysPassword(): Promise<string> {
  nobodys ??= hashPassword(randomBytes(32).toString('base64'));
  return nobodys;
}

function hashOf(password: string, nonce: Buffer, cost: Cost, tagLength: number): Promise<Buffer> {
  return derive('argon2id', { message: normalPassword(password), nonce, tagLength, ...cost });
}

function prefixOf({ memory, passes, parallelism }: Cost): string {
  return `$argon2id$v=19$m=${memory},t=${passes},p=${parallelism}$`;
}

function bare(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '');
}
