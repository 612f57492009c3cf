/** The pages of `/me/security`. */
import type { Response } from 'express';
import type { Fault } from '../../errors.ts';
import { html, sendPage } from '../page.ts';
import type { ShownFactor } from './factors.ts';
import { troubleOf } from './pages.ts';

export interface Security {
  readonly email: string;
  readonly password: boolean;
  readonly factors: readonly ShownFactor[];
  readonly recoveryCodes: number;
}

const KINDS = { totp: 'authenticator app', webauthn: 'passkey or security key' } as const;

/** Asks the browser for a credential or a signature, and sends it on by the form. */
export const WEBAUTHN_SCRIPT = `const form = document.querySelector('form[data-webauthn]');
form.addEventListener('submit', async (event) => {
  const field = form.elements.namedItem('response');
  if (field.value !== '') return;
  event.preventDefault();
  const options = JSON.parse(form.dataset.webauthn);
  const answer = form.dataset.do === 'create'
    ? await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) })
    : await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) });
  field.value = JSON.stringify(answer);
  form.submit();
});
`;

/** What one has, and the forms to change it. */
export function showSecurity(response: Response, baseUrl: string, security: Security, fault?: Fault): void {
  const { email, password, factors, recoveryCodes } = security;
  const rows = factors.map(
    ({ id, kind, name }) => html`<tr><td>${name}</td><td>${KINDS[kind]}</td>
<td><form method="post" action="/me/security/factors/${id}/remove"><button class="small">Remove</button></form></td></tr>\n`,
  );
  const body = html`${troubleOf(fault)}<p>${email}</p>
<section><h2>Second factors</h2>
${rows.length === 0 ? html`<p class="soft">None yet.</p>` : html`<table><tbody>${rows}</tbody></table>`}
<form method="post" action="/me/security/totp"><label for="totp">Name of the device</label>
<input id="totp" name="name" value="phone" required><button>Add an authenticator app</button></form>
<form method="post" action="/me/security/webauthn"><button>Add a passkey or security key</button></form></section>
${
  factors.length === 0
    ? null
    : html`<section><h2>Recovery codes</h2><p>${recoveryCodes} left.</p>
<form method="post" action="/me/security/recovery-codes"><button>Make new ones</button></form></section>`
}
${
  password
    ? html`<section><h2>Password</h2><form method="post" action="/me/security/password">
<input type="hidden" name="username" autocomplete="username" value="${email}">
<label for="current">Present password</label><input id="current" name="current" type="password" autocomplete="current-password" required>
<label for="password">New password</label><input id="password" name="password" type="password" autocomplete="new-password" minlength="12" required>
<button>Change it</button></form></section>`
    : null
}
<p><a href="/me">Back</a></p>`;
  sendPage(response, baseUrl, fault?.status ?? 200, 'Sign-in and security', body);
}

/** The secret of an app, once, and the form that confirms it. */
export function showTotp(
  response: Response,
  baseUrl: string,
  { id, secret, uri }: { readonly id: string; readonly secret: string; readonly uri: string },
): void {
  const body = html`<p>Add this key to your authenticator app: <code>${secret}</code></p>
<p><a href="${uri}">On this device, open the app</a></p>
<form method="post" action="/me/security/totp/${id}/confirm">
<label for="code">The code that it shows now</label>
<input id="code" name="code" inputmode="numeric" autocomplete="one-time-code" required>
<button>Confirm</button>
</form>`;
  sendPage(response, baseUrl, 200, 'Add an authenticator app', body);
}

/** The step in which the browser makes a credential. */
export function showKey(response: Response, baseUrl: string, options: unknown): void {
  const body = html`<form method="post" action="/me/security/webauthn/confirm" data-webauthn="${JSON.stringify(options)}" data-do="create">
<label for="name">Name it</label>
<input id="name" name="name" value="security key" required>
<input type="hidden" name="response" value="">
<button>Continue with your key</button>
</form>
<script src="/sign-in/webauthn.js"></script>`;
  sendPage(response, baseUrl, 200, 'Add a passkey or security key', body);
}

/** The recovery codes, once. */
export function showCodes(response: Response, baseUrl: string, codes: readonly string[]): void {
  const list = codes.map((code) => html`<li><code>${code}</code></li>\n`);
  const body = html`<p>Keep these where you find them without your second factor. Each is good once; they are not shown again.</p>
<ul>${list}</ul><p><a href="/me/security">Done</a></p>`;
  sendPage(response, baseUrl, 200, 'Recovery codes', body);
}
