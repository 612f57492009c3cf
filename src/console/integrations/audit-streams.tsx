/** Audit streams: every audited event on its way to a SIEM, how far it has come, and what keeps it. */
import { Badge, Group, Stack, Text } from '@mantine/core';
import { IconDatabaseExport } from '@tabler/icons-react';
import { useState } from 'react';
import type { Answer } from '../api/client.ts';
import { useAnswer, useChange } from '../api/use-api.ts';
import { Answered } from '../parts/answered.tsx';
import { ConfirmedAction } from '../parts/confirmed-action.tsx';
import { EmptyState } from '../parts/empty-state.tsx';
import { Moment } from '../parts/moment.tsx';
import { Section } from '../parts/section.tsx';
import { ShownOnce } from '../parts/shown-once.tsx';
import { text } from '../text/text.ts';
import { AuditStreamForm } from './audit-stream-form.tsx';
import { TabHead } from './tab-head.tsx';

const { auditStreams: t } = text.integrations;
const STREAMS = 'get /api/v1/organizations/{organization}/audit-streams';
export type AuditStream = Answer<typeof STREAMS>['streams'][number];

export function AuditStreams() {
  const [made, setMade] = useState<{ readonly slug: string; readonly secret: string }>();
  const answer = useAnswer(STREAMS, {}, { every: 5000 });
  const onSaved = (slug: string, secret: string | undefined) => secret !== undefined && setMade({ slug, secret });
  return (
    <Stack>
      <TabHead lead={t.lead} action={<AuditStreamForm onSaved={onSaved} />} />
      {made !== undefined && (
        <ShownOnce
          title={text.integrations.webhooks.once(made.slug)}
          label={text.integrations.webhooks.secret}
          value={made.secret}
          onClose={() => setMade(undefined)}
        />
      )}
      <Answered of={answer}>
        {({ streams }) =>
          streams.length === 0 ? (
            <EmptyState icon={IconDatabaseExport} title={t.empty} hint={t.emptyHint} />
          ) : (
            <Stack>
              {streams.map((stream) => (
                <Card key={stream.id} stream={stream} onSaved={onSaved} />
              ))}
            </Stack>
          )
        }
      </Answered>
    </Stack>
  );
}

function StreamState({ of: { enabled, failingSince, deliveredAt } }: { readonly of: AuditStream }) {
  const [color, word] = !enabled
    ? ['gray', t.off]
    : failingSince !== null
      ? ['red', t.failing]
      : deliveredAt === null
        ? ['blue', t.begins]
        : ['teal', t.flows];
  return (
    <Badge variant="light" color={color}>
      {word}
    </Badge>
  );
}

interface CardProps {
  readonly stream: AuditStream;
  readonly onSaved: (slug: string, secret: string | undefined) => void;
}

function Card({ stream, onSaved }: CardProps) {
  const { slug, kind, format, config, waiting, deliveredAt, failingSince, lastError, nextAttemptAt } = stream;
  const remove = useChange('delete /api/v1/organizations/{organization}/audit-streams/{stream}');
  const to = 'url' in config ? config.url : `${config.host}:${config.port}`;
  return (
    <Section
      title={slug}
      actions={
        <Group gap="xs">
          <AuditStreamForm stream={stream} onSaved={onSaved} />
          <ConfirmedAction
            label={t.remove}
            title={t.removeTitle(slug)}
            explanation={t.removeHint}
            pending={remove.isPending}
            error={remove.error}
            onConfirm={(done) => remove.mutate({ path: { stream: slug } }, { onSuccess: done })}
          />
        </Group>
      }
    >
      <Group gap="xs">
        <StreamState of={stream} />
        <Text size="sm" style={{ overflowWrap: 'anywhere' }}>
          {t.kinds[kind]} · {t.formats[format]} · {to}
        </Text>
      </Group>
      <Text size="sm">
        {t.waiting(waiting)} {t.delivered} <Moment at={deliveredAt} />.
      </Text>
      {failingSince !== null && (
        <Text size="sm">
          {t.failingSince} <Moment at={failingSince} />: {lastError}. {text.integrations.deliveries.next}{' '}
          <Moment at={nextAttemptAt} />.
        </Text>
      )}
    </Section>
  );
}
