/** Does what a signal says, through the receiver core that every such word passes; once, however often it comes. */

import { sql } from 'kysely';
import type { Models } from '../../access/model-file.ts';
import { record } from '../../audit/record.ts';
import { hashOf } from '../../credentials/sealing.ts';
import type { JobQueue } from '../../jobs/queue.ts';
import { type Received, receive, type Signal } from '../../offboarding/receive.ts';
import type { TenantTransaction } from '../../store/tenant.ts';
import { domainOf } from '../attributes.ts';
import { serves } from '../served-domains.ts';
import { personMeant, type SubjectId } from '../subject-id.ts';
import type { Receiver } from './receiver.ts';
import { OLDEST_DAYS, type SignalToken } from './token.ts';

const CAEP = 'https://schemas.openid.net/secevent/caep/event-type';
const RISC = 'https://schemas.openid.net/secevent/risc/event-type';

interface Dependencies {
  readonly models: Models;
  readonly jobs: JobQueue;
}

/** `unknown`: nobody here is meant; `foreign`: it may not speak of them; `noted`: it asks for nothing. */
type CarriedOut = Received | 'repeated' | 'unknown' | 'foreign' | 'noted';

/** @returns what was done */
export async function carryOut(
  deps: Dependencies,
  tx: TenantTransaction,
  receiver: Receiver,
  token: SignalToken,
): Promise<CarriedOut> {
  if (!(await isFirst(tx, receiver, token))) return 'repeated';
  const kind = kindOf(token, receiver);
  const user = token.subject && (await personOf(tx, receiver, token.subject));
  const done = kind === undefined ? 'noted' : await act(deps, tx, receiver, { kind, user, at: token.issuedAt });
  await tx.db
    .updateTable('ssf_receivers')
    .set({ last_event_at: sql<Date>`now()`, last_error: null })
    .where('id', '=', receiver.id)
    .execute();
  await record(tx, {
    action: 'ssf_receiver.told',
    resource: { type: 'ssf_receiver', id: receiver.id },
    outcome: done === 'unknown' || done === 'foreign' ? 'failure' : 'success',
    reason: reasonIn(token.payload),
    detail: { receiver: receiver.slug, event: token.type, received: done, user: user?.id ?? null, token: token.jti },
  });
  return done;
}

/** What an event asks for here; undefined where nothing. Pure. */
function kindOf({ type, payload }: SignalToken, { on_disabled: onDisabled }: Receiver): Signal['kind'] | undefined {
  if (type === `${CAEP}/session-revoked`) return 'signed-out';
  // One that came to be takes nothing away from those that are.
  if (type === `${CAEP}/credential-change`) return payload['change_type'] === 'create' ? undefined : 'signed-out';
  if (type === `${RISC}/account-disabled`) return onDisabled === 'suspend' ? 'suspended' : 'left';
  return type === `${RISC}/account-enabled` ? 'enabled' : undefined;
}

async function act(
  deps: Dependencies,
  tx: TenantTransaction,
  { slug }: Receiver,
  meant: { readonly kind: Signal['kind']; readonly user: Person | undefined; readonly at: Date },
): Promise<CarriedOut> {
  const { kind, user, at } = meant;
  if (user === undefined) return 'unknown';
  if (user.id === null) return 'foreign';
  const disabled = `the identity provider disabled the account (${slug})`;
  const reason = kind === 'signed-out' ? `the identity provider ended their sessions (${slug})` : disabled;
  return receive(deps, tx, { kind, userId: user.id, trigger: 'shared-signals', reason, at });
}

interface Person {
  /** Null where the receiver's transmitter may not speak of them. */
  readonly id: string | null;
}

/** A transmitter speaks of its connection's people, and of those of domains that it may vouch for. */
async function personOf(tx: TenantTransaction, receiver: Receiver, subject: SubjectId): Promise<Person | undefined> {
  const { connection_id: id } = receiver;
  const connection =
    id === null
      ? undefined
      : await tx.db.selectFrom('connections').select(['domains', 'config']).where('id', '=', id).executeTakeFirst();
  if (subject.format === 'email') {
    const theirs =
      subject.email.includes('@') && serves({ domains: connection?.domains ?? [] }, domainOf(subject.email));
    if (!theirs) return { id: null };
  } else if (connection === undefined) return { id: null };
  if (subject.format === 'iss_sub') {
    const { issuer, entityId } = (connection?.config ?? {}) as { issuer?: string; entityId?: string };
    if (![receiver.issuer, issuer, entityId].includes(subject.iss)) return { id: null };
  }
  const found = await personMeant(tx, id, subject);
  return found === undefined ? undefined : { id: found };
}

/** Whether the token has not been carried out yet; from here on it has. */
async function isFirst(tx: TenantTransaction, { id }: Receiver, { jti }: SignalToken): Promise<boolean> {
  const kept = sql<Date>`now() + ${OLDEST_DAYS + 1} * interval '1 day'`;
  await sql`DELETE FROM ssf_seen WHERE expires_at < now()`.execute(tx.db);
  const { numInsertedOrUpdatedRows } = await tx.db
    .insertInto('ssf_seen')
    .values({ organization_id: tx.organizationId, receiver_id: id, jti_hash: hashOf(jti), expires_at: kept })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirstOrThrow();
  return numInsertedOrUpdatedRows === 1n;
}

/** What a transmitter says to administrators, in English or whatever comes first. */
function reasonIn(payload: Readonly<Record<string, unknown>>): string {
  const said = payload['reason_admin'];
  if (typeof said !== 'object' || said === null) return '';
  const texts = said as Readonly<Record<string, unknown>>;
  const text = texts['en'] ?? Object.values(texts)[0];
  return typeof text === 'string'
    ? text
        .slice(0, 500)
        .replace(/\p{Cc}/gu, ' ')
        .toWellFormed()
    : '';
}
