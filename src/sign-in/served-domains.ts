/** Which of an organization's domains a connection may vouch for. */
import { Fault } from '../errors.ts';
import type { TenantTransaction } from '../store/tenant.ts';

/** Whether a connection may vouch for people of a domain, provided that it is verified. Pure. */
export function serves({ domains }: { readonly domains: readonly string[] }, domain: string): boolean {
  return domains.length === 0 || domains.includes(domain);
}

/**
 * A connection names domains that the organization has claimed; each counts as soon as it is verified. One that it named before may have
 * been given up since.
 * @throws Fault `invalid-input`
 */
export async function refuseUnclaimed(
  tx: TenantTransaction,
  wanted: readonly string[],
  before: readonly string[] = [],
): Promise<void> {
  const added = wanted.filter((name) => !before.includes(name));
  if (added.length === 0) return;
  const claimed = await tx.db.selectFrom('domains').select('name').where('name', 'in', added).execute();
  const unknown = added.find((name) => !claimed.some((each) => each.name === name));
  if (unknown === undefined) return;
  throw new Fault('invalid-input', `The organization has not claimed the domain "${unknown}".`, {
    where: 'domains',
    remedy: 'Claim it first, under Domains.',
  });
}
