/** The kinds of directory that are pulled. A new kind is one file and one line here. */
import { Fault } from '../../errors.ts';
import type { Json } from '../../store/tables.ts';
import { csvSettings, openCsv } from './csv.ts';
import type { Source } from './source.ts';

const KINDS: Readonly<Record<string, (config: Json) => Source>> = {
  csv: (config) => openCsv(csvSettings.parse(config)),
};

/**
 * Opens the source of a pulled directory.
 * @throws Fault `conflict` where this kind pushes
 */
export function openSource(directory: { kind: string; config: Json; slug: string }): Source {
  const open = KINDS[directory.kind];
  if (open === undefined) {
    throw new Fault('conflict', `The directory "${directory.slug}" is of kind ${directory.kind}: it is not pulled.`, {
      remedy: 'Its source pushes people by itself.',
    });
  }
  return open(directory.config);
}
