/** What is to be done at the identity provider, step by step, with what has to be copied there. */
import { type Html, html } from '../page.ts';
import type { Progress } from './progress.ts';
import type { Copied, FilledStep } from './step.ts';

/** The steps in the provider's own words. */
export function stepsSection({ provider, steps }: Progress): Html {
  return html`<section id="values"><h2>2. Tell ${provider?.title} about us</h2>
<ol class="steps">${steps.map(stepOf)}</ol></section>`;
}

function stepOf({ text, copy }: FilledStep): Html {
  return html`<li>${withNames(text)}${copy.length === 0 ? null : html`<dl>${copy.map(copyRow)}</dl>`}</li>`;
}

/** A value to be carried elsewhere. */
export function copyRow({ label, value }: Copied): Html {
  return html`<div class="copied"><dt>${label}</dt><dd><code>${value}</code></dd>
<dd><button type="button" class="small" data-copy="${value}" aria-label="Copy: ${label}">Copy</button></dd></div>`;
}

/** Names on the provider's screens stand out. */
function withNames(text: string): Html {
  return html`${text.split('*').map((part, at) => (at % 2 === 1 ? html`<b>${part}</b>` : part))}`;
}
