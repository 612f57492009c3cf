/** Makes a key: for what, where, and how long. */
import { Button, Group, Modal, NumberInput, Select, Stack, TagsInput, TextInput } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconPlus } from '@tabler/icons-react';
import { useState } from 'react';
import { useAnswer, useChange } from '../api/use-api.ts';
import { scopeOf } from '../mapping/scope.ts';
import { useScopes } from '../mapping/use-scopes.ts';
import { ProblemAlert } from '../parts/problem.tsx';
import { text } from '../text/text.ts';
import type { MadeKey } from './screen.tsx';

const { keys: t } = text;
type Kind = keyof typeof t.kinds;

export function NewKey({ onMade }: { readonly onMade: (made: MadeKey) => void }) {
  const [opened, { open, close }] = useDisclosure();
  return (
    <>
      <Button leftSection={<IconPlus size={18} />} onClick={open}>
        {t.add}
      </Button>
      <Modal opened={opened} onClose={close} title={t.add}>
        <Form
          onMade={(made) => {
            onMade(made);
            close();
          }}
        />
      </Modal>
    </>
  );
}

function Form({ onMade }: { readonly onMade: (made: MadeKey) => void }) {
  const [name, setName] = useState('');
  const [kind, setKind] = useState<Kind>('personal');
  const [place, setPlace] = useState<string | null>(null);
  const [scopes, setScopes] = useState<string[]>([]);
  const [days, setDays] = useState<number | ''>(365);
  const places = useScopes();
  const matrix = useAnswer('get /api/v1/organizations/{organization}/roles/matrix', {});
  const make = useChange('post /api/v1/organizations/{organization}/api-keys');
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        const body = { name, kind, scopes, ...placeOf(place), ...(days === '' ? {} : { expiresInDays: days }) };
        make.mutate({ body }, { onSuccess: onMade });
      }}
    >
      <Stack>
        <TextInput
          label={t.name}
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
          required
          data-autofocus
        />
        <Select
          label={t.kind}
          data={Object.entries(t.kinds).map(([value, label]) => ({ value, label }))}
          value={kind}
          onChange={(value) => setKind(value as Kind)}
          allowDeselect={false}
        />
        <Select label={t.place} data={places.options} value={place} onChange={setPlace} clearable searchable />
        <TagsInput
          label={t.scopes}
          description={t.scopesHint}
          data={matrix.data?.permissions.map(({ permission }) => permission) ?? []}
          value={scopes}
          onChange={setScopes}
          required={scopes.length === 0}
        />
        <NumberInput
          label={t.days}
          description={t.daysHint}
          min={1}
          max={3650}
          value={days}
          onChange={(value) => setDays(typeof value === 'number' ? value : '')}
        />
        {make.error !== null && <ProblemAlert error={make.error} />}
        <Group justify="flex-end">
          <Button type="submit" loading={make.isPending}>
            {t.add}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

function placeOf(key: string | null): { workspace?: string; product?: string } {
  const scope = key === null ? 'organization' : scopeOf(key);
  if (scope === 'organization') return {};
  if ('workspace' in scope) return scope;
  const [workspace = '', product = ''] = scope.product.split('/');
  return { workspace, product };
}
