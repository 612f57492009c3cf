/** Every directory with how its last run ended and when the next is due. */
import { Badge, Button } from '@mantine/core';
import { IconUsersGroup } from '@tabler/icons-react';
import { Link, useNavigate } from 'react-router';
import type { Answer } from '../api/client.ts';
import { useAnswer } from '../api/use-api.ts';
import { Answered } from '../parts/answered.tsx';
import { type Column, DataTable } from '../parts/data-table.tsx';
import { EmptyState } from '../parts/empty-state.tsx';
import { Moment } from '../parts/moment.tsx';
import { RunStatus } from '../runs/run-status.tsx';
import { text } from '../text/text.ts';

const { directories: t } = text;
export type Directory = Answer<'get /api/v1/organizations/{organization}/directories'>['directories'][number];

const COLUMNS: readonly Column<Directory>[] = [
  { key: 'name', onPhone: true, title: t.name, width: '2fr', cell: ({ name }) => name },
  { key: 'kind', title: t.kind, width: '1fr', cell: ({ kind }) => t.kinds[kind as keyof typeof t.kinds] ?? kind },
  {
    key: 'last',
    onPhone: true,
    title: t.lastRun,
    width: '1.6fr',
    cell: ({ lastRun }) =>
      lastRun === null ? (
        t.noRun
      ) : (
        <>
          <RunStatus run={lastRun} /> <Moment at={lastRun.finishedAt ?? lastRun.startedAt} />
        </>
      ),
  },
  {
    key: 'next',
    title: t.nextRun,
    width: '1.2fr',
    cell: ({ quarantinedUntil, nextRunAt }) =>
      quarantinedUntil === null ? (
        <Moment at={nextRunAt} absent={t.noSchedule} />
      ) : (
        <Badge color="red" variant="light">
          {t.quarantined}
        </Badge>
      ),
  },
];

export function DirectoryList() {
  const navigate = useNavigate();
  const answer = useAnswer('get /api/v1/organizations/{organization}/directories', {}, { every: 10_000 });
  return (
    <Answered of={answer}>
      {({ directories }) => {
        const own = directories.filter(({ kind }) => kind !== 'login');
        if (own.length > 0) {
          return (
            <DataTable
              label={t.title}
              columns={COLUMNS}
              rows={own}
              rowKey={({ id }) => id}
              onOpen={({ slug }) => void navigate(`/directories/${slug}`)}
            />
          );
        }
        return (
          <EmptyState
            icon={IconUsersGroup}
            title={t.empty}
            hint={t.emptyHint}
            action={
              <Button component={Link} to="/directories/new">
                {t.add}
              </Button>
            }
          />
        );
      }}
    </Answered>
  );
}
