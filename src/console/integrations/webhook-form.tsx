/** Makes a webhook endpoint, or changes one: where to, and what of. */
import { MultiSelect, Switch, TextInput } from '@mantine/core';
import { IconPlus } from '@tabler/icons-react';
import { useState } from 'react';
import type { Answer, Given } from '../api/client.ts';
import { useAnswer, useChange } from '../api/use-api.ts';
import { FormModal } from '../parts/form-modal.tsx';
import { text } from '../text/text.ts';

const { webhooks: t } = text.integrations;
export const ENDPOINTS = 'get /api/v1/organizations/{organization}/webhook-endpoints';
export type Endpoint = Answer<typeof ENDPOINTS>['webhookEndpoints'][number];
const PUT = 'put /api/v1/organizations/{organization}/webhook-endpoints/{endpoint}';
type Events = NonNullable<Given<typeof PUT>['body']['events']>;

interface WebhookFormProps {
  /** The one that is changed; left out: a new one. */
  readonly endpoint?: Endpoint;
  readonly onSaved?: (slug: string, secret: string | undefined) => void;
}

export function WebhookForm({ endpoint, onSaved }: WebhookFormProps) {
  const [slug, setSlug] = useState(endpoint?.slug ?? '');
  const [url, setUrl] = useState(endpoint?.url ?? '');
  const [events, setEvents] = useState<string[]>(endpoint?.events ?? ['user.deprovisioned']);
  const [enabled, setEnabled] = useState(endpoint?.enabled ?? true);
  const types = useAnswer(ENDPOINTS, {});
  const put = useChange(PUT);
  const label = endpoint === undefined ? t.add : t.change;
  return (
    <FormModal
      label={label}
      title={label}
      submit={endpoint === undefined ? t.add : t.save}
      button={endpoint === undefined ? { leftSection: <IconPlus size={18} /> } : { variant: 'default' }}
      pending={put.isPending}
      error={put.error}
      onSubmit={(done) =>
        put.mutate(
          { path: { endpoint: slug }, body: { url, events: events as Events, enabled } },
          {
            onSuccess: ({ madeSecret }) => {
              onSaved?.(slug, madeSecret);
              done();
            },
          },
        )
      }
    >
      {endpoint === undefined && (
        <TextInput
          label={t.slug}
          description={text.integrations.slugHint}
          value={slug}
          onChange={(event) => setSlug(event.currentTarget.value)}
          pattern="[a-z0-9][a-z0-9\-]*"
          required
          data-autofocus
        />
      )}
      <TextInput
        label={t.url}
        type="url"
        placeholder="https://"
        value={url}
        onChange={(event) => setUrl(event.currentTarget.value)}
        required
      />
      <MultiSelect
        label={t.events}
        description={t.eventsHint}
        data={types.data?.eventTypes ?? []}
        value={events}
        onChange={setEvents}
        searchable
        clearable
        required={events.length === 0}
      />
      {endpoint !== undefined && (
        <Switch label={t.on} checked={enabled} onChange={(event) => setEnabled(event.currentTarget.checked)} />
      )}
    </FormModal>
  );
}
