/** One webhook endpoint: its secret's rotation, a test, and what it was sent. */
import { Alert, Anchor, Button, NumberInput, Stack, Text } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useState } from 'react';
import { Link, Navigate, useParams } from 'react-router';
import { useAnswer, useChange } from '../api/use-api.ts';
import { Answered } from '../parts/answered.tsx';
import { ConfirmedAction } from '../parts/confirmed-action.tsx';
import { Copy } from '../parts/copy.tsx';
import { FormModal } from '../parts/form-modal.tsx';
import { exactly } from '../parts/moment.tsx';
import { Page } from '../parts/page.tsx';
import { ProblemAlert } from '../parts/problem.tsx';
import { Section } from '../parts/section.tsx';
import { ShownOnce } from '../parts/shown-once.tsx';
import { text } from '../text/text.ts';
import { Deliveries, type DeliveryState } from './deliveries.tsx';
import { ENDPOINTS, type Endpoint, WebhookForm } from './webhook-form.tsx';
import { EndpointState } from './webhook-list.tsx';

const { webhooks: t } = text.integrations;
/** Also where one leads that has been removed. */
const LIST = '/integrations/webhooks';

export function WebhookPage() {
  const { slug } = useParams();
  const answer = useAnswer(ENDPOINTS, {});
  return (
    <Stack>
      <Anchor component={Link} to={LIST}>
        {t.back}
      </Anchor>
      <Answered of={answer}>
        {({ webhookEndpoints }) => {
          const endpoint = webhookEndpoints.find((each) => each.slug === slug);
          return endpoint === undefined ? <Navigate to={LIST} replace /> : <Details endpoint={endpoint} />;
        }}
      </Answered>
    </Stack>
  );
}

function Details({ endpoint }: { readonly endpoint: Endpoint }) {
  const { slug, url, events, disabledReason, previousSecretUntil } = endpoint;
  const [secret, setSecret] = useState<string>();
  const test = useChange('post /api/v1/organizations/{organization}/webhook-endpoints/{endpoint}/test');
  const tested = { onSuccess: () => notifications.show({ message: t.testSent, color: 'teal' }) };
  return (
    <Page
      title={slug}
      lead={<EndpointState of={endpoint} />}
      actions={
        <>
          <Button loading={test.isPending} onClick={() => test.mutate({ path: { endpoint: slug } }, tested)}>
            {t.test}
          </Button>
          <WebhookForm endpoint={endpoint} />
          <Rotate slug={slug} onMade={setSecret} />
          <Remove slug={slug} />
        </>
      }
    >
      {test.error !== null && <ProblemAlert error={test.error} />}
      {disabledReason !== null && <Alert color="red" title={disabledReason} />}
      {secret !== undefined && (
        <ShownOnce title={t.once(slug)} label={t.secret} value={secret} onClose={() => setSecret(undefined)} />
      )}
      <Section title={t.details}>
        <Copy label={t.url} value={url} />
        <Text size="sm">{events.join(', ')}</Text>
        <Text size="sm" c="dimmed">
          {previousSecretUntil === null ? t.oneSecret : t.twoSecrets(exactly(previousSecretUntil))}
        </Text>
      </Section>
      <Section title={text.integrations.deliveries.title}>
        <Sent slug={slug} />
      </Section>
    </Page>
  );
}

function Sent({ slug }: { readonly slug: string }) {
  const [state, setState] = useState<DeliveryState>('');
  const asked = { path: { endpoint: slug }, query: state === '' ? {} : { state } };
  const answer = useAnswer('get /api/v1/organizations/{organization}/webhook-endpoints/{endpoint}/deliveries', asked, {
    every: 2000,
  });
  const retry = useChange(
    'post /api/v1/organizations/{organization}/webhook-endpoints/{endpoint}/deliveries/{delivery}/retry',
  );
  return (
    <Deliveries
      of={answer}
      state={state}
      onState={setState}
      onRetry={(delivery) => retry.mutate({ path: { endpoint: slug, delivery } })}
      error={retry.error}
      emptyHint={t.nothingSent}
    />
  );
}

function Rotate({ slug, onMade }: { readonly slug: string; readonly onMade: (secret: string) => void }) {
  const [overlapHours, setOverlapHours] = useState(24);
  const rotate = useChange('post /api/v1/organizations/{organization}/webhook-endpoints/{endpoint}/rotate-secret');
  return (
    <FormModal
      label={t.rotate}
      title={t.rotateTitle(slug)}
      button={{ variant: 'default' }}
      pending={rotate.isPending}
      error={rotate.error}
      onSubmit={(done) =>
        rotate.mutate(
          { path: { endpoint: slug }, body: { overlapHours } },
          {
            onSuccess: (made) => {
              onMade(made.secret);
              done();
            },
          },
        )
      }
    >
      <Text size="sm">{t.rotateHint}</Text>
      <NumberInput
        label={text.keys.overlap}
        min={0}
        max={720}
        value={overlapHours}
        onChange={(value) => setOverlapHours(Number(value))}
        data-autofocus
      />
    </FormModal>
  );
}

function Remove({ slug }: { readonly slug: string }) {
  const remove = useChange('delete /api/v1/organizations/{organization}/webhook-endpoints/{endpoint}');
  return (
    <ConfirmedAction
      label={t.remove}
      title={t.removeTitle(slug)}
      explanation={t.removeHint}
      pending={remove.isPending}
      error={remove.error}
      onConfirm={() => remove.mutate({ path: { endpoint: slug } })}
    />
  );
}
