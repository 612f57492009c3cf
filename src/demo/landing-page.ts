/** The landing page: three steps, each with its buttons and what is to be seen. */
import { type Html, html } from '../sign-in/page.ts';
import type { Case, Change, Run, Stage, Standing } from './acts.ts';
import type { WebhookMessage } from './platform.ts';

export interface Shown {
  readonly stage: Stage;
  /** What the HR feed holds. */
  readonly feed: string;
  readonly trouble: string | null;
  readonly run: { readonly run: Run; readonly changes: readonly Change[] } | null;
  readonly leaver: {
    readonly email: string;
    readonly status: string;
    readonly memberships: readonly {
      readonly place: string;
      readonly role: string;
      readonly source: string;
      readonly rule: string | null;
    }[];
  };
  readonly standing: Standing | null;
  readonly case: Case | null;
  readonly messages: readonly WebhookMessage[];
}

/** Changes beyond this many are counted, not listed. */
const LISTED = 25;

export function landingPage(shown: Shown): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Drawbridge demo</title>
<link rel="stylesheet" href="/demo/style.css">
</head>
<body>
<header>
<h1>Drawbridge</h1>
<p>This is Acme, a company of 200 people, with two identity providers, an HR feed and a platform that it uses. Every message you
cause here is real: signed, verified, stored and audited. Go from top to bottom, or open the <a href="/console">console</a> and sign in as
Adam Admin (adam.admin@acme.example), who administrates all of it.</p>
</header>
<main>
${shown.trouble === null ? null : html`<p class="trouble" role="alert">${shown.trouble}</p>`}
${letIn(shown)}
${keepTrue(shown)}
${letGo(shown)}
${byYourself(shown)}
${lookBehind(shown)}
</main>
</body>
</html>
`.text;
}

function letIn({ stage }: Shown): Html {
  const login = (way: 'saml' | 'oidc') => `/${way}/${stage.connections[way]}/login?returnTo=/me`;
  return html`<section aria-labelledby="let-in"><h2 id="let-in">1. Let in</h2>
<p>Sign in as anybody the identity provider knows. Whoever is new gets the default role <em>member</em>; whoever is known keeps theirs.
Vik Viewer is not in the HR feed: he is let in just in time.</p>
<div class="row"><a class="button" href="${login('saml')}">Sign in by SAML</a>
<a class="button" href="${login('oidc')}">Sign in by OpenID Connect</a>
<a class="button quiet" href="/me">See my memberships</a></div>
<p>The <a href="${stage.platform.url}">sample platform</a> signs people in through Drawbridge, by a stock OpenID library. Sign in there, see what
it is told about you, and sign out of both.</p></section>`;
}

function keepTrue({ feed, run }: Shown): Html {
  return html`<section aria-labelledby="keep-true"><h2 id="keep-true">2. Keep true</h2>
<p>HR exports its 200 people as a CSV file; mapping rules turn department and title into roles. The file now holds: <strong>${feed}</strong>.
On Tuesday, Lea Leaver is terminated and one person moves from Sales to Finance.</p>
<div class="row">${button('plan', 'See the plan', 'quiet')}${button('run', 'Run the sync')}</div>
<div class="row">${button('monday', 'HR exports Monday', 'quiet')}${button('tuesday', 'HR exports Tuesday', 'quiet')}${button('nobody', 'HR exports an empty file', 'quiet')}</div>
${run === null ? null : planOf(run)}</section>`;
}

function planOf({ run, changes }: NonNullable<Shown['run']>): Html {
  const counts = Object.entries(run.counts).map(([kind, count]) => html`<li><strong>${count}</strong> ${kind}</li>`);
  const rows = changes
    .slice(0, LISTED)
    .map(
      ({ kind, email, scope, role, oldRole, reason }) =>
        html`<tr><td>${kind}</td><td>${email}</td><td>${scope === null ? '' : `${scope}: ${role ?? oldRole ?? ''}`}</td><td>${reason}</td></tr>`,
    );
  const rest = changes.length > LISTED ? html`<p class="soft">and ${changes.length - LISTED} more</p>` : null;
  const guards = run.guards.map(
    ({ guard, reason }) =>
      html`<p class="trouble">Held by the guard <em>${guard}</em>: ${reason}. Nothing was changed.</p>`,
  );
  return html`<h3>The last ${run.status === 'planned' ? 'plan (nothing applied)' : 'run'}: ${run.status}</h3>
${guards}
${counts.length === 0 ? html`<p>No changes: everything is as the directory and the rules say.</p>` : html`<ul class="counts">${counts}</ul>`}
${rows.length === 0 ? null : html`<div class="scroll"><table><thead><tr><th scope="col">Change</th><th scope="col">Person</th><th scope="col">Where</th><th scope="col">Why</th></tr></thead><tbody>${rows}</tbody></table></div>`}${rest}`;
}

function letGo(shown: Shown): Html {
  const { leaver, standing } = shown;
  const roles = leaver.memberships.map(
    ({ place, role, rule, source }) => html`<li>${role} of ${place} <span class="soft">${rule ?? source}</span></li>`,
  );
  return html`<section aria-labelledby="let-go"><h2 id="let-go">3. Let go</h2>
<p>After a first sync, let Lea settle in: she signs in by SAML, makes an API key, gets an access token, and connects her calendar, whose OAuth token
Drawbridge keeps. Then let her go: by hand here, or by running the sync with Tuesday's export.</p>
<div class="row">${button('settle', 'Lea settles in', 'quiet')}${button('let-go', 'Let Lea go')}</div>
<h3>${leaver.email}: ${leaver.status}</h3>
${roles.length === 0 ? html`<p class="soft">no memberships</p>` : html`<ul>${roles}</ul>`}
${standing === null ? null : standingOf(standing)}
${shown.case === null ? null : caseOf(shown.case)}</section>`;
}

function standingOf(standing: Standing): Html {
  const row = (name: string, alive: boolean, word = alive ? 'works' : 'ended') =>
    html`<tr><td>${name}</td><td class="${alive ? 'alive' : 'dead'}">${word}</td></tr>`;
  return html`<table><thead><tr><th scope="col">What Lea got</th><th scope="col">Asked just now</th></tr></thead><tbody>
${row('Session in the browser', standing.session)}
${row("Signed in on the platform's site", standing.site)}
${row('API key, by introspection', standing.apiKey)}
${row("The platform's door, with that key", standing.platformDoor === 200, `answers ${standing.platformDoor}`)}
${row('Access token, by introspection', standing.accessToken)}
${row('Calendar token, asked at its OAuth server', standing.calendarToken)}
</tbody></table>`;
}

function caseOf(found: Case): Html {
  const steps = found.steps.map(
    ({ kind, target, state, proof }) =>
      html`<tr><td>${kind}</td><td>${target}</td><td>${state}</td><td><code>${proof === null ? '' : JSON.stringify(proof)}</code></td></tr>`,
  );
  const end =
    found.closedAt === null ? 'open: reload in a moment' : `closed after ${(found.totalSeconds ?? 0).toFixed(1)} s`;
  return html`<h3>The last offboarding case: ${end}</h3>
<p>${found.reason}. Ended here in one transaction: ${counted(found.ended.sessions, 'session')}, ${counted(found.ended.grants, 'access token')},
${counted(found.ended.apiKeys.length, 'API key')}, ${counted(found.ended.memberships.length, 'membership')}.</p>
<div class="scroll"><table><thead><tr><th scope="col">Elsewhere</th><th scope="col">Where</th><th scope="col">State</th><th scope="col">Proof</th></tr></thead><tbody>${steps}</tbody></table></div>`;
}

function byYourself({ stage }: Shown): Html {
  const { saml, oidc } = stage.providers;
  return html`<section aria-labelledby="by-yourself"><h2 id="by-yourself">4. Do it as an IT administrator does</h2>
<p>In the console, choose <em>Connections</em>, <em>Connect an identity provider</em>, and connect one of Acme's anew, as
<em>Any SAML 2.0 provider</em> or <em>Any OpenID provider</em>. Each has an administration of its own, where it is told of Drawbridge:
<a href="${saml}">the SAML identity provider</a>, <a href="${oidc}">the OpenID provider</a>.</p>
<div class="row"><a class="button" href="/console">Open the console</a></div></section>`;
}

function lookBehind({ stage, messages }: Shown): Html {
  return html`<section aria-labelledby="behind"><h2 id="behind">Look behind</h2>
<p>The <a href="${stage.platform.url}">sample platform</a> has received ${counted(messages.length, 'signed message')} about leavers.
Everything here can be done by the <a href="/api/v1/openapi.json">administration API</a> or the command line:</p>
<pre>npm run drawbridge -- sync plan hr
npm run drawbridge -- offboard show lea.leaver@acme.example
npm run drawbridge -- audit verify
npm run drawbridge -- audit export --filter action=user.deprovisioned</pre></section>`;
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}

function button(act: string, label: string, look = ''): Html {
  return html`<form method="post" action="/demo/${act}"><button class="${look}">${label}</button></form>`;
}

export const STYLE = `:root { color-scheme: light dark; --ink: #1c2330; --soft: #5b6472; --line: #d5dae1; --paper: #fff; --ground: #f3f5f8; --accent: #1f5fbf; --bad: #a4262c; --good: #1d7a43; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8ebf0; --soft: #a3acba; --line: #3a4250; --paper: #1d222b; --ground: #14181f; --accent: #7fb0ff; --bad: #ff9a9e; --good: #7ad69f; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif; }
header, main { max-width: 58rem; margin: 0 auto; padding: 0 1.25rem; }
header { padding-top: 2.5rem; }
h1 { margin: 0; font-size: 2rem; } h2 { margin: 0 0 .5rem; font-size: 1.3rem; } h3 { margin: 1.25rem 0 .25rem; font-size: 1rem; }
section { margin: 1.25rem 0; padding: 1.5rem; background: var(--paper); border: 1px solid var(--line); border-radius: .75rem; }
p { margin: .25rem 0 1rem; }
.row { display: flex; flex-wrap: wrap; gap: .6rem; margin: .5rem 0; }
.row form { margin: 0; }
button, .button { display: inline-block; padding: .55rem .9rem; font: inherit; font-weight: 600; text-decoration: none; color: var(--paper); background: var(--accent); border: 1px solid var(--accent); border-radius: .4rem; cursor: pointer; }
.quiet { color: var(--accent); background: transparent; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
table { width: 100%; border-collapse: collapse; margin: .5rem 0; font-size: .92rem; }
th, td { padding: .35rem .6rem .35rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
.scroll { overflow-x: auto; max-height: 24rem; overflow-y: auto; }
.soft, th { color: var(--soft); }
.trouble { padding: .6rem .8rem; color: var(--bad); border: 1px solid currentColor; border-radius: .4rem; }
.alive { color: var(--good); font-weight: 600; } .dead { color: var(--bad); font-weight: 600; }
.counts { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; padding: 0; list-style: none; }
code { overflow-wrap: anywhere; font-size: .8rem; }
pre { overflow-x: auto; padding: .8rem; background: var(--ground); border-radius: .4rem; }
a { color: var(--accent); } .button:not(.quiet) { color: var(--paper); }
`;
