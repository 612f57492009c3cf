/** Runs, newest first: of one directory, or of all. */
import { IconRefresh } from '@tabler/icons-react';
import { useNavigate } from 'react-router';
import type { Answer } from '../api/client.ts';
import { useAnswer } from '../api/use-api.ts';
import { Answered } from '../parts/answered.tsx';
import { type Column, DataTable } from '../parts/data-table.tsx';
import { EmptyState } from '../parts/empty-state.tsx';
import { Moment } from '../parts/moment.tsx';
import { Onward } from '../parts/onward.tsx';
import { text } from '../text/text.ts';
import { countsInWords } from './counts.ts';
import { RunStatus } from './run-status.tsx';

const { runs: t } = text;
export type Run = Answer<'get /api/v1/organizations/{organization}/runs'>['runs'][number];

const COLUMNS: readonly Column<Run>[] = [
  { key: 'status', onPhone: true, title: t.status, width: '110px', cell: (run) => <RunStatus run={run} /> },
  { key: 'directory', title: t.directory, width: '1fr', cell: ({ directory }) => directory ?? t.rules },
  {
    key: 'counts',
    onPhone: true,
    title: t.changes,
    width: '2.5fr',
    cell: ({ counts, error, guards }) => error ?? guards[0]?.reason ?? countsInWords(counts),
  },
  { key: 'trigger', title: t.trigger, width: '110px', cell: ({ trigger }) => trigger },
  { key: 'at', title: t.begun, width: '140px', cell: ({ startedAt }) => <Moment at={startedAt} /> },
];

export function RunList({ directory, status }: { readonly directory?: string; readonly status?: string }) {
  const navigate = useNavigate();
  const query = { limit: 200, ...(directory && { directory }), ...(status && { status }) };
  const answer = useAnswer('get /api/v1/organizations/{organization}/runs', { query }, { every: 5000 });
  return (
    <Answered of={answer}>
      {({ runs }) =>
        runs.length === 0 ? (
          <EmptyState
            icon={IconRefresh}
            title={t.empty}
            hint={t.emptyHint}
            action={directory === undefined && <Onward to="/directories" label={t.toDirectories} />}
          />
        ) : (
          <DataTable
            label={t.title}
            columns={COLUMNS}
            rows={runs}
            rowKey={({ id }) => id}
            onOpen={({ id }) => void navigate(`/runs/${id}`)}
          />
        )
      }
    </Answered>
  );
}
