/**
 * Sealing of secrets that must be readable again (client secrets, upstream tokens): AES-256-GCM, bound to what they belong to, so
 * that a sealed text copied into another row does not open. Format: `v1.<key id>.<iv>.<tag>.<ciphertext>`, base64url.
 */
import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { Fault } from '../errors.ts';

/** Seals a text for one purpose (for example `connection:<id>`). */
export function seal(key: Buffer, purpose: string, secret: string): string {
  const iv = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(Buffer.from(purpose));
  const sealed = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final()]);
  return ['v1', keyId(key), ...[iv, cipher.getAuthTag(), sealed].map((part) => part.toString('base64url'))].join('.');
}

/**
 * Opens a sealed text.
 * @throws Fault `unavailable` where it was sealed with another key or for another purpose
 */
export function unseal(key: Buffer, purpose: string, sealed: string): string {
  const [version, id, iv, tag, text] = sealed.split('.');
  if (version !== 'v1' || id !== keyId(key) || iv === undefined || tag === undefined || text === undefined) {
    throw new Fault('unavailable', 'A stored secret was sealed with another key.', {
      remedy: 'Start with the sealing key it was written under.',
    });
  }
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, Buffer.from(iv, 'base64url'))
      .setAAD(Buffer.from(purpose))
      .setAuthTag(Buffer.from(tag, 'base64url'));
    return Buffer.concat([decipher.update(Buffer.from(text, 'base64url')), decipher.final()]).toString('utf8');
  } catch (cause) {
    throw new Fault('unavailable', 'A stored secret does not open for this use.', { cause });
  }
}

/** SHA-256 of a presented token or key: the only form in which one is stored. */
export function hashOf(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}

/** A fresh secret of 256 random bits. */
export function randomSecret(): string {
  return randomBytes(32).toString('base64url');
}

function keyId(key: Buffer): string {
  return createHash('sha256').update('key id').update(key).digest('base64url').slice(0, 8);
}
