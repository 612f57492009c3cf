/** What a model says of a question about everybody or everywhere, flat, for `search.sql.ts`. Pure. */
import { askedOf } from './decide.ts';
import { mayCarry } from './decide-key.ts';
import { type AccessModel, covers } from './model.ts';
import { isKeyKind, KEY_KINDS } from './model-schema.ts';
import type { Resource } from './subject.ts';

export interface Asked {
  readonly action: string;
  /** Every role that the model knows; whether it gives what is asked, anywhere below its scope or only where one is assigned. */
  readonly roles: ReadonlyArray<{
    readonly scope: string;
    readonly role: string;
    readonly gives: boolean;
    readonly givesAssigned: boolean;
  }>;
  /** What has to be there before a role counts. */
  readonly layers: { readonly workspace: boolean; readonly product: boolean; readonly subscription: boolean };
  /** The kinds of keys that can carry it. */
  readonly keyKinds: { readonly asThemselves: string[]; readonly asCreators: string[] };
}

/** What it takes to do something in a place of this shape; undefined where it can't be asked there. */
export function askedEverywhere(model: AccessModel, action: string, shape: Resource): Asked | undefined {
  const asked = askedOf(model, action, shape);
  if ('refusal' in asked) return undefined;
  const { kind } = asked;
  const roles = [...model.roles.values()].map(({ scopeKind, role, permissions, reach }) => {
    const counts = covers(scopeKind, kind) && permissions.has(action);
    const everywhere = kind === scopeKind || reach === 'everything';
    return {
      scope: scopeKind,
      role,
      gives: counts && everywhere,
      givesAssigned: counts && !everywhere && reach === 'assigned',
    };
  });
  const layer = (name: 'workspace' | 'product') => model.layers.includes(name) && covers(name, kind);
  const subscription = model.layers.includes('subscription') && kind === 'product';
  const kinds = KEY_KINDS.filter((each) => mayCarry(model, each, action));
  const acting = (as: 'creator' | 'itself') =>
    kinds.filter((each) => isKeyKind(each) && model.apiKeys[each]?.actsAs === as);
  return {
    action,
    roles,
    layers: { workspace: layer('workspace'), product: layer('product'), subscription },
    keyKinds: { asThemselves: acting('itself'), asCreators: acting('creator') },
  };
}
