/** Shared signals in: transmitters whose word ends sessions and accounts here. */
import { Badge, Group, Stack, Text } from '@mantine/core';
import { IconEar } from '@tabler/icons-react';
import { useState } from 'react';
import type { Answer } from '../api/client.ts';
import { useAnswer, useChange } from '../api/use-api.ts';
import { Answered } from '../parts/answered.tsx';
import { ConfirmedAction } from '../parts/confirmed-action.tsx';
import { Copy } from '../parts/copy.tsx';
import { EmptyState } from '../parts/empty-state.tsx';
import { Moment } from '../parts/moment.tsx';
import { Section } from '../parts/section.tsx';
import { ShownOnce } from '../parts/shown-once.tsx';
import { text } from '../text/text.ts';
import { ReceiverForm } from './receiver-form.tsx';
import { TabHead } from './tab-head.tsx';

const { receivers: t } = text.integrations;
const RECEIVERS = 'get /api/v1/organizations/{organization}/ssf-receivers';
export type Receiver = Answer<typeof RECEIVERS>['receivers'][number];

export function ReceiversIn() {
  const [token, setToken] = useState<{ readonly slug: string; readonly token: string }>();
  const answer = useAnswer(RECEIVERS, {}, { every: 10_000 });
  const onSaved = (slug: string, made: string | undefined) => made !== undefined && setToken({ slug, token: made });
  return (
    <Stack>
      <TabHead lead={t.lead} action={<ReceiverForm onSaved={onSaved} />} />
      {token !== undefined && (
        <ShownOnce
          title={t.once(token.slug)}
          label={t.pushToken}
          value={token.token}
          onClose={() => setToken(undefined)}
        />
      )}
      <Answered of={answer}>
        {({ receivers }) =>
          receivers.length === 0 ? (
            <EmptyState icon={IconEar} title={t.empty} hint={t.emptyHint} />
          ) : (
            <Stack>
              {receivers.map((receiver) => (
                <Card key={receiver.id} receiver={receiver} onSaved={onSaved} />
              ))}
            </Stack>
          )
        }
      </Answered>
    </Stack>
  );
}

interface CardProps {
  readonly receiver: Receiver;
  readonly onSaved: (slug: string, token: string | undefined) => void;
}

function Card({ receiver, onSaved }: CardProps) {
  const { slug, issuer, enabled, pushUrl, pollUrl, lastEventAt, lastError, onDisabled } = receiver;
  const remove = useChange('delete /api/v1/organizations/{organization}/ssf-receivers/{receiver}');
  return (
    <Section
      title={slug}
      actions={
        <Group gap="xs">
          <ReceiverForm receiver={receiver} onSaved={onSaved} />
          <ConfirmedAction
            label={t.remove}
            title={t.removeTitle(slug)}
            explanation={t.removeHint}
            pending={remove.isPending}
            error={remove.error}
            onConfirm={(done) => remove.mutate({ path: { receiver: slug } }, { onSuccess: done })}
          />
        </Group>
      }
    >
      <Group gap="xs">
        <Badge variant="light" color={!enabled ? 'gray' : lastError === null ? 'teal' : 'red'}>
          {!enabled ? t.off : lastError === null ? t.on : t.failing}
        </Badge>
        <Text size="sm">
          {t.lastEvent} <Moment at={lastEventAt} />. {t.whatDisabling[onDisabled]}
        </Text>
      </Group>
      {lastError !== null && <Text size="sm">{lastError}</Text>}
      <Copy label={t.issuer} value={issuer} />
      <Copy label={pollUrl === null ? t.pushUrl : t.pollUrl} value={pollUrl ?? pushUrl} />
    </Section>
  );
}
