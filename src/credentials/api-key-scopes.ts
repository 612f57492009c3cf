/** What a key may be given: scopes of Drawbridge's own, and permissions of the access model. */

/** Scopes of Drawbridge's own that a platform's backend needs; any other scope is a permission of the access model. */
export const OWN_SCOPES = [
  'access:evaluate',
  'tokens:introspect',
  'tokens:revoke',
  'tokens:use',
  'audit:write',
  'signals:receive',
] as const;

export function isOwnScope(scope: string): boolean {
  return (OWN_SCOPES as readonly string[]).includes(scope);
}
