/** The test sign-in with what came of it beside it; and turning the connection on. */
import { type Html, html } from '../page.ts';
import type { CheckedResponse } from '../saml/check-response.ts';
import { responseCheck } from './check-section.ts';
import type { Progress } from './progress.ts';
import { toldOf } from './told.ts';

/** The button, and the last attempt with each of its checks. */
export function testSection({ loginUrl, lastTrace, connection }: Progress, checked: CheckedResponse | undefined): Html {
  return html`<section id="test"><h2>5. Test it</h2><div class="beside"><div>
<p>Sign in as yourself. Nothing is changed by it, and you come back here.</p>
<a class="button" href="${loginUrl}">Test sign-in</a>
${connection?.kind === 'saml' ? responseCheck(checked) : null}</div>
<div class="trace" role="status">${lastTrace === null ? html`<h3>No attempt yet</h3><p class="soft">What your provider says of you, and each check of it, will stand here.</p>` : lastAttempt(lastTrace)}</div></div></section>`;
}

function lastAttempt({ at, outcome, sentence, said, roles, steps }: NonNullable<Progress['lastTrace']>): Html {
  const outcomes = {
    tested: 'It works.',
    signed_in: 'It works: somebody has signed in.',
    refused: sentence,
    failed: sentence,
  };
  const works = outcome === 'tested' || outcome === 'signed_in';
  return html`<h3>The last attempt</h3><p class="soft">${at.toISOString().slice(0, 19).replace('T', ' ')} UTC</p>
${toldOf({ works, sentence: outcomes[outcome], said, roles, steps, open: true })}`;
}

/** The last step. */
export function enableSection({ connection, lastTrace }: Progress): Html {
  if (connection?.enabled)
    return html`<section id="enable"><h2>6. Turned on</h2><p>Your people can sign in.</p>
<p><a href="/console/connections">To the console</a></p></section>`;
  const ready = lastTrace?.outcome === 'tested' || lastTrace?.outcome === 'signed_in';
  return html`<section id="enable"><h2>6. Turn it on</h2>
${ready ? html`<form method="post" action="/set-up/enable#trouble"><button>Turn it on</button></form>` : html`<p class="soft">As soon as a test sign-in has worked.</p>`}</section>`;
}
