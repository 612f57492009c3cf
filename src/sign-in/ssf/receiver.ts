/** Whose signals an organization listens to: a transmitter of the Shared Signals Framework, and what its word does here. */
import type { Selectable } from 'kysely';
import { z } from 'zod';
import { record } from '../../audit/record.ts';
import { hashOf, seal, unseal } from '../../credentials/sealing.ts';
import { Fault } from '../../errors.ts';
import { boundedFetch } from '../../http/bounded-fetch.ts';
import type { SealingKeys } from '../../sealing-keys.ts';
import type { SsfReceiverRow } from '../../store/tables.ts';
import { isId, type TenantTransaction } from '../../store/tenant.ts';
import { slug } from '../../tenancy/slug.ts';

export type Receiver = Selectable<SsfReceiverRow>;

const address = z.url({ protocol: /^https?$/ }).max(2048);
const secret = z
  .string()
  .min(16)
  .max(2048)
  .regex(/^[\x21-\x7e]+$/);

export const receiverInput = z.strictObject({
  slug,
  issuer: address,
  /** Discovered where it is left out. */
  jwksUri: address.optional(),
  audience: z.string().min(1).max(500),
  /** The connection whose people it speaks of; left out: people by addresses of verified domains. */
  connection: z.string().optional(),
  onDisabled: z.enum(['suspend', 'deprovision']).default('suspend'),
  /** A bearer token that a push must carry beside its signature; null takes it away, left out it stays. */
  pushToken: secret.nullish(),
  /** Where tokens are fetched, if they are not pushed. */
  pollUrl: address.nullish(),
  pollToken: secret.nullish(),
  enabled: z.boolean().default(true),
});
export type ReceiverInput = z.output<typeof receiverInput>;

/** Where a transmitter publishes its keys, by its own description. @throws Fault `upstream-failed` */
export async function discoverKeys(issuer: string, allowPrivateNetwork: boolean): Promise<string> {
  const { origin, pathname } = new URL(issuer);
  const url = `${origin}/.well-known/ssf-configuration${pathname.replace(/\/$/, '')}`;
  const failed = (cause: unknown) =>
    new Fault('upstream-failed', `The transmitter does not describe itself at ${url} as it should.`, {
      where: 'issuer',
      remedy: 'Check the issuer, or say where its keys are (jwksUri).',
      cause,
    });
  try {
    const response = await boundedFetch(allowPrivateNetwork)(url, { headers: { accept: 'application/json' } });
    const described = z.object({ issuer: z.literal(issuer), jwks_uri: address }).parse(await response.json());
    return described.jwks_uri;
  } catch (error) {
    throw failed(error);
  }
}

/** Creates or changes a receiver. @throws Fault `invalid-input` where there is no such connection */
export async function putReceiver(
  tx: TenantTransaction,
  keys: SealingKeys,
  input: ReceiverInput & { readonly jwksUri: string },
): Promise<Receiver> {
  const connection = input.connection === undefined ? null : await connectionNamed(tx, input.connection);
  const values = {
    issuer: input.issuer,
    jwks_uri: input.jwksUri,
    audience: input.audience,
    connection_id: connection,
    on_disabled: input.onDisabled,
    enabled: input.enabled,
    ...(input.pushToken === undefined
      ? {}
      : { push_token_hash: input.pushToken === null ? null : hashOf(input.pushToken) }),
    ...(input.pollUrl === undefined ? {} : { poll_url: input.pollUrl }),
  };
  const put = await tx.db
    .insertInto('ssf_receivers')
    .values({
      ...{ organization_id: tx.organizationId, slug: input.slug },
      ...{ push_token_hash: null, poll_url: null, sealed_poll_token: null },
      ...values,
    })
    .onConflict((conflict) => conflict.columns(['organization_id', 'slug']).doUpdateSet(values))
    .returningAll()
    .executeTakeFirstOrThrow();
  if (input.pollToken !== undefined) {
    const sealed = input.pollToken === null ? null : seal(keys, purposeOf(put.id), input.pollToken);
    await tx.db.updateTable('ssf_receivers').set({ sealed_poll_token: sealed }).where('id', '=', put.id).execute();
  }
  await record(tx, {
    action: 'ssf_receiver.put',
    resource: { type: 'ssf_receiver', id: put.id },
    detail: { slug: put.slug, issuer: put.issuer, onDisabled: put.on_disabled, enabled: put.enabled },
  });
  return put;
}

async function connectionNamed({ db }: TenantTransaction, name: string): Promise<string> {
  const found = await db.selectFrom('connections').select('id').where('slug', '=', name).executeTakeFirst();
  if (found === undefined)
    throw new Fault('invalid-input', `There is no connection "${name}".`, { where: 'connection' });
  return found.id;
}

export async function listReceivers({ db }: TenantTransaction): Promise<Receiver[]> {
  return db.selectFrom('ssf_receivers').selectAll().orderBy('slug').execute();
}

/** One that is turned on. @throws Fault `not-found` */
export async function findReceiver({ db }: TenantTransaction, id: string): Promise<Receiver> {
  const found = isId(id)
    ? await db
        .selectFrom('ssf_receivers')
        .selectAll()
        .where('id', '=', id)
        .where('enabled', '=', true)
        .executeTakeFirst()
    : undefined;
  if (found === undefined) throw new Fault('not-found', 'There is no such receiver of signals.', { where: 'path' });
  return found;
}

/** @throws Fault `not-found` */
export async function deleteReceiver(tx: TenantTransaction, name: string): Promise<void> {
  const gone = await tx.db.deleteFrom('ssf_receivers').where('slug', '=', name).returning('id').executeTakeFirst();
  if (gone === undefined) throw new Fault('not-found', 'There is no such receiver of signals.', { where: 'path' });
  await record(tx, { action: 'ssf_receiver.deleted', resource: { type: 'ssf_receiver', id: gone.id } });
}

/** What a poll authenticates with. */
export function pollToken(keys: SealingKeys, { id, sealed_poll_token: sealed }: Receiver): string | undefined {
  return sealed === null ? undefined : unseal(keys, purposeOf(id), sealed);
}

function purposeOf(id: string): string {
  return `ssf_receiver:${id}`;
}
