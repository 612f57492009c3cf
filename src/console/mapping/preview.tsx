/** What saving would do: how many gain and lose, and the first of them by name. */
import { Alert, Stack } from '@mantine/core';
import { DataTable } from '../parts/data-table.tsx';
import { CHANGE_COLUMNS, type Change } from '../runs/changes.tsx';
import { countsInWords } from '../runs/counts.ts';
import { text } from '../text/text.ts';

const { mapping: t } = text;

/** @param answer of putting a rule with `preview` */
export function Preview({ answer }: { readonly answer: unknown }) {
  const { counts = {}, changes = [] } = answer as { counts?: Record<string, number>; changes?: readonly Change[] };
  return (
    <Stack>
      <Alert color="indigo" title={t.wouldDo}>
        {countsInWords(counts)}
      </Alert>
      {changes.length > 0 && (
        <DataTable
          label={t.wouldDo}
          columns={CHANGE_COLUMNS}
          rows={changes}
          rowKey={({ kind, userId, scope, role }) => [kind, userId, scope, role].join(' ')}
          rowHeight={44}
          height={320}
        />
      )}
    </Stack>
  );
}
