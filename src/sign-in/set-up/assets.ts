/** Style and script of the set-up pages. Without the script everything works but searching, copying and reading a file. */

export const STYLE = `body { place-items: start center; }
main { max-width: 60rem; }
form { max-width: 36rem; }
form button:not(.small), .button { width: auto; min-width: 10rem; display: inline-block; padding-inline: 1.5rem; }
.quiet { color: var(--accent); background: transparent; border: 1px solid var(--line); }
.good::before { content: "✔ "; }
.trouble + section { margin-top: 0; border-top: 0; }
.trouble { margin: 1.5rem 0 0; padding: .7rem .9rem; color: var(--bad); border: 1px solid currentColor; border-radius: .4rem; }
form:has(.gallery) { max-width: none; }
#search { max-width: 24rem; }
#found { min-height: 1.5em; margin: 0 0 .5rem; }
.gallery { display: grid; grid-template-columns: repeat(auto-fill, minmax(15.5rem, 1fr)); gap: .75rem; margin: 0; padding: 0; list-style: none; }
.card { display: grid; grid-template-columns: auto 1fr; gap: .6rem .75rem; align-items: center; padding: .9rem; border: 1px solid var(--line); border-radius: .6rem; }
.card:focus-within, .card:hover { border-color: var(--accent); }
.card[hidden] { display: none; }
.card h3 { margin: 0; font-size: 1rem; line-height: 1.25; }
.glyph { display: inline-grid; place-items: center; width: 2.5rem; height: 2.5rem; flex: none; font-weight: 700; color: var(--accent); background: var(--ground); border-radius: .5rem; }
.ways { grid-column: 1 / -1; display: flex; flex-wrap: wrap; gap: .5rem; }
.ways button:not(.small) { flex: 1 1 auto; min-width: 0; margin: 0; padding: .4rem .6rem; font-size: .9rem; white-space: nowrap; color: var(--accent); background: transparent; border: 1px solid var(--line); }
.ways button:hover, .ways button[aria-current] { color: var(--paper); background: var(--accent); }
.chosen { display: flex; gap: .75rem; align-items: center; }
.steps { padding-left: 1.4rem; } .steps li { margin-bottom: .9rem; } .steps li::marker { color: var(--soft); font-weight: 600; }
.steps dl, .domains dl { margin: .5rem 0; padding: .3rem .8rem; background: var(--ground); border-radius: .5rem; }
.copied { display: grid; grid-template-columns: 1fr auto; gap: 0 .75rem; align-items: center; padding: .45rem 0; }
.copied + .copied { border-top: 1px solid var(--line); }
.copied dt { grid-column: 1 / -1; } .copied dd { margin: 0; } .copied code { white-space: pre-wrap; }
.small { min-width: 5.5rem; margin: 0; padding: .25rem .6rem; }
.domains > dt { font-size: 1rem; font-weight: 600; color: inherit; }
.beside { display: grid; gap: 1.5rem; }
.trace { min-height: 9rem; padding: 1rem; background: var(--ground); border-radius: .6rem; overflow-wrap: anywhere; }
.checks { margin: .5rem 0 0; padding: 0; list-style: none; columns: 12rem; column-gap: 1.5rem; font-size: .9rem; }
.checks li { padding: .2rem 0; break-inside: avoid; } .checks li::before { content: "✔ "; }
.checks .failed { column-span: all; padding: .5rem 0; } .checks .failed::before { content: "✖ "; color: var(--bad); font-weight: 700; }
.trace h3 { margin-top: 0; }
@media (min-width: 52rem) { .beside { grid-template-columns: minmax(0, 1fr) minmax(0, 1.4fr); } }
@media (max-width: 30rem) { body { padding: 0; } main { padding: 1.25rem 1rem; border: 0; border-radius: 0; } }
`;

export const SCRIPT = `document.addEventListener('click', async (event) => {
  const button = event.target instanceof HTMLElement ? event.target : undefined;
  if (button?.dataset.copy === undefined) return;
  await navigator.clipboard.writeText(button.dataset.copy);
  button.textContent = 'Copied';
  setTimeout(() => { button.textContent = 'Copy'; }, 2000);
});
document.addEventListener('change', async (event) => {
  const into = event.target instanceof HTMLInputElement ? event.target.dataset.into : undefined;
  const file = into === undefined ? undefined : event.target.files[0];
  if (file !== undefined) document.getElementById(into).value = await file.text();
});
const find = document.getElementById('find');
if (find !== null) {
  const cards = [...document.querySelectorAll('#gallery .card')];
  document.getElementById('search').hidden = false;
  find.addEventListener('input', () => {
    const words = find.value.toLowerCase().split(/\\s+/).filter(Boolean);
    let count = 0;
    for (const card of cards) {
      const text = card.dataset.find;
      const shown = text === undefined || words.every((word) => text.includes(word));
      card.hidden = !shown;
      if (shown && text !== undefined) count += 1;
    }
    const told = count === 0 ? 'None of that name: any provider of SAML or OpenID works.' : count + ' found';
    document.getElementById('found').textContent = words.length === 0 ? '' : told;
  });
  find.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter' && event.key !== 'ArrowDown') return;
    event.preventDefault();
    cards.find((card) => !card.hidden)?.querySelector('button').focus();
  });
}
`;
