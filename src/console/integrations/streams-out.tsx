/** Shared signals out: receivers that are told by security event tokens of sessions, credentials and accounts that end. */
import { Badge, Stack, Text } from '@mantine/core';
import { IconBroadcast } from '@tabler/icons-react';
import { useNavigate } from 'react-router';
import type { Answer } from '../api/client.ts';
import { useAnswer } from '../api/use-api.ts';
import { Answered } from '../parts/answered.tsx';
import { Copy } from '../parts/copy.tsx';
import { type Column, DataTable } from '../parts/data-table.tsx';
import { EmptyState } from '../parts/empty-state.tsx';
import { Moment } from '../parts/moment.tsx';
import { text } from '../text/text.ts';
import { NewStream } from './new-stream.tsx';
import { TabHead } from './tab-head.tsx';

const { streams: t } = text.integrations;
export const STREAMS = 'get /api/v1/organizations/{organization}/ssf-streams';
export type Stream = Answer<typeof STREAMS>['streams'][number];

const COLOURS = { enabled: 'teal', paused: 'orange', disabled: 'gray' } as const;

const COLUMNS: readonly Column<Stream>[] = [
  {
    key: 'name',
    title: t.receiver,
    width: '2fr',
    cell: (stream) => (
      <Stack gap={0}>
        <Text size="sm" truncate>
          {nameOf(stream)}
        </Text>
        <Text size="xs" c="dimmed" truncate title={stream.endpointUrl}>
          {stream.method === 'push' ? stream.endpointUrl : t.polled}
        </Text>
      </Stack>
    ),
  },
  { key: 'status', title: t.status, width: '120px', cell: (stream) => <StreamStatus of={stream} /> },
  { key: 'waiting', title: t.waiting, width: '100px', cell: ({ waiting }) => waiting },
  { key: 'last', title: t.delivered, width: '140px', cell: ({ deliveredAt }) => <Moment at={deliveredAt} /> },
  {
    key: 'error',
    title: t.lastError,
    width: '1.4fr',
    cell: ({ lastError }) => <span title={lastError ?? ''}>{lastError}</span>,
  },
];

export function StreamsOut() {
  const navigate = useNavigate();
  const answer = useAnswer(STREAMS, {}, { every: 10_000 });
  return (
    <Stack>
      <TabHead lead={t.lead} action={<NewStream />} />
      <Answered of={answer}>
        {({ issuer, streams }) => (
          <Stack>
            <Copy label={t.issuer} value={issuer} />
            {streams.length === 0 ? (
              <EmptyState icon={IconBroadcast} title={t.empty} hint={t.emptyHint} />
            ) : (
              <DataTable
                label={t.title}
                columns={COLUMNS}
                rows={streams}
                rowKey={({ id }) => id}
                rowHeight={60}
                minWidth={760}
                onOpen={({ id }) => void navigate(`/integrations/streams/${id}`)}
              />
            )}
          </Stack>
        )}
      </Answered>
    </Stack>
  );
}

export function nameOf({ description, id }: Stream): string {
  return description ?? t.unnamed(id.slice(0, 8));
}

export function StreamStatus({ of: { status, statusReason } }: { readonly of: Stream }) {
  return (
    <Badge variant="light" color={COLOURS[status]} title={statusReason ?? ''}>
      {t.statuses[status]}
    </Badge>
  );
}
