/** The one page of the sample platform's site: plain, and visibly not Drawbridge's own. */
import { type Html, html } from '../sign-in/page.ts';

/** What the site reads of an ID token. */
export interface SiteClaims {
  readonly sub: string;
  readonly sid: string;
  readonly email: string;
  readonly name: string;
  readonly org: { readonly slug: string; readonly name: string };
  readonly roles: readonly string[];
  readonly workspaces: readonly { readonly slug: string; readonly roles: readonly string[] }[];
  readonly products: readonly {
    readonly slug: string;
    readonly workspace: string;
    readonly roles: readonly string[];
  }[];
}

/** @param claims of whoever is signed in; undefined where nobody is */
export function sitePage(drawbridge: string, claims: SiteClaims | undefined, news: readonly string[]): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sample platform</title>
<style>
body { margin: 0; background: #eef5ef; color: #15281a; font: 1rem/1.5 system-ui, sans-serif; }
main { width: min(46rem, 100% - 2rem); margin: 3rem auto; padding: 2rem; background: #fff; border-radius: .75rem; border-top: .4rem solid #2f7d4a; }
table { width: 100%; border-collapse: collapse; } th, td { padding: .35rem 0; text-align: left; border-bottom: 1px solid #d5e4d9; }
button, .button { display: inline-block; padding: .55rem .9rem; font: inherit; color: #fff; background: #2f7d4a; border: 0; border-radius: .4rem; text-decoration: none; cursor: pointer; }
pre { overflow-x: auto; padding: .8rem; background: #eef5ef; }
</style>
</head>
<body><main>
<h1>The sample platform</h1>
${claims === undefined ? nobody() : somebody(claims)}
<h2>Messages from Drawbridge</h2>
${news.length === 0 ? html`<p>None yet.</p>` : html`<ul>${news.map((line) => html`<li>${line}</li>`)}</ul>`}
<p><a href="${drawbridge}">Back to the demo</a></p>
</main></body></html>
`.text;
}

function nobody(): Html {
  return html`<p>It keeps no passwords and knows no identity provider: Drawbridge signs people in.</p>
<p><a class="button" href="/sign-in">Sign in</a></p>`;
}

function somebody(claims: SiteClaims): Html {
  const rows: (readonly [string, readonly string[]])[] = [
    [claims.org.name, claims.roles],
    ...claims.workspaces.map(({ slug, roles }) => [slug, roles] as const),
    ...claims.products.map(({ slug, workspace, roles }) => [`${workspace}/${slug}`, roles] as const),
  ];
  const held = rows.filter(([, roles]) => roles.length > 0);
  return html`<p>Hello <strong>${claims.name}</strong> (${claims.email}) of ${claims.org.name}.</p>
<table><thead><tr><th scope="col">Where</th><th scope="col">Roles</th></tr></thead>
<tbody>${held.map(([where, roles]) => html`<tr><td>${where}</td><td>${roles.join(', ')}</td></tr>`)}</tbody></table>
<form method="post" action="/sign-out"><p><button>Sign out, here and at Drawbridge</button></p></form>
<h2>What the ID token said</h2>
<pre>${JSON.stringify(claims, null, 2)}</pre>`;
}
