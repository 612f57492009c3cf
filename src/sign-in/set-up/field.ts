/** A field of a form. */
import { type Html, html } from '../page.ts';

/** A labelled input, required unless told otherwise. */
export function field(id: string, label: string, type = 'text', required = true, name = id): Html {
  return html`<label for="${id}">${label}</label><input id="${id}" name="${name}" type="${type}"${required ? html` required` : null}>`;
}
