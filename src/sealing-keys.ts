/**
 * The keys that seal stored secrets (AES-256): one seals from now on, and whichever is known opens what it has sealed. Two are known
 * while one takes the other's place (`drawbridge keys rotate`).
 *
 * A key management service fits in here: it unwraps the keys once, at start, and everything else goes on as before. `sealingKeyCommand`
 * of the settings does so with any service that has a command line; a service of another kind is another maker of `SealingKeys`.
 */
import { createHash } from 'node:crypto';

export interface SealingKey {
  /** Stands in everything that it sealed; tells nothing of the key. */
  readonly id: string;
  /** 32 bytes. */
  readonly secret: Buffer;
}

export interface SealingKeys {
  /** Seals from now on. */
  readonly current: SealingKey;
  /** All that are known, the current first. */
  readonly all: readonly SealingKey[];
  /** The key of that id; undefined where it is not known here. */
  find(id: string): SealingKey | undefined;
}

/** Keys that are given as they are. The first seals. */
export function sealingKeysOf(secrets: readonly [Buffer, ...Buffer[]]): SealingKeys {
  const [current, ...others] = secrets.map((secret) => ({ id: idOf(secret), secret })) as [SealingKey, ...SealingKey[]];
  const all = [current, ...others];
  return { current, all, find: (id) => all.find((key) => key.id === id) };
}

function idOf(secret: Buffer): string {
  return createHash('sha256').update('key id').update(secret).digest('base64url').slice(0, 8);
}
