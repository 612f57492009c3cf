/** What became of an attempt to sign in, told to whoever sets a connection up. */
import { type Html, html } from '../page.ts';
import type { TraceStep } from '../trace.ts';

export interface Told {
  readonly works: boolean;
  readonly sentence: string;
  /** What the identity provider said of the person, as a trace has it. */
  readonly said: unknown;
  readonly roles: unknown;
  readonly steps: readonly TraceStep[];
  /** Whether the checks are in sight at once. */
  readonly open?: boolean;
}

/** The outcome, the person and their roles, and below them each check. */
export function toldOf({ works, sentence, said, roles, steps, open = false }: Told): Html {
  const person = said as { email?: string; name?: string; groups?: string[] } | null;
  const held = (roles as { role: string; place: string; scope: string; reason: string }[] | null) ?? [];
  const who =
    person === null
      ? null
      : html`<p>It said: ${person.name}, ${person.email ?? 'no e-mail address'}, groups: ${person.groups?.join(', ') || 'none'}.</p>`;
  const roleList = held.map(
    ({ role, place, scope, reason }) => html`<li>${role} of ${place || scope} <span class="soft">${reason}</span></li>`,
  );
  return html`<p class="${works ? 'good' : 'bad'}">${sentence}</p>
${who}${roleList.length === 0 ? null : html`<p>Would be let in as:</p><ul>${roleList}</ul>`}
<details${open ? html` open` : null}><summary>Each check</summary><ul class="checks">${steps.map(stepRow)}</ul></details>`;
}

function stepRow({ check, passed, sentence, remedy, wanted, got, mender }: TraceStep): Html {
  if (passed) return html`<li>${check}</li>`;
  const compared =
    wanted === undefined && got === undefined
      ? null
      : html`<br><span class="soft">wanted <code>${wanted}</code>, got <code>${got}</code></span>`;
  return html`<li class="failed"><strong>${check}</strong>: ${sentence} ${remedy}${compared}<br><span class="soft">to be mended by: ${mender}</span></li>`;
}
