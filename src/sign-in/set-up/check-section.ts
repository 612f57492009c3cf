/** Where a captured SAML response is pasted, and what the check of it came to. */
import { type Html, html } from '../page.ts';
import type { CheckedResponse } from '../saml/check-response.ts';
import { toldOf } from './told.ts';

const HOW = {
  known: 'The person is known here and would be let in.',
  link: 'The person would be let in as whoever has this e-mail address here.',
  create: 'The person would be let in for the first time.',
};

/** The form, and the outcome where there is one. */
export function responseCheck(checked: CheckedResponse | undefined): Html {
  return html`<details${checked === undefined ? null : html` open`}><summary>Check a response that was refused</summary>
<p class="soft">In your browser's developer tools, under Network, the sign-in posts a form to an address that ends in /acs. Paste its SAMLResponse here.
Nobody is signed in by it, and it is not kept.</p>
<form method="post" action="/set-up/check-response#test"><label for="samlResponse">SAMLResponse</label>
<textarea id="samlResponse" name="samlResponse" rows="5" required spellcheck="false"></textarea>
<label for="at">Judge it</label>
<select id="at" name="at"><option value="issued">as of when it was issued</option><option value="">as of now</option></select>
<button>Check</button></form>${checked === undefined ? null : outcomeOf(checked)}</details>`;
}

function outcomeOf({ steps, said, person, judgedAt }: CheckedResponse): Html {
  const refused = steps.at(-1)?.sentence ?? '';
  const sentence = person === null ? refused : HOW[person.how];
  return html`<h3>What it came to</h3><p class="soft">As of ${judgedAt.toISOString()}</p>
${toldOf({ works: person !== null, sentence, said, roles: person?.roles ?? null, steps })}`;
}
