/** Where a role is held, as the API says it and as a form holds it. */
import { text } from '../text/text.ts';

export type Scope = 'organization' | { readonly workspace: string } | { readonly product: string };

/** `production/insights`, `production`, or the organization. */
export function scopeText(scope: Scope): string {
  if (scope === 'organization') return text.mapping.organization;
  return 'workspace' in scope ? scope.workspace : scope.product;
}

/** A scope as the value of an option. */
export function scopeKey(scope: Scope): string {
  if (scope === 'organization') return 'organization';
  return 'workspace' in scope ? `workspace:${scope.workspace}` : `product:${scope.product}`;
}

/** What `scopeKey` made a value of. */
export function scopeOf(key: string): Scope {
  if (key === 'organization') return 'organization';
  const [kind, name = ''] = key.split(/:(.*)/s);
  return kind === 'workspace' ? { workspace: name } : { product: name };
}
