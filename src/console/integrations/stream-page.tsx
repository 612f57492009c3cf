/** One stream of signals: its status, whether it arrives, and what it told. */
import { Alert, Anchor, Button, List, Stack, Text } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useState } from 'react';
import { Link, Navigate, useParams } from 'react-router';
import { useAnswer, useChange } from '../api/use-api.ts';
import { Answered } from '../parts/answered.tsx';
import { ConfirmedAction } from '../parts/confirmed-action.tsx';
import { Copy } from '../parts/copy.tsx';
import { Page } from '../parts/page.tsx';
import { ProblemAlert } from '../parts/problem.tsx';
import { ReasonedAction } from '../parts/reasoned-action.tsx';
import { Section } from '../parts/section.tsx';
import { text } from '../text/text.ts';
import { Deliveries, type DeliveryState } from './deliveries.tsx';
import { nameOf, STREAMS, type Stream, StreamStatus } from './streams-out.tsx';

const { streams: t } = text.integrations;
/** Also where one leads that has been removed. */
const LIST = '/integrations/streams';

export function StreamPage() {
  const { id } = useParams();
  const answer = useAnswer(STREAMS, {});
  return (
    <Stack>
      <Anchor component={Link} to={LIST}>
        {t.back}
      </Anchor>
      <Answered of={answer}>
        {({ streams }) => {
          const stream = streams.find((each) => each.id === id);
          return stream === undefined ? <Navigate to={LIST} replace /> : <Details stream={stream} />;
        }}
      </Answered>
    </Stack>
  );
}

function Details({ stream }: { readonly stream: Stream }) {
  const { id, status, statusReason, audience, endpointUrl, method, eventsDelivered, format, defaultSubjects } = stream;
  const verify = useChange('post /api/v1/organizations/{organization}/ssf-streams/{stream}/verify');
  const sent = { onSuccess: () => notifications.show({ message: t.verifySent, color: 'teal' }) };
  return (
    <Page
      title={nameOf(stream)}
      lead={<StreamStatus of={stream} />}
      actions={
        <>
          <Button loading={verify.isPending} onClick={() => verify.mutate({ path: { stream: id } }, sent)}>
            {t.verify}
          </Button>
          {(['enabled', 'paused', 'disabled'] as const)
            .filter((each) => each !== status)
            .map((each) => (
              <SetStatus key={each} stream={stream} status={each} />
            ))}
          <Remove stream={stream} />
        </>
      }
    >
      {verify.error !== null && <ProblemAlert error={verify.error} />}
      {status !== 'enabled' && (
        <Alert color="orange" title={t.explained[status]}>
          {statusReason}
        </Alert>
      )}
      <Section title={text.integrations.webhooks.details}>
        <Copy label={method === 'push' ? t.pushed : t.polledAt} value={endpointUrl} />
        <Copy label={t.audience} value={audience} />
        <Text size="sm">
          {t.formats[format]} {t.subjects[defaultSubjects]}.
        </Text>
        <List size="sm">
          {eventsDelivered.map((event) => (
            <List.Item key={event}>{event.split('/').at(-1)}</List.Item>
          ))}
        </List>
      </Section>
      <Section title={text.integrations.deliveries.title}>
        <Told id={id} />
      </Section>
    </Page>
  );
}

function Told({ id }: { readonly id: string }) {
  const [state, setState] = useState<DeliveryState>('');
  const asked = { path: { stream: id }, query: state === '' ? {} : { state } };
  const answer = useAnswer('get /api/v1/organizations/{organization}/ssf-streams/{stream}/deliveries', asked, {
    every: 2000,
  });
  const retry = useChange('post /api/v1/organizations/{organization}/ssf-streams/{stream}/deliveries/{delivery}/retry');
  return (
    <Deliveries
      of={answer}
      state={state}
      onState={setState}
      onRetry={(delivery) => retry.mutate({ path: { stream: id, delivery } })}
      error={retry.error}
      emptyHint={t.nothingTold}
    />
  );
}

function SetStatus({ stream, status }: { readonly stream: Stream; readonly status: Stream['status'] }) {
  const set = useChange('post /api/v1/organizations/{organization}/ssf-streams/{stream}/status');
  return (
    <ReasonedAction
      label={t.set[status]}
      title={`${t.set[status]}: ${nameOf(stream)}`}
      explanation={t.setHint[status]}
      confirm={t.set[status]}
      button={{ variant: 'default' }}
      pending={set.isPending}
      error={set.error}
      onConfirm={(reason, done) =>
        set.mutate({ path: { stream: stream.id }, body: { status, reason } }, { onSuccess: done })
      }
    />
  );
}

function Remove({ stream }: { readonly stream: Stream }) {
  const remove = useChange('delete /api/v1/organizations/{organization}/ssf-streams/{stream}');
  return (
    <ConfirmedAction
      label={t.remove}
      title={t.removeTitle(nameOf(stream))}
      explanation={t.removeHint}
      pending={remove.isPending}
      error={remove.error}
      onConfirm={() => remove.mutate({ path: { stream: stream.id } })}
    />
  );
}
