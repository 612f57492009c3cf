/** The few pages that people see while signing in: one template, one style sheet, everything escaped. */
import { type Request, type Response, Router } from 'express';

/** Text that is HTML already; everything else is escaped where it is put in. */
export class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

type Part = Html | string | number | null | undefined | readonly Part[];

/** Makes HTML of a template; what is put into it is escaped unless it is `Html`. */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  return new Html(strings.reduce((all, text, at) => all + text + (at < parts.length ? written(parts[at]) : ''), ''));
}

/** Whether the caller is a browser that shows pages, or a program that reads documents. */
export function wantsPage(request: Request): boolean {
  return request.accepts(['json', 'html']) === 'html';
}

/**
 * Sends a page. It may load our style and script, may be framed by nobody, and is not kept.
 * @param style a style sheet of its own, beside that of all
 */
export function sendPage(
  response: Response,
  baseUrl: string,
  status: number,
  title: string,
  body: Html,
  style?: string,
): void {
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} - Drawbridge</title>
<link rel="stylesheet" href="/sign-in/style.css">${style && html`<link rel="stylesheet" href="${style}">`}
</head>
<body>
<main>
<p class="brand">Drawbridge</p>
<h1>${title}</h1>
${body}
</main>
</body>
</html>
`;
  response
    .status(status)
    .set('Content-Security-Policy', policyOf(baseUrl))
    .set('Cache-Control', 'no-store')
    .type('html')
    .send(page.text);
}

/** Style and script of the pages. */
export function pageAssets(): Router {
  const router = Router();
  const lasting = (response: Response) => response.set('Cache-Control', 'public, max-age=3600');
  router.get('/sign-in/style.css', (_request, response) => void lasting(response).type('css').send(STYLE));
  router.get('/sign-in/submit.js', (_request, response) => void lasting(response).type('js').send(SUBMIT));
  return router;
}

/** Browsers hold the redirect that follows a form to `form-action` too, and a sign-in form leads to whichever identity provider. */
function policyOf(baseUrl: string): string {
  const onward = baseUrl.startsWith('https:') ? 'https:' : 'https: http:';
  return `default-src 'none'; style-src 'self'; script-src 'self'; form-action 'self' ${onward}; frame-ancestors 'none'; base-uri 'none'`;
}

function written(part: Part): string {
  if (part === null || part === undefined) return '';
  if (part instanceof Html) return part.text;
  if (Array.isArray(part)) return part.map(written).join('');
  return String(part).replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

const SUBMIT = 'document.forms[0].submit();\n';

const STYLE = `:root { color-scheme: light dark; --ink: #1c2330; --soft: #5b6472; --line: #d5dae1; --paper: #fff; --ground: #f3f5f8; --accent: #1f5fbf; --bad: #a4262c; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8ebf0; --soft: #a3acba; --line: #3a4250; --paper: #1d222b; --ground: #14181f; --accent: #7fb0ff; --bad: #ff9a9e; } }
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1.5rem; background: var(--ground); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif; }
main { width: 100%; max-width: 30rem; padding: 2rem; background: var(--paper); border: 1px solid var(--line); border-radius: .75rem; }
h1 { margin: 0 0 1rem; font-size: 1.4rem; line-height: 1.25; }
.brand { margin: 0 0 .25rem; color: var(--soft); font-size: .85rem; letter-spacing: .04em; }
.soft { color: var(--soft); font-size: .9rem; }
.bad { color: var(--bad); }
code { overflow-wrap: anywhere; font-size: .85rem; }
label { display: block; margin-bottom: .35rem; font-weight: 600; }
input, select, textarea { width: 100%; margin-bottom: .6rem; padding: .6rem .7rem; font: inherit; color: inherit; background: transparent; border: 1px solid var(--line); border-radius: .4rem; }
button, .button { display: block; width: 100%; margin-top: 1rem; padding: .65rem; font: inherit; font-weight: 600; text-align: center; text-decoration: none; color: var(--paper); background: var(--accent); border: 0; border-radius: .4rem; cursor: pointer; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
table { width: 100%; border-collapse: collapse; margin: 1rem 0; }
th, td { padding: .4rem .5rem .4rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
dt { color: var(--soft); font-size: .85rem; }
dd { margin: 0 0 .75rem; }
a { color: var(--accent); }
section { margin-top: 1.5rem; padding-top: 1rem; border-top: 1px solid var(--line); }
h2 { margin: 0 0 .5rem; font-size: 1.1rem; } h3 { margin: 1rem 0 .25rem; font-size: 1rem; }
.small { display: inline-block; width: auto; margin: 0 0 0 .25rem; padding: .1rem .5rem; font-size: .8rem; }
details { margin-top: 1rem; } summary { cursor: pointer; }
`;
