/** Makes a stream for a receiver that does not make its own. */
import { PasswordInput, Select, TextInput } from '@mantine/core';
import { IconPlus } from '@tabler/icons-react';
import { useState } from 'react';
import { useNavigate } from 'react-router';
import { useChange } from '../api/use-api.ts';
import { FormModal } from '../parts/form-modal.tsx';
import { text } from '../text/text.ts';

const { streams: t } = text.integrations;
const PUSH = 'urn:ietf:rfc:8935';
const POLL = 'urn:ietf:rfc:8936';
type Format = keyof typeof t.formats;
type Subjects = keyof typeof t.subjects;

const choices = (words: Readonly<Record<string, string>>) =>
  Object.entries(words).map(([value, label]) => ({ value, label }));

export function NewStream() {
  const navigate = useNavigate();
  const [description, setDescription] = useState('');
  const [method, setMethod] = useState<string>(PUSH);
  const [url, setUrl] = useState('');
  const [authorization, setAuthorization] = useState('');
  const [format, setFormat] = useState<Format>('email');
  const [subjects, setSubjects] = useState<Subjects>('ALL');
  const make = useChange('post /api/v1/organizations/{organization}/ssf-streams');
  const header = authorization === '' ? {} : { authorization_header: authorization };
  const delivery =
    method === PUSH ? { method: PUSH as typeof PUSH, endpoint_url: url, ...header } : { method: POLL as typeof POLL };
  return (
    <FormModal
      label={t.add}
      title={t.add}
      button={{ leftSection: <IconPlus size={18} /> }}
      pending={make.isPending}
      error={make.error}
      onSubmit={() =>
        make.mutate(
          { body: { description, delivery, format, default_subjects: subjects } },
          { onSuccess: ({ id }) => void navigate(`/integrations/streams/${id}`) },
        )
      }
    >
      <TextInput
        label={t.receiver}
        value={description}
        onChange={(event) => setDescription(event.currentTarget.value)}
        required
        data-autofocus
      />
      <Select
        label={t.way}
        data={[
          { value: PUSH, label: t.pushed },
          { value: POLL, label: t.polled },
        ]}
        value={method}
        onChange={(value) => setMethod(value ?? PUSH)}
        allowDeselect={false}
      />
      {method === PUSH && (
        <>
          <TextInput
            label={t.url}
            type="url"
            placeholder="https://"
            value={url}
            onChange={(event) => setUrl(event.currentTarget.value)}
            required
          />
          <PasswordInput
            label={t.authorization}
            description={t.authorizationHint}
            value={authorization}
            onChange={(event) => setAuthorization(event.currentTarget.value)}
            autoComplete="off"
          />
        </>
      )}
      <Select
        label={t.format}
        data={choices(t.formats)}
        value={format}
        onChange={(value) => setFormat(value as Format)}
        allowDeselect={false}
      />
      <Select
        label={t.about}
        data={choices(t.subjects)}
        value={subjects}
        onChange={(value) => setSubjects(value as Subjects)}
        allowDeselect={false}
      />
    </FormModal>
  );
}
