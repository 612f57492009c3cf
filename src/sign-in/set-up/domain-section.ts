/** Which e-mail domains are the organization's: claimed, and proven by a DNS record. */
import { type Html, html } from '../page.ts';
import { field } from './field.ts';
import type { Progress } from './progress.ts';
import { copyRow } from './steps-section.ts';

type Domain = Progress['domains'][number];

/** The domains, and the form for one more. @param typed what was typed into it and refused */
export function domainSection({ domains }: Progress, typed: Readonly<Record<string, string>>): Html {
  return html`<section id="domain"><h2>4. Prove your e-mail domain</h2><p>Only people with addresses of a proven domain are let in.</p>
<dl class="domains">${domains.map(domainRow)}</dl>
<form method="post" action="/set-up/domain#trouble">${field('domain-name', 'Domain', { name: 'name', value: typed['name'] })}<button>Add</button></form></section>`;
}

function domainRow({ name, verifiedAt, graceEndsAt, proof }: Domain): Html {
  if (verifiedAt !== null && graceEndsAt === null) return html`<dt>${name}</dt><dd class="good">verified</dd>`;
  return html`<dt>${name}</dt><dd>${endsOn(graceEndsAt)}Publish this ${proof.type} record in its DNS:
<dl>${copyRow({ label: 'Name', value: proof.name })}${copyRow({ label: 'Value', value: proof.value })}</dl>
<form method="post" action="/set-up/verify#trouble"><input type="hidden" name="name" value="${name}"><button class="quiet">Check now</button></form></dd>`;
}

function endsOn(graceEndsAt: Date | null): Html | null {
  if (graceEndsAt === null) return null;
  return html`<span class="bad">Its record is gone. Without it nobody new is let in from ${graceEndsAt.toISOString().slice(0, 10)} on.</span> `;
}
