/** A field of a form. */
import { type Html, html } from '../page.ts';

export interface FieldSaid {
  readonly type?: 'text' | 'url' | 'password';
  readonly required?: boolean;
  readonly name?: string;
  /** What stands in it already. */
  readonly value?: string | undefined;
}

/** A labelled input, required unless told otherwise. */
export function field(id: string, label: string, said: FieldSaid = {}): Html {
  const { type = 'text', required = true, name = id, value } = said;
  const filled = value === undefined ? null : html` value="${value}"`;
  return html`<label for="${id}">${label}</label><input id="${id}" name="${name}" type="${type}"${filled}${required ? html` required` : null}>`;
}
