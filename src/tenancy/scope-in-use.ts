/** Whether somebody would lose access without anyone having said so, if a workspace or product were deleted. */
import { Fault } from '../errors.ts';
import type { TenantTransaction } from '../store/tenant.ts';

/** Names what still gives access in a workspace or product ("3 memberships"); undefined where nothing does. */
export type ScopeInUse = (
  tx: TenantTransaction,
  scope: { readonly workspaceId: string; readonly productId?: string },
) => Promise<string | undefined>;

/** @throws Fault `conflict` naming what still hangs on the scope */
export async function refuseWhileInUse(
  tx: TenantTransaction,
  inUse: ScopeInUse,
  scope: { readonly workspaceId: string; readonly productId?: string },
  what: string,
): Promise<void> {
  const found = await inUse(tx, scope);
  if (found === undefined) return;
  throw new Fault('conflict', `${what} still has ${found}.`, { remedy: 'Remove these first, then delete it.' });
}
