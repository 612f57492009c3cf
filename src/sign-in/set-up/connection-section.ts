/** What the identity provider has to give: metadata, or an issuer and a client. */
import { type Html, html } from '../page.ts';
import { field } from './field.ts';
import { OIDC_DETAILS, oidcFields } from './oidc-form.ts';
import type { Progress } from './progress.ts';
import type { SamlWording } from './saml-wording.ts';

/** The form. @param typed what was typed into it and refused */
export function connectionSection({ provider, connection }: Progress, typed: Readonly<Record<string, string>>): Html {
  const inUse = connection?.enabled ? ' It is in use: what you save counts at once.' : '';
  const done =
    connection === null ? null : html`<p class="good">Saved. Fill in the form again to change it.${inUse}</p>`;
  const saved = connection?.kind === 'oidc' ? connection.config : undefined;
  const known = saved === undefined ? {} : { issuer: saved.issuer, clientId: saved.clientId };
  const fields =
    provider?.kind === 'saml' ? samlFields(provider, typed) : provider && oidcFields(provider, { ...known, ...typed });
  const name = (id: string, label: string) => field(id, label, { required: false, value: typed[id] });
  return html`<section id="connection"><h2>3. Tell us about ${provider?.title}</h2>${done}
<form method="post" action="/set-up/connection#trouble">${fields}
<details><summary>Names of attributes, if they are unusual</summary>${provider?.kind === 'oidc' ? OIDC_DETAILS : null}
${name('email', 'E-mail address')}${name('name', 'Name')}${name('groups', 'Groups')}</details>
<button>Save</button></form></section>`;
}

/** An address is read again when certificates change; a file has to be given anew. */
function samlFields({ metadataUrl }: SamlWording, typed: Readonly<Record<string, string>>): Html {
  const { metadata = '' } = typed;
  const file = html`<label for="metadata-file">Metadata as a file</label>
<input id="metadata-file" type="file" accept=".xml,application/xml,text/xml" data-into="metadata">
<label for="metadata">or pasted (XML)</label><textarea id="metadata" name="metadata" rows="6" spellcheck="false">${metadata}</textarea>`;
  if (metadataUrl === undefined) return file;
  return html`${field('metadataUrl', metadataUrl, { type: 'url', required: false, value: typed['metadataUrl'] })}
<p class="soft">By its address, a new certificate is taken without your doing.</p>
<details${metadata === '' ? null : html` open`}><summary>Or give the metadata as a file, or paste it</summary>${file}</details>`;
}
