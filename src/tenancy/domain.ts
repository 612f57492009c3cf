/**
 * E-mail domains. Whoever owns one decides who signs in by it, so it counts only once it is proven: by a DNS record that only its
 * owner can publish, or by the operator's word.
 */
import { randomBytes } from 'node:crypto';
import { domainToASCII } from 'node:url';
import { sql } from 'kysely';
import { z } from 'zod';
import { record } from '../audit/record.ts';
import { Fault } from '../errors.ts';
import { locateDomain } from '../store/locate.ts';
import type { TenantTransaction } from '../store/tenant.ts';
import consumerDomains from './consumer-domains.json' with { type: 'json' };
import { type Put, unlessTaken } from './put.ts';

/** For so long a domain counts on whose proof is gone. */
export const GRACE_DAYS = 7;
const GRACE_MS = GRACE_DAYS * 86_400_000;

/** When a proof is looked up again: in a day, spread so that not all come at once. */
export const IN_ABOUT_A_DAY = sql<Date>`now() + interval '23 hours' + random() * interval '2 hours'`;

const CONSUMER = new Set(consumerDomains);
const LABEL = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?';
const DOMAIN = new RegExp(`^(?=.{1,253}$)(?:${LABEL}\\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]$`);

/** A domain name in its one spelling: lower case, ASCII (IDNA), without a final dot. */
export const domainName = z
  .string()
  .max(253)
  .transform((name) => domainToASCII(name.trim().replace(/\.$/, '')).toLowerCase())
  .refine((name) => DOMAIN.test(name), 'is not a domain name such as example.com');

/** What an administrator says of a domain. Only the operator may vouch for it with `verified`. */
export const domainInput = z.strictObject({ name: domainName, verified: z.boolean().default(false) });
export type DomainInput = z.output<typeof domainInput>;

/** Whether everybody can have an address of this domain, so that it belongs to no organization. Pure. */
export function isConsumerDomain(name: string): boolean {
  const labels = name.split('.');
  return labels.some((_, start) => CONSUMER.has(labels.slice(start).join('.')));
}

/** The DNS record that proves a domain: where it is published and what it says. Pure. */
export function proofRecord(name: string, token: string): { readonly name: string; readonly value: string } {
  return { name: `_drawbridge.${name}`, value: `drawbridge-verification=${token}` };
}

/**
 * Claims a domain for the transaction's organization, or leaves it as it is.
 * @throws Fault `invalid-input` for a consumer domain, `conflict` where another organization has proven it, `forbidden` where
 * somebody else than the operator vouches for it
 */
export async function putDomain(tx: TenantTransaction, input: DomainInput): Promise<Put> {
  const { name } = input;
  const before = await tx.db.selectFrom('domains').selectAll().where('name', '=', name).forUpdate().executeTakeFirst();
  const vouched = input.verified && before?.verified_at == null;
  if (before !== undefined && !vouched) return { id: name, action: 'keep', changed: [] };
  if (before === undefined) await claim(tx, name);
  if (vouched) await verifyByOperator(tx, name);
  return before === undefined
    ? { id: name, action: 'create', changed: vouched ? ['name', 'verified'] : ['name'] }
    : { id: name, action: 'update', changed: ['verified'] };
}

/** Marks a domain as proven on the operator's word. @throws Fault `forbidden`, `not-found`, `conflict` */
export async function verifyByOperator(tx: TenantTransaction, name: string): Promise<void> {
  const { kind } = tx.origin.actor;
  if (kind !== 'operator' && kind !== 'system') {
    throw new Fault('forbidden', 'Only the operator of this installation can vouch for a domain.', {
      where: 'verified',
      remedy: 'Prove it by its DNS record.',
    });
  }
  await markVerified(tx, await findDomain(tx, name), 'operator');
}

/**
 * Marks a domain as proven by what its DNS record said; one that was proven so before is no longer held to fail.
 * @param token the token that was looked up; the claim must still carry it
 */
export async function verifyByDns(tx: TenantTransaction, name: string, token: string): Promise<void> {
  const domain = await findDomain(tx, name);
  if (domain.verification_token !== token) {
    throw new Fault('conflict', 'The domain was removed and claimed anew in the meantime.', { remedy: 'Repeat it.' });
  }
  if (domain.verified_how === 'dns') await keepProven(tx, name, domain.failing_since);
  else await markVerified(tx, domain, 'dns');
}

/** Takes note that a domain's proof is still there, or again. */
export async function keepProven(tx: TenantTransaction, name: string, failingSince: Date | null): Promise<void> {
  await tx.db
    .updateTable('domains')
    .set({ next_check_at: IN_ABOUT_A_DAY, failing_since: null })
    .where('name', '=', name)
    .execute();
  if (failingSince === null) return;
  const resource = { type: 'domain', id: name };
  await record(tx, { action: 'domain.verification_restored', resource, detail: { failingSince } });
}

/** Finds a claimed domain. @throws Fault `not-found` */
export async function findDomain(tx: TenantTransaction, name: string) {
  const row = await tx.db.selectFrom('domains').selectAll().where('name', '=', name).executeTakeFirst();
  if (row !== undefined) return row;
  throw new Fault('not-found', `The organization has not claimed the domain "${name}".`, { where: 'domain' });
}

/** Every domain that the organization has claimed, by name. */
export function listDomains(tx: TenantTransaction) {
  return tx.db.selectFrom('domains').selectAll().orderBy('name').execute();
}

/** Gives a domain up; nobody is let in by it any more. @throws Fault `not-found` */
export async function deleteDomain(tx: TenantTransaction, name: string): Promise<void> {
  await findDomain(tx, name);
  await tx.db.deleteFrom('domains').where('name', '=', name).execute();
  await record(tx, { action: 'domain.deleted', resource: { type: 'domain', id: name } });
}

type Domain = Awaited<ReturnType<typeof findDomain>>;

/** A domain as it is shown, with the DNS record that proves it. */
export function shownDomain(row: Domain) {
  return {
    name: row.name,
    verifiedAt: row.verified_at,
    verifiedHow: row.verified_how,
    /** Since when DNS says that the proof is gone; null: it doesn't. */
    failingSince: row.failing_since,
    /** Until when the domain counts nevertheless. */
    graceEndsAt: row.failing_since === null ? null : new Date(row.failing_since.getTime() + GRACE_MS),
    proof: { type: 'TXT', ...proofRecord(row.name, row.verification_token) },
  };
}

async function claim(tx: TenantTransaction, name: string): Promise<void> {
  if (isConsumerDomain(name)) {
    throw new Fault('invalid-input', `Everybody can have an address at ${name}; no organization can claim it.`, {
      where: 'name',
      remedy: "Claim the organization's own domain.",
    });
  }
  await refuseOwned(tx, name);
  const row = {
    organization_id: tx.organizationId,
    name,
    verification_token: randomBytes(20).toString('hex'),
    verified_at: null,
    verified_how: null,
  };
  const taken = new Fault('conflict', 'This domain is being claimed at this moment.', {
    remedy: 'Repeat the request.',
  });
  await unlessTaken(() => tx.db.insertInto('domains').values(row).execute(), taken);
  await record(tx, { action: 'domain.claimed', resource: { type: 'domain', id: name } });
}

async function markVerified(tx: TenantTransaction, domain: Domain, how: 'dns' | 'operator'): Promise<void> {
  const { name } = domain;
  // The operator's word also stands in for a DNS record, which is then looked up no more.
  if (domain.verified_how === 'operator' || domain.verified_how === how) return;
  await refuseOwned(tx, name);
  const marking = tx.db.updateTable('domains').set({
    verified_at: sql`now()`,
    verified_how: how,
    next_check_at: how === 'dns' ? IN_ABOUT_A_DAY : null,
    failing_since: null,
  });
  await unlessTaken(() => marking.where('name', '=', name).execute(), ownedElsewhere(name));
  await record(tx, { action: 'domain.verified', resource: { type: 'domain', id: name }, detail: { how } });
}

async function refuseOwned(tx: TenantTransaction, name: string): Promise<void> {
  const owner = await locateDomain(tx.db, name);
  if (owner !== undefined && owner !== tx.organizationId) throw ownedElsewhere(name);
}

function ownedElsewhere(name: string): Fault {
  return new Fault('conflict', `Another organization has proven that ${name} is its own.`, {
    where: 'name',
    remedy: 'If that is wrong, ask the operator of this installation to settle it.',
  });
}
