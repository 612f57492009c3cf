/**
 * Sealing of secrets that must be readable again (client secrets, upstream tokens): AES-256-GCM, bound to what they belong to, so
 * that a sealed text copied into another row does not open. Format: `v1.<key id>.<iv>.<tag>.<ciphertext>`, base64url. Which keys there
 * are is in `../sealing-keys.ts`.
 */
import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { Fault } from '../errors.ts';
import type { SealingKeys } from '../sealing-keys.ts';

/** Seals a text for one purpose (for example `connection:<id>`). */
export function seal({ current }: SealingKeys, purpose: string, secret: string): string {
  const iv = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', current.secret, iv).setAAD(Buffer.from(purpose));
  const sealed = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final()]);
  return ['v1', current.id, ...[iv, cipher.getAuthTag(), sealed].map((part) => part.toString('base64url'))].join('.');
}

/**
 * Opens a sealed text.
 * @throws Fault `unavailable` where it was sealed with a key that is not known, or for another purpose
 */
export function unseal(keys: SealingKeys, purpose: string, sealed: string): string {
  const [version, id = '', iv, tag, text] = sealed.split('.');
  const key = keys.find(id);
  if (version !== 'v1' || key === undefined || iv === undefined || tag === undefined || text === undefined) {
    throw new Fault('unavailable', 'A stored secret was sealed with another key.', {
      remedy: 'Start with the sealing key it was written under.',
    });
  }
  try {
    const decipher = createDecipheriv('aes-256-gcm', key.secret, Buffer.from(iv, 'base64url'))
      .setAAD(Buffer.from(purpose))
      .setAuthTag(Buffer.from(tag, 'base64url'));
    return Buffer.concat([decipher.update(Buffer.from(text, 'base64url')), decipher.final()]).toString('utf8');
  } catch (cause) {
    throw new Fault('unavailable', 'A stored secret does not open for this use.', { cause });
  }
}

/** Sealing for a capability that knows no keys: it is given where the capabilities are put together. */
export function sealedBy(keys: SealingKeys) {
  return {
    seal: (purpose: string, secret: string) => seal(keys, purpose, secret),
    open: (purpose: string, sealed: string) => unseal(keys, purpose, sealed),
  };
}

/** SHA-256 of a presented token or key: the only form in which one is stored. */
export function hashOf(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}

/** A fresh secret of 256 random bits. */
export function randomSecret(): string {
  return randomBytes(32).toString('base64url');
}
