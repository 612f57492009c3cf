/** What identity providers call our values on their own screens, so that nobody has to guess. Data. */
import { OIDC_WORDINGS, type OidcWording } from './oidc-wording.ts';
import { SAML_WORDINGS, type SamlWording } from './saml-wording.ts';

export type Wording = SamlWording | OidcWording;

/** By the name that forms send. */
export const WORDINGS: Readonly<Record<string, Wording>> = { ...SAML_WORDINGS, ...OIDC_WORDINGS };
