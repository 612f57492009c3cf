/** Listens to a transmitter, or changes how. */
import { PasswordInput, Select, Switch, TextInput } from '@mantine/core';
import { IconPlus } from '@tabler/icons-react';
import { useState } from 'react';
import { useAnswer, useChange } from '../api/use-api.ts';
import { FormModal } from '../parts/form-modal.tsx';
import { text } from '../text/text.ts';
import type { Receiver } from './receivers-in.tsx';

const { receivers: t } = text.integrations;
type OnDisabled = Receiver['onDisabled'];

interface ReceiverFormProps {
  readonly receiver?: Receiver;
  /** Also with the token that a push must carry, where one was made now. */
  readonly onSaved: (slug: string, token: string | undefined) => void;
}

export function ReceiverForm({ receiver, onSaved }: ReceiverFormProps) {
  const [slug, setSlug] = useState(receiver?.slug ?? '');
  const [issuer, setIssuer] = useState(receiver?.issuer ?? '');
  const [audience, setAudience] = useState(receiver?.audience ?? '');
  const [connection, setConnection] = useState<string | null>(receiver?.connectionId ?? null);
  const [onDisabled, setOnDisabled] = useState<OnDisabled>(receiver?.onDisabled ?? 'suspend');
  const [pollUrl, setPollUrl] = useState(receiver?.pollUrl ?? '');
  const [pollToken, setPollToken] = useState('');
  const [withToken, setWithToken] = useState(receiver === undefined);
  const [enabled, setEnabled] = useState(receiver?.enabled ?? true);
  const connections = useAnswer('get /api/v1/organizations/{organization}/connections', {});
  const put = useChange('put /api/v1/organizations/{organization}/ssf-receivers/{receiver}');
  const label = receiver === undefined ? t.add : t.change;
  const polled = pollUrl.trim() !== '';
  const known = connections.data?.connections.find(({ id }) => id === connection);
  return (
    <FormModal
      label={label}
      title={label}
      submit={receiver === undefined ? t.add : text.integrations.webhooks.save}
      button={receiver === undefined ? { leftSection: <IconPlus size={18} /> } : { variant: 'default' }}
      pending={put.isPending}
      error={put.error}
      onSubmit={(done) => {
        const token = withToken && !polled ? newToken() : undefined;
        const body = {
          ...{ issuer, audience, onDisabled, enabled, pollUrl: polled ? pollUrl.trim() : null },
          ...(known === undefined ? {} : { connection: known.slug }),
          ...(receiver !== undefined && receiver.issuer === issuer ? { jwksUri: receiver.jwksUri } : {}),
          ...(token === undefined ? {} : { pushToken: token }),
          ...(pollToken === '' ? {} : { pollToken }),
        };
        put.mutate(
          { path: { receiver: slug }, body },
          {
            onSuccess: () => {
              onSaved(slug, token);
              setWithToken(false);
              done();
            },
          },
        );
      }}
    >
      {receiver === undefined && (
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
        label={t.issuer}
        description={t.issuerHint}
        type="url"
        placeholder="https://"
        value={issuer}
        onChange={(event) => setIssuer(event.currentTarget.value)}
        required
      />
      <TextInput
        label={t.audience}
        description={t.audienceHint}
        value={audience}
        onChange={(event) => setAudience(event.currentTarget.value)}
        required
      />
      <Select
        label={t.connection}
        description={t.connectionHint}
        data={connections.data?.connections.map(({ id, name }) => ({ value: id, label: name })) ?? []}
        value={connection}
        onChange={setConnection}
        clearable
      />
      <Select
        label={t.onDisabled}
        data={Object.entries(t.onDisabledWays).map(([value, each]) => ({ value, label: each }))}
        value={onDisabled}
        onChange={(value) => setOnDisabled(value as OnDisabled)}
        allowDeselect={false}
      />
      <TextInput
        label={t.pollUrl}
        description={t.pollUrlHint}
        type="url"
        value={pollUrl}
        onChange={(event) => setPollUrl(event.currentTarget.value)}
      />
      {polled ? (
        <PasswordInput
          label={t.pollToken}
          description={receiver === undefined ? undefined : t.secretStays}
          value={pollToken}
          onChange={(event) => setPollToken(event.currentTarget.value)}
          autoComplete="off"
        />
      ) : (
        <Switch
          label={t.withToken}
          checked={withToken}
          onChange={(event) => setWithToken(event.currentTarget.checked)}
        />
      )}
      {receiver !== undefined && (
        <Switch label={t.on} checked={enabled} onChange={(event) => setEnabled(event.currentTarget.checked)} />
      )}
    </FormModal>
  );
}

/** 256 bits that nobody else knows. */
function newToken(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(32));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
