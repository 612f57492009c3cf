/** Evidence as a page to print: one file, no script, nothing from elsewhere. The same document always gives the same page. Pure. */
import { createHash } from 'node:crypto';
import type { CaseEvidence } from './evidence.ts';
import type { PeriodEvidence } from './evidence-period.ts';

export type Evidence = CaseEvidence | PeriodEvidence;

const STYLE = `body{font:14px/1.5 system-ui,sans-serif;color:#1a1a1a;max-width:70rem;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse;width:100%;margin:1rem 0}th,td{border:1px solid #999;padding:.3rem .5rem;text-align:left;vertical-align:top}
th{background:#eee}code{overflow-wrap:anywhere;font-size:.75rem}.open{font-weight:bold}
@page{margin:15mm}@media print{body{margin:0;max-width:none;font-size:11px}tr{break-inside:avoid}thead{display:table-header-group}}`;

/** Lets the page's own style be, and nothing else. */
export const PAGE_POLICY = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;

/** The page, with the signature of the document that it shows. */
export function evidencePage(evidence: Evidence, signature: string): string {
  const { organization, madeAt, issuer } = evidence;
  const [title, content] =
    evidence.kind === 'offboarding-case'
      ? [`Offboarding of ${evidence.person.email}`, casePart(evidence)]
      : [`Offboarding from ${evidence.from} to ${evidence.to}`, periodPart(evidence)];
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${text(title)}</title><style>${STYLE}</style></head><body>
<h1>${text(title)}</h1>
<p>${text(organization.name)} (${text(organization.slug)}), told by ${text(issuer)} at ${text(madeAt)}.</p>
${content}
<h2>Signature</h2>
<p>A JSON Web Signature (RFC 7515) over all that this page says, by the key that ${text(issuer)}/oauth/jwks publishes.
Verify this file with: drawbridge evidence verify FILE</p>
<p><code id="signature">${text(signature)}</code></p>
</body></html>
`;
}

/** The signature that a page carries; undefined where it carries none. */
export function signatureOnPage(page: string): string | undefined {
  return /<code id="signature">([\w.-]+)<\/code>/.exec(page)?.[1];
}

function casePart(found: CaseEvidence): string {
  const { audit } = found;
  const sealed = audit.position === null ? 'not sealed yet' : `sealed at ${audit.position} as ${audit.hash}`;
  return `${table(
    ['What', 'When'],
    [
      [`Triggered by ${found.trigger}: ${found.reason}`, found.triggeredAt],
      [`All access here ended, ${seconds(found.secondsToAccessEnd)} later`, found.accessEndedAt],
      found.closedAt === null
        ? ['Elsewhere: not everything is proven yet', 'OPEN']
        : [`Last proof from elsewhere, ${seconds(found.secondsToLastProof)} after the trigger`, found.closedAt],
    ],
  )}
<h2>Access that existed, and its end</h2>
${table(
  ['Access', 'Since', 'Ended', 'How'],
  found.accesses.map(({ what, since, endedAt, how }) => [what, since ?? '', endedAt ?? '', how]),
)}
<h2>Elsewhere</h2>
${table(
  ['Where', 'State', 'Tries', 'At', 'Proof'],
  found.elsewhere.map(({ kind, target, state, attempts, finishedAt, proof, lastError }) => [
    `${kind} ${target ?? ''}`,
    state,
    String(attempts),
    finishedAt ?? '',
    proof === null ? (lastError ?? '') : JSON.stringify(proof),
  ]),
)}
<p>Audit event ${text(String(audit.event))}, ${text(sealed)}. Case ${text(found.case)}, person ${text(found.person.id)}.</p>`;
}

function periodPart({ summary, cases }: PeriodEvidence): string {
  const { open, median, percentile95, slowest } = summary;
  return `<p>${summary.cases} cases, <span class="open">${open} open</span>. From trigger to last proof: median ${seconds(median)}, 95 % within
${seconds(percentile95)}, slowest ${seconds(slowest)}.</p>
${table(
  ['Person', 'Trigger', 'Triggered', 'Access ended', 'Last proof', 'Total', 'Steps', 'Unproven'],
  cases.map((each) => [
    ...[each.person, `${each.trigger}: ${each.reason}`, each.triggeredAt, each.accessEndedAt],
    ...[each.closedAt ?? 'OPEN', seconds(each.secondsToLastProof), String(each.steps)],
    each.needsHuman > 0 ? `${each.unproven}, ${each.needsHuman} need a person` : String(each.unproven),
  ]),
)}`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (tag: string, cells: readonly string[]) =>
    `<tr>${cells.map((cell) => `<${tag}>${text(cell)}</${tag}>`).join('')}</tr>`;
  return `<table><thead>${line('th', head)}</thead><tbody>\n${rows.map((row) => line('td', row)).join('\n')}\n</tbody></table>`;
}

function seconds(took: number | null): string {
  return took === null ? '-' : `${took.toFixed(1)} s`;
}

const ESCAPES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

function text(said: string): string {
  return said.replace(/[&<>"']/g, (found) => ESCAPES[found] ?? '');
}
