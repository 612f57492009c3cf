/** Makes messages of what is new in an organization. */
import { sealOrganization } from '../audit/seal.ts';
import type { Store } from '../store/database.ts';
import { inTenant, type Origin } from '../store/tenant.ts';
import { fanOut } from './fan-out.ts';

export const SIGNALLER: Origin = { actor: { kind: 'system', id: 'signals', label: 'signals' } };

/** So that whoever asks finds them. */
export async function gatherSignals(
  deps: { readonly store: Pick<Store, 'db'> },
  organizationId: string,
): Promise<void> {
  await sealOrganization(deps, organizationId);
  while (await inTenant(deps.store.db, organizationId, SIGNALLER, fanOut));
}
