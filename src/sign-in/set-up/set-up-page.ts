/** The one page of a set-up, its steps from top to bottom. */
import type { Response } from 'express';
import type { Fault } from '../../errors.ts';
import { type Html, html, sendPage } from '../page.ts';
import type { CheckedResponse } from '../saml/check-response.ts';
import { responseCheck } from './check-section.ts';
import { field } from './field.ts';
import { OIDC_DETAILS, oidcFields } from './oidc-form.ts';
import type { Progress } from './progress.ts';
import type { SamlWording } from './saml-wording.ts';
import { toldOf } from './told.ts';
import { WORDINGS } from './wording.ts';

/** What the last step came to, where there is something to tell of it. */
export interface LastStep {
  readonly fault?: Fault;
  readonly checked?: CheckedResponse;
}

/** Shows how far it has got. */
export function showProgress(response: Response, baseUrl: string, progress: Progress, last: LastStep = {}): void {
  const { fault, checked } = last;
  const trouble = fault === undefined ? null : html`<p class="bad" role="alert">${fault.message} ${fault.remedy}</p>`;
  const body = html`<p>Connect your identity provider so that your people can sign in. Nothing changes for anybody before you turn it on.</p>
${trouble}
${chooseProvider(progress)}
${progress.provider === null ? null : html`${ourValues(progress)}${theirValues(progress)}${domains(progress)}`}
${progress.connection === null ? null : html`${test(progress, checked)}${enable(progress)}`}
<script src="/set-up/copy.js"></script>`;
  sendPage(response, baseUrl, fault?.status ?? 200, `Sign-in for ${progress.organization}`, body);
}

export const COPY_SCRIPT = `document.addEventListener('click', (event) => {
  const value = event.target instanceof HTMLElement ? event.target.dataset.copy : undefined;
  if (value === undefined) return;
  navigator.clipboard.writeText(value).then(() => { event.target.textContent = 'Copied'; });
});
document.addEventListener('change', async (event) => {
  const into = event.target instanceof HTMLInputElement ? event.target.dataset.into : undefined;
  const file = into === undefined ? undefined : event.target.files[0];
  if (file !== undefined) document.getElementById(into).value = await file.text();
});
`;

function chooseProvider({ provider }: Progress): Html {
  const options = Object.entries(WORDINGS).map(
    ([name, { title }]) =>
      html`<option value="${name}"${name === provider?.name ? html` selected` : null}>${title}</option>`,
  );
  return html`<section id="provider"><h2>1. Your identity provider</h2>
<form method="post" action="/set-up/provider"><label for="p">Which one is it?</label>
<select id="p" name="provider">${options}</select><button>Continue</button></form></section>`;
}

function ourValues({ provider, values }: Progress): Html {
  const rows = values.map(
    ({ label, value }) =>
      html`<dt>${label}</dt><dd><code>${value}</code> <button type="button" class="small" data-copy="${value}">Copy</button></dd>`,
  );
  const also = (provider?.also ?? []).map((each) => html`<li>${each}</li>`);
  return html`<section id="values"><h2>2. Copy these to ${provider?.title}</h2><p>There: ${provider?.begin}.</p><dl>${rows}</dl>
${also.length === 0 ? null : html`<ul>${also}</ul>`}</section>`;
}

function theirValues({ provider, connection }: Progress): Html {
  const inUse = connection?.enabled ? ' It is in use: what you save counts at once.' : '';
  const done =
    connection === null ? null : html`<p class="soft">Saved. Fill in the form again to change it.${inUse}</p>`;
  const fields = provider?.kind === 'saml' ? samlFields(provider) : provider && oidcFields(provider);
  return html`<section id="connection"><h2>3. Give us theirs</h2>${done}
<form method="post" action="/set-up/connection">${fields}
<details><summary>Names of attributes, if they are unusual</summary>${provider?.kind === 'oidc' ? OIDC_DETAILS : null}
${field('email', 'E-mail address', 'text', false)}${field('name', 'Name', 'text', false)}${field('groups', 'Groups', 'text', false)}</details>
<button>Save</button></form></section>`;
}

/** An address is read again when certificates change; a file has to be pasted anew. */
function samlFields({ metadataUrl }: SamlWording): Html {
  const file = html`<label for="metadata">Metadata (XML)</label><textarea id="metadata" name="metadata" rows="6"></textarea>
<label for="metadata-file">or its file</label><input id="metadata-file" type="file" accept=".xml,application/xml,text/xml" data-into="metadata">`;
  if (metadataUrl === undefined) return file;
  return html`${field('metadataUrl', metadataUrl, 'url', false)}
<p class="soft">By its address, a new certificate is taken without your doing.</p>
<details><summary>There is no such address</summary>${file}</details>`;
}

function domains({ domains: claimed }: Progress): Html {
  const rows = claimed.map(({ name, verifiedAt, graceEndsAt, proof }) =>
    verifiedAt === null || graceEndsAt !== null
      ? html`<dt>${name}</dt><dd>${endsOn(graceEndsAt)}Publish this TXT record: <code>${proof.name}</code> <code>${proof.value}</code>
<button type="button" class="small" data-copy="${proof.value}">Copy</button>
<form method="post" action="/set-up/verify"><input type="hidden" name="name" value="${name}"><button>Check now</button></form></dd>`
      : html`<dt>${name}</dt><dd>verified</dd>`,
  );
  return html`<section id="domain"><h2>4. Prove your e-mail domain</h2><p>Only people with addresses of a proven domain are let in.</p>
<dl>${rows}</dl>
<form method="post" action="/set-up/domain">${field('domain-name', 'Domain', 'text', true, 'name')}<button>Add</button></form></section>`;
}

function endsOn(graceEndsAt: Date | null): Html | null {
  if (graceEndsAt === null) return null;
  return html`<span class="bad">Its record is gone. Without it nobody new is let in from ${graceEndsAt.toISOString().slice(0, 10)} on.</span> `;
}

function test({ loginUrl, lastTrace, connection }: Progress, checked: CheckedResponse | undefined): Html {
  return html`<section id="test"><h2>5. Test it</h2><p>Sign in as yourself. Every check is shown, and nothing is changed.</p>
<a class="button" href="${loginUrl}">Test sign-in</a>${lastTrace === null ? null : lastAttempt(lastTrace)}
${connection?.kind === 'saml' ? responseCheck(checked) : null}</section>`;
}

function lastAttempt({ outcome, sentence, said, roles, steps }: NonNullable<Progress['lastTrace']>): Html {
  const outcomes = {
    tested: 'It works.',
    signed_in: 'It works: somebody has signed in.',
    refused: sentence,
    failed: sentence,
  };
  const works = outcome === 'tested' || outcome === 'signed_in';
  return html`<h3>The last attempt</h3>${toldOf({ works, sentence: outcomes[outcome], said, roles, steps })}`;
}

function enable({ connection, lastTrace }: Progress): Html {
  if (connection?.enabled)
    return html`<section id="enable"><h2>6. Turned on</h2><p>Your people can sign in.</p>
<p><a href="/console/connections">To the console</a></p></section>`;
  const ready = lastTrace?.outcome === 'tested' || lastTrace?.outcome === 'signed_in';
  return html`<section id="enable"><h2>6. Turn it on</h2>
${ready ? html`<form method="post" action="/set-up/enable"><button>Turn it on</button></form>` : html`<p class="soft">As soon as a test sign-in has worked.</p>`}</section>`;
}
