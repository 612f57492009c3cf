/** Every review with how far it has got. */
import { Badge, Button, Group, Modal, MultiSelect, Progress, Select, Stack, Text, TextInput } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconChecklist, IconPlus } from '@tabler/icons-react';
import { useState } from 'react';
import { useNavigate } from 'react-router';
import type { Answer } from '../api/client.ts';
import { useAnswer, useChange } from '../api/use-api.ts';
import { scopeOf } from '../mapping/scope.ts';
import { useScopes } from '../mapping/use-scopes.ts';
import { Answered } from '../parts/answered.tsx';
import { type Column, DataTable } from '../parts/data-table.tsx';
import { EmptyState } from '../parts/empty-state.tsx';
import { Moment } from '../parts/moment.tsx';
import { Page } from '../parts/page.tsx';
import { ProblemAlert } from '../parts/problem.tsx';
import { text } from '../text/text.ts';

const { reviews: t } = text;
export type Review = Answer<'get /api/v1/organizations/{organization}/reviews'>['reviews'][number];

const COLOURS = { open: 'indigo', closed: 'teal', cancelled: 'gray' } as const;

const COLUMNS: readonly Column<Review>[] = [
  { key: 'name', onPhone: true, title: t.name, width: '1.6fr', cell: ({ name }) => name },
  {
    key: 'progress',
    title: t.decided,
    width: '1.4fr',
    cell: ({ name, items, undecided }) => (
      <Stack gap={2}>
        <Progress value={items === 0 ? 100 : ((items - undecided) / items) * 100} aria-label={t.progressOf(name)} />
        <Text size="xs" c="dimmed">
          {t.ofItems(items - undecided, items)}
        </Text>
      </Stack>
    ),
  },
  { key: 'revoked', title: t.revoked, width: '90px', cell: ({ revoked }) => revoked },
  { key: 'due', title: t.due, width: '130px', cell: ({ dueAt }) => <Moment at={dueAt} /> },
  {
    key: 'state',
    onPhone: true,
    title: t.state,
    width: '110px',
    cell: ({ state }) => (
      <Badge variant="light" color={COLOURS[state]}>
        {t.states[state]}
      </Badge>
    ),
  },
];

export function ReviewList() {
  const navigate = useNavigate();
  const answer = useAnswer('get /api/v1/organizations/{organization}/reviews', {});
  return (
    <Page title={t.title} lead={t.lead} actions={<Start />}>
      <Answered of={answer}>
        {({ reviews }) =>
          reviews.length === 0 ? (
            <EmptyState icon={IconChecklist} title={t.empty} hint={t.emptyHint} />
          ) : (
            <DataTable
              label={t.title}
              columns={COLUMNS}
              rows={reviews}
              rowKey={({ id }) => id}
              rowHeight={60}
              onOpen={({ id }) => void navigate(`/reviews/${id}`)}
            />
          )
        }
      </Answered>
    </Page>
  );
}

function Start() {
  const [opened, { open, close }] = useDisclosure();
  return (
    <>
      <Button leftSection={<IconPlus size={18} />} onClick={open}>
        {t.start}
      </Button>
      <Modal opened={opened} onClose={close} title={t.start}>
        <StartForm />
      </Modal>
    </>
  );
}

function StartForm() {
  const navigate = useNavigate();
  const [name, setName] = useState('');
  const [scope, setScope] = useState<string | null>(null);
  const [roles, setRoles] = useState<string[]>([]);
  const [dueOn, setDueOn] = useState('');
  const [ifUndecided, setIfUndecided] = useState<'keep' | 'revoke'>('keep');
  const scopes = useScopes('manual');
  const known = useAnswer('get /api/v1/organizations/{organization}/roles', {}).data?.roles ?? [];
  const start = useChange('post /api/v1/organizations/{organization}/reviews');
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        const body = {
          name,
          dueAt: new Date(`${dueOn}T23:59:59`).toISOString(),
          ifUndecided,
          ...(scope === null ? {} : { scope: scopeOf(scope) }),
          ...(roles.length === 0 ? {} : { roles }),
        };
        start.mutate({ body }, { onSuccess: ({ id }) => void navigate(`/reviews/${id}`) });
      }}
    >
      <Stack>
        <TextInput
          label={t.name}
          placeholder={t.namePlaceholder}
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
          required
          data-autofocus
        />
        <Select label={t.where} data={scopes.options} value={scope} onChange={setScope} clearable searchable />
        <MultiSelect
          label={t.roles}
          placeholder={t.everyRole}
          data={[...new Set(known.map(({ role }) => role))]}
          value={roles}
          onChange={setRoles}
        />
        <TextInput
          type="date"
          label={t.due}
          value={dueOn}
          onChange={(event) => setDueOn(event.currentTarget.value)}
          required
        />
        <Select
          label={t.ifUndecided}
          data={Object.entries(t.undecidedWays).map(([value, label]) => ({ value, label }))}
          value={ifUndecided}
          onChange={(value) => setIfUndecided(value as 'keep' | 'revoke')}
          allowDeselect={false}
        />
        {start.error !== null && <ProblemAlert error={start.error} />}
        <Group justify="flex-end">
          <Button type="submit" loading={start.isPending}>
            {t.start}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
