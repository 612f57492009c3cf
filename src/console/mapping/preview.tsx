/** What saving would do: how many gain and lose, and the first of them by name. */
import { Alert, Stack } from '@mantine/core';
import type { Answer } from '../api/client.ts';
import { DataTable } from '../parts/data-table.tsx';
import { CHANGE_COLUMNS } from '../runs/changes.tsx';
import { countsInWords } from '../runs/counts.ts';
import { text } from '../text/text.ts';

const { mapping: t } = text;

type Previewed = Extract<Answer<'put /api/v1/organizations/{organization}/mapping-rules/{rule}'>, { preview: true }>;

/** @param answer of putting a rule with `preview` */
export function Preview({ answer: { counts, changes } }: { readonly answer: Previewed }) {
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
