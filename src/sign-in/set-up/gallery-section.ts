/** Where the identity provider is chosen: a gallery of cards, each with the protocols by which it can be connected. */
import { type Html, html } from '../page.ts';
import { cardOf, GALLERY, type GalleryCard } from './gallery.ts';
import type { Progress } from './progress.ts';
import { WORDINGS } from './wording.ts';

const PROTOCOLS = { saml: 'SAML 2.0', oidc: 'OpenID Connect' };

/** The gallery; once one is chosen, that one, with the others folded away. */
export function gallerySection({ provider, connection }: Progress): Html {
  if (provider === null)
    return html`<section id="provider"><h2>1. Choose your identity provider</h2>${gallery(undefined)}</section>`;
  const card = cardOf(provider.name);
  return html`<section id="provider"><h2>1. Your identity provider</h2>
<p class="chosen">${card && glyphOf(card)}<span><strong>${card?.title}</strong><br><span class="soft">${protocolOf(provider.name)}</span></span></p>
<details><summary>Choose another</summary>
${connection === null ? null : html`<p class="soft">What you have saved stays until you save that of the other.</p>`}${gallery(provider.name)}</details></section>`;
}

/** The script shows the search; without it everything is in sight. */
function gallery(chosen: string | undefined): Html {
  return html`<div id="search" hidden><label for="find">Find yours</label>
<input id="find" type="search" autocomplete="off" placeholder="Okta, Azure AD, ..." aria-controls="gallery"></div>
<p id="found" class="soft" role="status"></p>
<form method="post" action="/set-up/provider"><ul id="gallery" class="gallery">${GALLERY.map((card) => cardIn(card, chosen))}</ul></form>`;
}

function cardIn(card: GalleryCard, chosen: string | undefined): Html {
  const { title, ways, alias, any } = card;
  const buttons = ways.map(
    (way) =>
      html`<button name="provider" value="${way}" aria-label="${title} by ${protocolOf(way)}"${way === chosen ? html` aria-current="true"` : null}>${protocolOf(way)}</button>`,
  );
  return html`<li class="card"${any ? null : html` data-find="${`${title} ${alias ?? ''}`.toLowerCase()}"`}>
${glyphOf(card)}<h3>${title}</h3><div class="ways">${buttons}</div></li>`;
}

function glyphOf({ glyph }: GalleryCard): Html {
  return html`<span class="glyph" aria-hidden="true">${glyph}</span>`;
}

function protocolOf(wording: string): string {
  if (wording === 'github') return 'OAuth 2.0';
  return PROTOCOLS[WORDINGS[wording]?.kind ?? 'saml'];
}
