/** Looks a domain's proof up in DNS, outside any transaction, and settles what was found. */
import { Resolver } from 'node:dns/promises';
import { record } from '../audit/record.ts';
import { Fault } from '../errors.ts';
import type { Store } from '../store/database.ts';
import { inTenant, type Origin } from '../store/tenant.ts';
import { findDomain, proofRecord, verifyByDns } from './domain.ts';

/** Looks up TXT records, as `dns.resolveTxt` does: each record in its chunks. */
export type ResolveTxt = (name: string) => Promise<string[][]>;

/** The machine's own DNS, asked twice for three seconds at most. */
export const resolveTxt: ResolveTxt = (name) => new Resolver({ timeout: 3000, tries: 2 }).resolveTxt(name);

/**
 * Proves a domain by its DNS record.
 * @throws Fault `not-found` where it isn't claimed, `conflict` where the record isn't there or another organization has the
 * domain, `upstream-failed` where DNS gives no answer. What doesn't come to a proof is audited.
 */
export async function proveDomain(
  deps: { readonly store: Pick<Store, 'db'>; readonly resolveTxt: ResolveTxt },
  organizationId: string,
  origin: Origin,
  name: string,
): Promise<void> {
  const { db } = deps.store;
  const { verification_token: token } = await inTenant(db, organizationId, origin, (tx) => findDomain(tx, name));
  try {
    await requireProof(deps.resolveTxt, name, token);
    await inTenant(db, organizationId, origin, (tx) => verifyByDns(tx, name, token));
  } catch (error) {
    if (error instanceof Fault) {
      const refusal = { action: 'domain.verification_refused', outcome: 'failure', reason: error.message } as const;
      const resource = { type: 'domain', id: name };
      await inTenant(db, organizationId, origin, (tx) => record(tx, { ...refusal, resource }));
    }
    throw error;
  }
}

/** What DNS says of a proof: it is there, it is gone, or nothing, which is no sign of either. */
export type Finding = { readonly said: 'there' | 'gone' } | { readonly said: 'nothing'; readonly cause: unknown };

/** Looks a proof up. */
export async function lookUpProof(resolve: ResolveTxt, name: string, token: string): Promise<Finding> {
  const expected = proofRecord(name, token);
  try {
    const records = await resolve(expected.name);
    const found = records.some((chunks) => chunks.join('').trim() === expected.value);
    return { said: found ? 'there' : 'gone' };
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    return code === 'ENOTFOUND' || code === 'ENODATA' ? { said: 'gone' } : { said: 'nothing', cause };
  }
}

async function requireProof(resolve: ResolveTxt, name: string, token: string): Promise<void> {
  const expected = proofRecord(name, token);
  const finding = await lookUpProof(resolve, name, token);
  if (finding.said === 'there') return;
  if (finding.said === 'nothing') {
    throw new Fault('upstream-failed', `DNS gave no answer for ${expected.name}.`, {
      cause: finding.cause,
      remedy: 'Try again later.',
    });
  }
  throw new Fault('conflict', `DNS has no TXT record ${expected.name} with this organization's token.`, {
    where: expected.name,
    remedy: `Publish it as "${expected.value}"; until DNS shows it everywhere may take an hour.`,
  });
}
