/** Of whom a stream tells: its receiver adds and removes people (Shared Signals Framework 1.0, 8.1.3), named by RFC 9493. */
import { z } from 'zod';
import { record } from '../../audit/record.ts';
import { Fault } from '../../errors.ts';
import { isId, type TenantTransaction } from '../../store/tenant.ts';
import type { Stream } from './stream.ts';

const name = z.string().min(1).max(320);
const simple = z.discriminatedUnion('format', [
  z.object({ format: z.literal('iss_sub'), iss: name, sub: name }),
  z.object({ format: z.literal('email'), email: name }),
  z.object({ format: z.literal('opaque'), id: name }),
]);
/** Of a complex subject nothing but its user: what else narrows a subject down, a session or a device, is not told of by itself. */
const subject = z.union([
  z.strictObject({ format: z.literal('complex'), user: simple }).transform(({ user }) => user),
  simple,
]);

/** What is said to the endpoints for adding and removing; `verified` changes nothing: people are known here by themselves. */
export const subjectInput = z.object({ stream_id: z.string(), subject, verified: z.boolean().optional() });
type Subject = z.output<typeof subject>;

/**
 * Has a stream tell of a person, or no longer.
 * @param subjectIssuer whose `sub` people's ids are
 * @throws Fault `not-found` where nobody is known by that name
 */
export async function chooseSubject(
  tx: TenantTransaction,
  { id: stream_id }: Stream,
  asked: Subject,
  subjectIssuer: string,
  wanted: boolean,
): Promise<void> {
  const user_id = await personNamed(tx, asked, subjectIssuer);
  if (user_id === undefined) throw new Fault('not-found', 'Nobody is known by this name.', { where: 'subject' });
  await tx.db
    .insertInto('ssf_stream_subjects')
    .values({ organization_id: tx.organizationId, stream_id, user_id, wanted })
    .onConflict((conflict) => conflict.columns(['organization_id', 'stream_id', 'user_id']).doUpdateSet({ wanted }))
    .execute();
  const action = `ssf_stream.subject_${wanted ? 'added' : 'removed'}`;
  await record(tx, { action, resource: { type: 'ssf_stream', id: stream_id }, detail: { user: user_id } });
}

async function personNamed({ db }: TenantTransaction, asked: Subject, issuer: string): Promise<string | undefined> {
  if (asked.format === 'iss_sub' && asked.iss !== issuer) return undefined;
  const users = db.selectFrom('users').select('id');
  if (asked.format === 'email') {
    const named = users.where('email', '=', asked.email.toLowerCase());
    // An address may have had a former owner.
    return (await named.orderBy((by) => by('status', '=', 'deprovisioned')).executeTakeFirst())?.id;
  }
  const id = asked.format === 'opaque' ? asked.id : asked.sub;
  return isId(id) ? (await users.where('id', '=', id).executeTakeFirst())?.id : undefined;
}
