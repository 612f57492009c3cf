/** Webhook endpoints: where the platform hears of what happens. */
import { Badge, Stack, Text } from '@mantine/core';
import { IconWebhook } from '@tabler/icons-react';
import { useState } from 'react';
import { useNavigate } from 'react-router';
import { useAnswer } from '../api/use-api.ts';
import { Answered } from '../parts/answered.tsx';
import { type Column, DataTable } from '../parts/data-table.tsx';
import { EmptyState } from '../parts/empty-state.tsx';
import { ShownOnce } from '../parts/shown-once.tsx';
import { text } from '../text/text.ts';
import { TabHead } from './tab-head.tsx';
import { ENDPOINTS, type Endpoint, WebhookForm } from './webhook-form.tsx';

const { webhooks: t } = text.integrations;

const COLUMNS: readonly Column<Endpoint>[] = [
  {
    key: 'slug',
    title: t.endpoint,
    width: '2fr',
    cell: ({ slug, url }) => (
      <Stack gap={0}>
        <Text size="sm" truncate>
          {slug}
        </Text>
        <Text size="xs" c="dimmed" truncate title={url}>
          {url}
        </Text>
      </Stack>
    ),
  },
  {
    key: 'events',
    title: t.events,
    width: '1.4fr',
    cell: ({ events }) => <span title={events.join(', ')}>{t.eventCount(events.length)}</span>,
  },
  { key: 'state', title: t.state, width: '120px', cell: (endpoint) => <EndpointState of={endpoint} /> },
];

export function WebhookList() {
  const navigate = useNavigate();
  const [made, setMade] = useState<{ readonly slug: string; readonly secret: string }>();
  const answer = useAnswer(ENDPOINTS, {});
  const add = <WebhookForm onSaved={(slug, secret) => secret !== undefined && setMade({ slug, secret })} />;
  return (
    <Stack>
      <TabHead lead={t.lead} action={add} />
      {made !== undefined && (
        <ShownOnce title={t.once(made.slug)} label={t.secret} value={made.secret} onClose={() => setMade(undefined)} />
      )}
      <Answered of={answer}>
        {({ webhookEndpoints }) =>
          webhookEndpoints.length === 0 ? (
            <EmptyState icon={IconWebhook} title={t.empty} hint={t.emptyHint} />
          ) : (
            <DataTable
              label={t.title}
              columns={COLUMNS}
              rows={webhookEndpoints}
              rowKey={({ id }) => id}
              rowHeight={60}
              minWidth={520}
              onOpen={({ slug }) => void navigate(`/integrations/webhooks/${slug}`)}
            />
          )
        }
      </Answered>
    </Stack>
  );
}

export function EndpointState({ of: { enabled, disabledReason } }: { readonly of: Endpoint }) {
  return (
    <Badge variant="light" color={enabled ? 'teal' : disabledReason === null ? 'gray' : 'red'}>
      {enabled ? t.on : t.off}
    </Badge>
  );
}
