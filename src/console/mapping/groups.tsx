/** The groups that directories name, with what is made of them already; a click begins a rule. */
import { ActionIcon, Badge, Group, Stack, Text, TextInput, Title, Tooltip } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { IconPlus, IconSearch } from '@tabler/icons-react';
import { useState } from 'react';
import { Link } from 'react-router';
import { usePages } from '../api/use-api.ts';
import { Loading } from '../parts/answered.tsx';
import { type Column, DataTable } from '../parts/data-table.tsx';
import { ProblemAlert } from '../parts/problem.tsx';
import { text } from '../text/text.ts';

const { mapping: t } = text;
const LIST = 'get /api/v1/organizations/{organization}/directory-groups';
interface Shown {
  readonly id: string;
  readonly name: string;
  readonly directory: string;
  readonly members: number;
  readonly rules: readonly string[];
}

const COLUMNS: readonly Column<Shown>[] = [
  {
    key: 'name',
    title: t.group,
    width: '1fr',
    cell: ({ name, directory, members }) => (
      <Stack gap={0}>
        <Text size="sm" truncate>
          {name}
        </Text>
        <Text size="xs" c="dimmed" truncate>
          {t.groupOf(directory, members)}
        </Text>
      </Stack>
    ),
  },
  {
    key: 'rules',
    title: '',
    width: '84px',
    cell: ({ name, directory, rules }) => (
      <Group gap="xs" justify="flex-end" wrap="nowrap">
        {rules.length > 0 && (
          <Tooltip label={rules.join(', ')}>
            <Badge variant="light">{rules.length}</Badge>
          </Tooltip>
        )}
        <ActionIcon
          component={Link}
          to={`/mapping/new?${new URLSearchParams({ group: name, directory })}`}
          variant="light"
          aria-label={t.ruleFor(name)}
        >
          <IconPlus size={16} />
        </ActionIcon>
      </Group>
    ),
  },
];

export function Groups() {
  const [typed, setTyped] = useState('');
  const [query] = useDebouncedValue(typed, 250);
  const pages = usePages(LIST, { query: { limit: 100, ...(query && { query }) } }, ({ groups }) => groups);
  return (
    <Stack>
      <Title order={2} size="h4">
        {t.groups}
      </Title>
      <TextInput
        aria-label={t.findGroup}
        placeholder={t.findGroup}
        leftSection={<IconSearch size={16} />}
        value={typed}
        onChange={(event) => setTyped(event.currentTarget.value)}
      />
      {pages.error !== null && <ProblemAlert error={pages.error} />}
      {pages.isPending && <Loading />}
      {pages.isSuccess && pages.rows.length === 0 && <Text c="dimmed">{t.noGroups}</Text>}
      {pages.rows.length > 0 && (
        <DataTable
          label={t.groups}
          columns={COLUMNS}
          rows={pages.rows}
          rowKey={({ id }) => id}
          minWidth={240}
          more={{ has: pages.hasNextPage, load: () => void pages.fetchNextPage(), loading: pages.isFetchingNextPage }}
        />
      )}
    </Stack>
  );
}
