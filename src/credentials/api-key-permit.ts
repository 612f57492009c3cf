/** Who may make a key: nobody beyond what the kind carries, and a person not beyond their own permissions (TEN-9). */
import { mayCarry, mayCreateKey } from '../access/decide-key.ts';
import { subjectOf } from '../access/membership.ts';
import type { AccessModel } from '../access/model.ts';
import type { KeyKind } from '../access/model-schema.ts';
import type { Resource } from '../access/subject.ts';
import { Fault } from '../errors.ts';
import type { TenantTransaction } from '../store/tenant.ts';
import { isOwnScope, OWN_SCOPES } from './api-key-scopes.ts';

/**
 * @param creatorId who makes it; null for the operator
 * @throws Fault `forbidden` where the maker may not, `invalid-input` where nobody may
 */
export async function refuseUnlessAllowed(
  tx: TenantTransaction,
  model: AccessModel,
  creatorId: string | null,
  input: { readonly kind: KeyKind; readonly scopes: readonly string[] },
  resource: Resource,
): Promise<void> {
  if (model.apiKeys[input.kind] === undefined) {
    throw new Fault('invalid-input', `The access model "${model.name}" has no ${input.kind} keys.`, {
      where: 'kind',
      remedy: `Choose one of: ${Object.keys(model.apiKeys).join(', ')}.`,
    });
  }
  const permissions = input.scopes.filter((scope) => !isOwnScope(scope));
  const unknown = permissions.find((scope) => !model.permissions.has(scope));
  if (unknown !== undefined) {
    throw new Fault('invalid-input', `There is no permission "${unknown}" in the access model "${model.name}".`, {
      where: 'scopes',
    });
  }
  if (creatorId === null) return refuseOfOperator(model, input.kind, permissions);
  if (permissions.length < input.scopes.length) {
    throw new Fault('forbidden', `Only the operator gives ${OWN_SCOPES.join(', ')} to a key.`, { where: 'scopes' });
  }
  const ruling = mayCreateKey(
    model,
    await subjectOf(tx, creatorId),
    { kind: input.kind, scopes: permissions },
    resource,
    new Date(),
  );
  if (!ruling.decision)
    throw new Fault('forbidden', ruling.reason, { where: 'scopes', remedy: 'Ask for less, or ask an administrator.' });
}

/** The operator has no permissions of their own: a key that acts as its maker carries, from them, Drawbridge's own scopes only. */
function refuseOfOperator(model: AccessModel, kind: KeyKind, permissions: readonly string[]): void {
  const asCreator = model.apiKeys[kind]?.actsAs === 'creator';
  if (kind === 'personal' || (asCreator && permissions.length > 0)) {
    throw new Fault('invalid-input', `A ${kind} key acts as the person who makes it.`, {
      where: 'kind',
      remedy: 'Sign in to make one.',
    });
  }
  const excessive = permissions.find((permission) => !mayCarry(model, kind, permission));
  if (excessive === undefined) return;
  throw new Fault('invalid-input', `A ${kind} key can't carry "${excessive}".`, { where: 'scopes' });
}
