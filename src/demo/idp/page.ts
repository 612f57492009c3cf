/** The demo identity providers' pages: plain, and visibly not Drawbridge's own. */
import type { DemoPerson } from './people.ts';

/** A page with a choice of people; each button sends the form with its person's id. */
export function choicePage(
  provider: string,
  action: string,
  people: readonly DemoPerson[],
  hidden: Readonly<Record<string, string>>,
): string {
  const fields = Object.entries(hidden).map(
    ([name, value]) => `<input type="hidden" name="${escaped(name)}" value="${escaped(value)}">`,
  );
  const buttons = people.map(
    ({ id, name, email, groups }) => `<button name="person" value="${escaped(id)}"><strong>${escaped(name)}</strong>
<span>${escaped(email)}</span><span class="groups">${escaped(groups.join(', ')) || 'no groups'}</span></button>`,
  );
  return page(
    provider,
    `<p>Who are you today? No password needed in the demo.</p>
<form method="post" action="${escaped(action)}">${fields.join('')}${buttons.join('\n')}</form>`,
  );
}

/** A page that sends a form on by itself. */
export function postingPage(provider: string, action: string, fields: Readonly<Record<string, string>>): string {
  const hidden = Object.entries(fields).map(
    ([name, value]) => `<input type="hidden" name="${escaped(name)}" value="${escaped(value)}">`,
  );
  return page(
    provider,
    `<form method="post" action="${escaped(action)}">${hidden.join('')}<button>Continue</button></form>
<script>document.forms[0].submit()</script>`,
  );
}

interface Administered {
  readonly lead: string;
  readonly values: readonly (readonly [label: string, value: string])[];
  readonly form: { readonly action: string; readonly label: string; readonly button: string };
}

/** A page with values to be copied and a form that asks for one address. */
export function administrationPage(provider: string, { lead, values, form }: Administered): string {
  const rows = values.map(([label, value]) => `<dt>${escaped(label)}</dt><dd><code>${escaped(value)}</code></dd>`);
  return page(
    provider,
    `<p>${escaped(lead)}</p><dl>${rows.join('')}</dl>
<form method="post" action="${escaped(form.action)}"><label for="address">${escaped(form.label)}</label>
<input id="address" name="address" type="url" required><button>${escaped(form.button)}</button></form>`,
  );
}

/** A page with a sentence. */
export function messagePage(provider: string, sentence: string): string {
  return page(provider, `<p>${escaped(sentence)}</p>`);
}

function page(provider: string, body: string): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(provider)}</title>
<style>
:root { color-scheme: light; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; background: #f4efe6; color: #2b2117; font: 1rem/1.5 system-ui, sans-serif; }
main { width: min(26rem, 100% - 2rem); padding: 2rem; background: #fffdf9; border-radius: .75rem; border-top: .4rem solid #b0642a; }
h1 { margin: 0; font-size: 1.3rem; } p { margin: .25rem 0 1.25rem; }
button { display: grid; width: 100%; margin: .5rem 0; padding: .7rem 1rem; text-align: left; font: inherit; background: #fff; border: 1px solid #dcd0bf; border-radius: .5rem; cursor: pointer; }
button:hover, button:focus-visible { border-color: #b0642a; outline: 2px solid #b0642a33; }
dt { color: #7a6a58; font-size: .85rem; } dd { margin: 0 0 .75rem; } code { overflow-wrap: anywhere; }
input { box-sizing: border-box; width: 100%; margin: .25rem 0; padding: .7rem 1rem; font: inherit; background: #fff; color: inherit; border: 1px solid #dcd0bf; border-radius: .5rem; }
.groups { color: #7a6a58; font-size: .85rem; }
</style></head><body><main><h1>${escaped(provider)}</h1>${body}</main></body></html>`;
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
