/** Issuers that stand for many tenants of one provider: whose tokens they are is told by a claim. Pure. */
import { SignInRefusal } from '../refusal.ts';
import type { OidcConfig } from './config.ts';
import type { Claims } from './login.ts';
import { TENANT } from './presets.ts';
import { quoted } from './refused.ts';

/**
 * The issuer that a token must name.
 * @param tenant the token's `tid`, not yet verified; the issuer made of it is what the token is then verified against
 * @throws SignInRefusal `tenant` where that tenant may not come in
 */
export function issuerFor({ tenants }: Pick<OidcConfig, 'tenants'>, issuer: string, tenant: unknown): string {
  if (!issuer.includes(TENANT)) return issuer;
  if (typeof tenant === 'string' && tenants.includes(tenant.toLowerCase())) return issuer.replace(TENANT, tenant);
  throw new SignInRefusal('tenant', {
    reason: 'The person is of a tenant that may not sign in here.',
    remedy: "Add it to the connection's tenants, if its people are to come in.",
    wanted: tenants.join(', '),
    got: quoted(tenant),
  });
}

/** What somebody is kept by. Where several tenants come in, a subject is unique only together with its tenant. */
export function subjectOf({ issuer }: Pick<OidcConfig, 'issuer'>, { sub, tid }: Claims): string {
  return issuer.includes(TENANT) ? `${String(tid).toLowerCase()}:${String(sub)}` : String(sub);
}

/** Every issuer that an answer may come from. */
export function issuersOf({ tenants }: Pick<OidcConfig, 'tenants'>, issuer: string): readonly string[] {
  return issuer.includes(TENANT) ? tenants.map((each) => issuer.replace(TENANT, each)) : [issuer];
}
