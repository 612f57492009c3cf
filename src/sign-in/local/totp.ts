/** Time-based one-time codes (RFC 6238 over RFC 4226): six digits of HMAC-SHA-1, a new one every 30 seconds. Pure. */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

const STEP_SECONDS = 30;
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** A fresh secret of 160 bits, in base32 as authenticator apps take it. */
export function newTotpSecret(): string {
  return base32(randomBytes(20));
}

/** The number of the time step of a moment in milliseconds. */
export function stepOf(now: number): number {
  return Math.floor(now / 1000 / STEP_SECONDS);
}

/** The code of a time step. */
export function codeAt(secret: string, step: number): string {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const mac = createHmac('sha1', fromBase32(secret)).update(counter).digest();
  const offset = mac.readUInt8(mac.length - 1) & 0xf;
  const number = mac.readUInt32BE(offset) & 0x7fffffff;
  return String(number % 1_000_000).padStart(6, '0');
}

/** The time step that a code is of: this one, or a neighbour's, for clocks that differ; undefined where it is of none. */
export function matchingStep(secret: string, code: string, now: number): number | undefined {
  const current = stepOf(now);
  const given = Buffer.from(code);
  return [current, current - 1, current + 1].find((step) => {
    const wanted = Buffer.from(codeAt(secret, step));
    return given.length === wanted.length && timingSafeEqual(given, wanted);
  });
}

/** The address by which an authenticator app takes the secret over. */
export function totpUri(secret: string, account: string, issuer: string): string {
  const label = `${encodeURIComponent(issuer)}:${encodeURIComponent(account)}`;
  return `otpauth://totp/${label}?secret=${secret}&issuer=${encodeURIComponent(issuer)}&digits=6&period=${STEP_SECONDS}`;
}

/** Base32 without padding (RFC 4648). */
export function base32(bytes: Buffer): string {
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  const groups = bits.match(/.{1,5}/g) ?? [];
  return groups.map((group) => ALPHABET.charAt(Number.parseInt(group.padEnd(5, '0'), 2))).join('');
}

function fromBase32(text: string): Buffer {
  const bits = [...text].map((each) => ALPHABET.indexOf(each).toString(2).padStart(5, '0')).join('');
  const bytes = bits.match(/.{8}/g) ?? [];
  return Buffer.from(bytes.map((byte) => Number.parseInt(byte, 2)));
}
