/** `drawbridge api-keys list | create | rotate | revoke`, as the operator. */
import type { z } from 'zod';
import type { Models } from '../access/model-file.ts';
import { organizationModel } from '../access/organization-model.ts';
import { Fault } from '../errors.ts';
import { faultOf } from '../http/problem.ts';
import { isId, type TenantTransaction } from '../store/tenant.ts';
import { apiKeyInput, createApiKey, listApiKeys, revokeApiKey, type shownKey } from './api-key.ts';
import { rotateApiKey, rotationInput } from './api-key-rotation.ts';

type Options = Readonly<Record<string, unknown>>;

/** A line for each key, newest first. */
export async function keyLines(tx: TenantTransaction): Promise<string[]> {
  const keys = await listApiKeys(tx);
  return keys.length === 0 ? ['There are no API keys.'] : keys.map(lineOf);
}

/** Makes a key. @returns what to print; the first line is the key itself */
export async function createKey(models: Models, tx: TenantTransaction, options: Options): Promise<string[]> {
  const { organization: _, scope, expiresInDays, ...rest } = options;
  const input = parsed(apiKeyInput, { ...rest, scopes: scope, ...numbers({ expiresInDays }) });
  const made = await createApiKey(tx, await organizationModel(models, tx), 'operator', input);
  return [made.key, `Shown this once. ${lineOf(made)}`];
}

/** Rotates a key. @returns what to print; the first line is the new key itself */
export async function rotateKey(
  models: Models,
  tx: TenantTransaction,
  key: string,
  { overlapHours, expiresInDays }: Options,
): Promise<string[]> {
  const rotation = parsed(rotationInput, numbers({ overlapHours, expiresInDays }));
  const which = { id: await idOf(tx, key), owner: null, maker: 'operator' } as const;
  const made = await rotateApiKey(tx, await organizationModel(models, tx), which, rotation);
  const { display, countsUntil } = made.replaced;
  return [made.key, `Shown this once. ${lineOf(made)}`, `${display} counts until ${countsUntil.toISOString()}.`];
}

/** Revokes a key. @returns what to print */
export async function revokeKey(tx: TenantTransaction, key: string, reason: string): Promise<string> {
  const revoked = await revokeApiKey(tx, await idOf(tx, key), null, reason);
  return revoked ? `${key} is revoked.` : `${key} was revoked already.`;
}

function lineOf(key: ReturnType<typeof shownKey>): string {
  const ended = key.revokedAt ?? (key.expiresAt !== null && key.expiresAt <= new Date() ? key.expiresAt : null);
  const parts = [
    key.id,
    key.display,
    `${key.kind} "${key.name}"`,
    key.environment,
    key.scopes.join(','),
    key.lastUsedAt === null ? 'never used' : `used ${key.lastUsedAt.toISOString()}`,
    ended === null && key.expiresAt !== null ? `until ${key.expiresAt.toISOString()}` : '',
    ended === null ? '' : `${key.revokedAt === null ? 'expired' : 'revoked'} ${ended.toISOString()}`,
    key.flaggedReason === null ? '' : `flagged: ${key.flaggedReason}`,
  ];
  return parts.filter((part) => part !== '').join('  ');
}

/** A key is named by its id, or by what is shown of it where that names one only. */
async function idOf({ db }: TenantTransaction, key: string): Promise<string> {
  if (isId(key)) return key;
  const rows = await db.selectFrom('api_keys').select('id').where('display', '=', key).limit(2).execute();
  const [found, another] = rows;
  if (found !== undefined && another === undefined) return found.id;
  throw new Fault('not-found', `${found === undefined ? 'No' : 'More than one'} API key is displayed as "${key}".`, {
    remedy: 'See them with: drawbridge api-keys list.',
  });
}

/** Options are text; what is not a number is refused as such. */
function numbers(options: Options): Record<string, number> {
  const given = Object.entries(options).filter(([, text]) => text !== undefined);
  return Object.fromEntries(given.map(([name, text]) => [name, Number(text)]));
}

function parsed<S extends z.ZodType>(schema: S, input: unknown): z.output<S> {
  const result = schema.safeParse(input);
  if (!result.success) throw faultOf(result.error, 'options');
  return result.data;
}
