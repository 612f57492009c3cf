/**
 * The secrets that a server needs. Where no database is given, those of the embedded one are made on first start and kept in the data folder.
 */
import { execSync } from 'node:child_process';
import { createHmac, randomBytes } from 'node:crypto';
import { accessSync, constants, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { Fault } from './errors.ts';
import { type SealingKeys, sealingKeysOf } from './sealing-keys.ts';

/** What may be given of them in settings. */
export const givenSecrets = z.strictObject({
  /** One key, or several with commas or spaces between: the first seals, and all of them open. */
  sealingKey: z.string().optional(),
  /** Where they stand, one a line. */
  sealingKeyFile: z.string().optional(),
  /** What prints them: a key management service's command that unwraps them. */
  sealingKeyCommand: z.string().optional(),
  applicationPassword: z.string().min(24, 'must be at least 24 characters').optional(),
  operatorToken: z.string().min(24, 'must be at least 24 characters').optional(),
});

export interface Secrets {
  /** They seal stored secrets, and internal passwords that are not given derive from the one that seals. */
  readonly sealingKeys: SealingKeys;
  readonly operatorToken: string;
  /** Password of the embedded cluster's superuser. */
  readonly clusterPassword: string;
  /** Password of the application's database role. */
  readonly applicationPassword: string;
}

type GivenSecrets = z.output<typeof givenSecrets>;

/**
 * All secrets: given, kept in the data folder, or derived from the key that seals.
 * @throws Fault `invalid-settings` where a key is missing or none, or the folder can't be used
 */
export function resolveSecrets(
  given: GivenSecrets,
  database: { readonly url?: string | undefined; readonly dataFolder: string },
): Secrets {
  const stored = database.url === undefined ? storedSecrets(database.dataFolder) : {};
  const sealingKeys = readSealingKeys(given, stored.sealingKey);
  const derive = (purpose: string) =>
    createHmac('sha256', sealingKeys.current.secret).update(purpose).digest('base64url');
  return {
    sealingKeys,
    operatorToken: given.operatorToken ?? stored.operatorToken ?? derive('operator token'),
    clusterPassword: stored.clusterPassword ?? derive('cluster superuser'),
    applicationPassword: given.applicationPassword ?? stored.applicationPassword ?? derive('application role'),
  };
}

function readSealingKeys(given: GivenSecrets, stored: string | undefined): SealingKeys {
  const { sealingKey, sealingKeyFile, sealingKeyCommand } = given;
  const ways = [sealingKey, sealingKeyFile, sealingKeyCommand].filter((way) => way !== undefined);
  if (ways.length > 1) {
    throw new Fault(
      'invalid-settings',
      'Several of secrets.sealingKey, sealingKeyFile and sealingKeyCommand are set.',
      {
        remedy: 'Give the keys in one way.',
      },
    );
  }
  const text =
    sealingKey ??
    (sealingKeyFile && keysInFile(sealingKeyFile)) ??
    (sealingKeyCommand && keysByCommand(sealingKeyCommand));
  const keys = (text ?? stored ?? '').split(/[\s,]+/).filter(Boolean);
  const [current, ...others] = keys.map((key) => Buffer.from(key, 'base64'));
  if (current === undefined) {
    throw new Fault('invalid-settings', 'secrets.sealingKey (DRAWBRIDGE_SEALING_KEY) is missing.', {
      remedy: 'With your own database, give 32 random bytes in base64: openssl rand -base64 32.',
    });
  }
  if ([current, ...others].some((key) => key.length !== 32)) {
    throw new Fault('invalid-settings', 'secrets.sealingKey (DRAWBRIDGE_SEALING_KEY) is not 32 bytes in base64.', {
      remedy: 'Make one with: openssl rand -base64 32.',
    });
  }
  return sealingKeysOf([current, ...others]);
}

function keysInFile(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new Fault('invalid-settings', `secrets.sealingKeyFile: ${file} can't be read.`, { cause });
  }
}

function keysByCommand(command: string): string {
  try {
    return execSync(command, { encoding: 'utf8', timeout: 30_000, stdio: ['ignore', 'pipe', 'inherit'] });
  } catch (cause) {
    throw new Fault('invalid-settings', 'secrets.sealingKeyCommand failed.', { cause });
  }
}

interface StoredSecrets {
  readonly sealingKey?: string;
  readonly operatorToken?: string;
  readonly clusterPassword?: string;
  readonly applicationPassword?: string;
}

function storedSecrets(dataFolder: string): StoredSecrets {
  const folder = resolve(dataFolder);
  const file = join(folder, 'secrets.json');
  try {
    mkdirSync(folder, { recursive: true });
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK);
    if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8'));
    const fresh = {
      sealingKey: randomBytes(32).toString('base64'),
      operatorToken: `dbo_${randomBytes(32).toString('base64url')}`,
      clusterPassword: randomBytes(32).toString('base64url'),
      applicationPassword: randomBytes(32).toString('base64url'),
    };
    // 'wx': of two processes that start at once, one makes the secrets and the other reads them.
    writeFileSync(file, JSON.stringify(fresh, null, 2), { mode: 0o600, flag: 'wx' });
    return fresh;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST' && existsSync(file)) return storedSecrets(dataFolder);
    throw new Fault('invalid-settings', `The data folder ${folder} can't be used: ${(cause as Error).message}.`, {
      cause,
      remedy: 'Give another with DRAWBRIDGE_DATA, or mend its permissions.',
    });
  }
}
