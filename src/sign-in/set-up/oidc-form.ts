/** What the form asks of an OpenID provider, by its preset, and what comes of the answers. */
import type { Connection } from '../connection.ts';
import { type CLIENT_AUTHENTICATIONS, presetOf } from '../oidc/presets.ts';
import { type Html, html } from '../page.ts';
import { field } from './field.ts';
import type { OidcWording } from './oidc-wording.ts';

const KEY = 'private_key_jwt';

const PROOFS: Readonly<Record<(typeof CLIENT_AUTHENTICATIONS)[number], string>> = {
  client_secret_basic: 'the client secret, in the header',
  client_secret_post: 'the client secret, in the form',
  private_key_jwt: 'a key of ours (private_key_jwt)',
};

/** The fields that this provider needs. @param filled what stands in them already */
export function oidcFields({ preset: name, issuerLike }: OidcWording, filled: Readonly<Record<string, string>>): Html {
  const preset = presetOf(name);
  const keyed = preset.clientAuthentication.includes(KEY);
  const issuer =
    preset.issuer === null
      ? html`${field('issuer', 'Issuer', { type: 'url', value: filled['issuer'] })}<p class="soft">It looks like <code>${issuerLike}</code>.</p>`
      : null;
  const options = preset.clientAuthentication.map((each) => html`<option value="${each}">${PROOFS[each]}</option>`);
  const proof =
    options.length < 2
      ? null
      : html`<label for="proof">We prove who we are by</label><select id="proof" name="clientAuthentication">
<option value="">the client secret</option>${options}</select>`;
  const hosted =
    name === 'google'
      ? field('hostedDomains', 'Only accounts of these hosted domains (several by commas)', {
          required: false,
          value: filled['hostedDomains'],
        })
      : null;
  const secret = field('clientSecret', 'Client secret', { type: 'password', required: !keyed });
  return html`${issuer}${field('clientId', 'Client ID', { value: filled['clientId'] })}${proof}${secret}${hosted}`;
}

/** The fields that most leave as they are. */
export const OIDC_DETAILS = field('scopes', 'Scopes', { required: false });

/**
 * What is said of the connection by the form. What the form leaves empty, or does not ask, stays as the connection has it, unless that
 * was of another provider.
 */
export function oidcSaid(
  { preset }: OidcWording,
  filled: Readonly<Record<string, string>>,
  claims: Readonly<Record<string, readonly string[]>>,
  before: Connection | undefined,
): Record<string, unknown> {
  const kept = before?.kind === 'oidc' && before.config.preset === preset ? before.config : undefined;
  const { issuer, clientId, clientSecret, clientAuthentication } = filled;
  const said = { issuer, clientId, clientSecret, clientAuthentication };
  const lists = { scopes: listOf(filled['scopes']), hostedDomains: listOf(filled['hostedDomains']) };
  return {
    ...kept,
    preset,
    ...Object.fromEntries(Object.entries({ ...said, ...lists }).filter(([, value]) => value !== undefined)),
    claims: { ...kept?.claims, ...claims },
  };
}

function listOf(text: string | undefined): string[] | undefined {
  return text?.split(/[\s,]+/).filter(Boolean);
}
