/** What a receiver was told: each message, how often it was tried, what was answered; and sending one again. */
import { Badge, Button, SegmentedControl, Stack, Text } from '@mantine/core';
import { IconSend } from '@tabler/icons-react';
import type { UseQueryResult } from '@tanstack/react-query';
import { Link } from 'react-router';
import type { Answer } from '../api/client.ts';
import { Answered } from '../parts/answered.tsx';
import { type Column, DataTable } from '../parts/data-table.tsx';
import { EmptyState } from '../parts/empty-state.tsx';
import { Moment } from '../parts/moment.tsx';
import { ProblemAlert } from '../parts/problem.tsx';
import { text } from '../text/text.ts';

const { deliveries: t } = text.integrations;
type Listed = Answer<'get /api/v1/organizations/{organization}/webhook-endpoints/{endpoint}/deliveries'>;
type Delivery = Listed['deliveries'][number];
export type DeliveryState = '' | 'waiting' | 'retry' | 'delivered' | 'failed' | 'needs_human';

const COLOURS: Readonly<Record<string, string>> = {
  delivered: 'teal',
  failed: 'red',
  needs_human: 'red',
  retry: 'orange',
};

interface DeliveriesProps {
  readonly of: UseQueryResult<Listed>;
  readonly state: DeliveryState;
  readonly onState: (state: DeliveryState) => void;
  readonly onRetry: (delivery: string) => void;
  readonly error: Error | null;
  readonly emptyHint: string;
}

export function Deliveries({ of, state, onState, onRetry, error, emptyHint }: DeliveriesProps) {
  return (
    <Stack>
      <SegmentedControl
        aria-label={t.show}
        data={Object.entries(t.filters).map(([value, label]) => ({ value, label }))}
        value={state}
        onChange={(value) => onState(value as DeliveryState)}
        maw="100%"
        style={{ overflowX: 'auto' }}
      />
      {error !== null && <ProblemAlert error={error} />}
      <Answered of={of}>
        {({ deliveries }) =>
          deliveries.length === 0 ? (
            <EmptyState icon={IconSend} title={t.empty} hint={emptyHint} />
          ) : (
            <DataTable
              label={t.title}
              columns={columnsFor(onRetry)}
              rows={deliveries}
              rowKey={({ id }) => id}
              rowHeight={60}
              minWidth={860}
            />
          )
        }
      </Answered>
    </Stack>
  );
}

function columnsFor(onRetry: (delivery: string) => void): readonly Column<Delivery>[] {
  return [
    {
      key: 'type',
      title: t.message,
      width: '1.6fr',
      cell: ({ type, messageId }) => (
        <Stack gap={0}>
          <Text size="sm" truncate title={type}>
            {type.split('/').at(-1)}
          </Text>
          <Text size="xs" c="dimmed" ff="monospace" truncate title={messageId}>
            {messageId}
          </Text>
        </Stack>
      ),
    },
    {
      key: 'state',
      title: t.state,
      width: '130px',
      cell: ({ state }) => (
        <Badge variant="light" color={COLOURS[state] ?? 'gray'}>
          {t.states[state as keyof typeof t.states] ?? state}
        </Badge>
      ),
    },
    { key: 'tries', title: t.tries, width: '70px', cell: ({ attempts }) => attempts },
    {
      key: 'answer',
      title: t.answer,
      width: '1.6fr',
      cell: ({ lastStatus, lastError }) => {
        const said = lastError ?? (lastStatus === null ? '' : t.answered(lastStatus));
        return <span title={said}>{said}</span>;
      },
    },
    {
      key: 'when',
      title: t.when,
      width: '1.2fr',
      cell: ({ createdAt, nextAttemptAt }) => (
        <Stack gap={0}>
          <Moment at={createdAt} />
          {nextAttemptAt !== null && (
            <Text size="xs" c="dimmed">
              {t.next} <Moment at={nextAttemptAt} />
            </Text>
          )}
        </Stack>
      ),
    },
    {
      key: 'do',
      title: '',
      width: '130px',
      cell: (delivery) => <Again of={delivery} onRetry={onRetry} />,
    },
  ];
}

function Again({ of: { id, state, case: ofCase }, onRetry }: { readonly of: Delivery; onRetry: (id: string) => void }) {
  if (ofCase !== null) {
    return (
      <Button component={Link} to={`/offboarding/${ofCase}`} size="xs" variant="subtle">
        {t.itsCase}
      </Button>
    );
  }
  if (state === 'waiting') return null;
  return (
    <Button size="xs" variant="subtle" onClick={() => onRetry(id)}>
      {t.again}
    </Button>
  );
}
