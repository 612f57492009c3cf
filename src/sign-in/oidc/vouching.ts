/** Whether an address is the person's own: what each kind of provider says of it, and what that is worth. Pure. */
import { type Attributes, valuesOf } from '../attributes.ts';
import type { OidcConfig } from './config.ts';
import type { Claims } from './login.ts';
import { type Preset, presetOf } from './presets.ts';

type Vouched = (claims: Claims, attributes: Attributes, names: readonly string[]) => string | undefined;

const VOUCHED: Readonly<Record<Preset['vouching'], Vouched>> = {
  email_verified: (claims, attributes, names) =>
    isTrue(claims['email_verified']) ? valuesOf(attributes, names)?.[0] : undefined,
  google: (claims, attributes, names) => {
    const [email = ''] = valuesOf(attributes, names) ?? [];
    // It verified other addresses once, for a consumer's account that outlives the job that the address came with.
    const authoritative = typeof claims['hd'] === 'string' || /@gmail\.com$/i.test(email);
    return authoritative && isTrue(claims['email_verified']) ? email : undefined;
  },
  entra: (claims, attributes) => {
    const verified = attributes['verified_primary_email']?.[0];
    return verified ?? (isTrue(claims['xms_edov']) ? attributes['email']?.[0] : undefined);
  },
  api: (_claims, attributes, names) => valuesOf(attributes, names)?.[0],
};

/** The e-mail address that may be relied on; undefined where none is stated. */
export function vouchedEmail(claims: Claims, attributes: Attributes, config: OidcConfig): string | undefined {
  return VOUCHED[presetOf(config.preset).vouching](claims, attributes, config.claims.email);
}

function isTrue(value: unknown): boolean {
  return value === true || value === 1 || value === 'true' || value === '1';
}
