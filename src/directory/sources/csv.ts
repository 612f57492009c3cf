/**
 * People from CSV, as HR systems export them: a file, a folder, an address. Nothing is guessed: a renamed column, a duplicate id, a wrong
 * date, bytes that are not of the encoding, or half a line are refused with every finding listed (directory, Sources; security, Feeds).
 */
import { z } from 'zod';
import { type CsvInput, type CsvInputs, findInputs } from './csv-input.ts';
import { type CsvRow, rowsOf } from './csv-rows.ts';
import { type CsvSettings, csvSettings } from './csv-settings.ts';
import { readEmployee } from './employee.ts';
import { fullReading, type Gone, type SourceRecord, sourceKind } from './source.ts';

/** CSV. */
export const csv = sourceKind({
  settings: csvSettings,
  secrets: z.strictObject({
    /** The whole header with which an address is asked, such as `Bearer ...`. */
    authorization: z.string().min(1).optional(),
  }),
  readsServerFiles: ({ url }) => url === undefined,
  open: (settings, { secrets, download }) => ({
    read: async (since) => {
      const found = await findInputs(settings, since, download, secrets.authorization);
      const records = readAll(found, settings);
      if (settings.extent === 'full') return fullReading(records);
      return { extent: 'changes', records, cursor: () => found.cursor };
    },
  }),
});

async function* readAll({ inputs, verify }: CsvInputs, settings: CsvSettings): AsyncGenerator<SourceRecord> {
  for (const input of inputs) {
    for await (const row of rowsOf(input, settings)) yield readRow(row, settings, placeOf(row, input, inputs.length));
  }
  await verify();
}

function placeOf({ line }: CsvRow, { where }: CsvInput, files: number): string {
  return files > 1 ? `${where} line ${line}` : `line ${line}`;
}

function readRow({ record }: CsvRow, settings: CsvSettings, where: string): SourceRecord {
  const { columns, extent, inactive, gone, groupSeparator } = settings;
  const cell = (column: string | undefined) => (column === undefined ? '' : (record[column] ?? '').trim());
  const id = cell(columns.id);
  if (id !== '' && isAmong(cell(columns.change), gone)) {
    return { kind: 'gone', what: 'user', key: id.normalize('NFC') } satisfies Gone;
  }
  const said = {
    id,
    email: cell(columns.email),
    name: cell(columns.name),
    active: !isAmong(cell(columns.status), inactive),
    startsOn: cell(columns.startsOn),
    endsOn: cell(columns.endsOn),
    timeZone: cell(columns.timeZone),
    groups: cell(columns.groups).split(groupSeparator),
    attributes: record,
  };
  const person = readEmployee(said, columns, where);
  return person.kind === 'user' && extent === 'changes' ? { ...person, groupsWhole: true } : person;
}

function isAmong(value: string, values: readonly string[]): boolean {
  return values.some((each) => each.toLowerCase() === value.toLowerCase());
}
