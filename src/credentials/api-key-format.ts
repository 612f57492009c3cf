/**
 * How an API key looks: `db_<environment>_<random><checksum>`. The prefix lets secret scanners know one; the checksum lets anybody
 * tell a mistyped key from a revoked one without a database (offboarding, API keys).
 */
import { randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';

export type KeyEnvironment = 'development' | 'staging' | 'production';

const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const SHORT: Record<KeyEnvironment, string> = { development: 'dev', staging: 'stg', production: 'live' };
const KEY = /^db_(dev|stg|live)_([0-9A-Za-z]{43})([0-9A-Za-z]{6})$/;
const START = /^db_(dev|stg|live)_/;

/** A fresh key of 256 random bits. `display` may be shown afterwards, to tell keys apart. */
export function makeKey(environment: KeyEnvironment): { key: string; display: string } {
  const random = base62(BigInt(`0x${randomBytes(32).toString('hex')}`), 43);
  const prefix = `db_${SHORT[environment]}_`;
  const key = prefix + random + checksum(prefix + random);
  return { key, display: `${prefix}${random.slice(0, 4)}…${key.slice(-4)}` };
}

/** Whether a text is a whole API key, by its form and checksum alone. */
export function isKey(text: string): boolean {
  const parts = KEY.exec(text);
  return parts !== null && checksum(text.slice(0, -6)) === parts[3];
}

/** Whether a text is meant to be an API key, mistyped or not: then it is nothing else. */
export function isMeantAsKey(text: string): boolean {
  return START.test(text);
}

function checksum(text: string): string {
  let rest = crc32(text);
  let digits = '';
  for (let place = 0; place < 6; place++) {
    digits = DIGITS.charAt(rest % 62) + digits;
    rest = Math.floor(rest / 62);
  }
  return digits;
}

function base62(number: bigint, length: number): string {
  let rest = number;
  let text = '';
  for (let place = 0; place < length; place++) {
    text = DIGITS.charAt(Number(rest % 62n)) + text;
    rest /= 62n;
  }
  return text;
}
