/** Everybody, however many: found by name, role, team and state. */
import { Badge, Group, Select, Stack, Text, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { IconSearch, IconUsers } from '@tabler/icons-react';
import { useState } from 'react';
import { useNavigate } from 'react-router';
import type { Answer } from '../api/client.ts';
import { useAnswer, usePages } from '../api/use-api.ts';
import { Loading } from '../parts/answered.tsx';
import { type Column, DataTable } from '../parts/data-table.tsx';
import { EmptyState } from '../parts/empty-state.tsx';
import { Moment } from '../parts/moment.tsx';
import { Page } from '../parts/page.tsx';
import { ProblemAlert } from '../parts/problem.tsx';
import { text } from '../text/text.ts';
import { PersonStatus } from './person-status.tsx';

const { people: t } = text;
const LIST = 'get /api/v1/organizations/{organization}/people';
type Person = Answer<typeof LIST>['people'][number];

const COLUMNS: readonly Column<Person>[] = [
  {
    key: 'name',
    onPhone: true,
    title: t.name,
    width: '2fr',
    cell: ({ displayName, email }) => (
      <Stack gap={0}>
        <Text size="sm" truncate>
          {displayName || email}
        </Text>
        <Text size="xs" c="dimmed" truncate>
          {email}
        </Text>
      </Stack>
    ),
  },
  {
    key: 'roles',
    title: t.roles,
    width: '2fr',
    cell: ({ roles }) => (
      <Group gap={4} wrap="nowrap" title={roles.map(({ role, place }) => `${role} · ${place}`).join(', ')}>
        {roles.slice(0, 2).map(({ role, scopeId, source }) => (
          <Badge key={`${role} ${scopeId} ${source}`} variant="light" color="gray" tt="none">
            {role}
          </Badge>
        ))}
        {roles.length > 2 && <Text size="xs">+{roles.length - 2}</Text>}
      </Group>
    ),
  },
  { key: 'teams', title: t.teams, width: '1.5fr', cell: ({ teams }) => teams.map(({ name }) => name).join(', ') },
  {
    key: 'status',
    onPhone: true,
    title: t.status,
    width: '110px',
    cell: ({ status }) => <PersonStatus status={status} />,
  },
  { key: 'active', title: t.lastActive, width: '130px', cell: ({ lastActiveAt }) => <Moment at={lastActiveAt} /> },
];

export function PeopleList() {
  const navigate = useNavigate();
  const [typed, setTyped] = useState('');
  const [query] = useDebouncedValue(typed, 250);
  const [status, setStatus] = useState<string | null>('active');
  const [role, setRole] = useState<string | null>(null);
  const [team, setTeam] = useState<string | null>(null);
  const [sort, setSort] = useState<keyof typeof t.sorts>('email');
  const filter = {
    sort,
    limit: 500,
    ...(query && { query }),
    ...(status !== null && { status: status as Person['status'] }),
    ...(role !== null && { role }),
    ...(team !== null && { team }),
  };
  const pages = usePages(LIST, { query: filter }, ({ people }) => people);
  const { data: counted } = useAnswer(LIST, { query: { ...filter, limit: 1, count: 'true' } });
  return (
    <Page title={t.title} lead={counted?.total == null ? t.lead : t.counted(counted.total)}>
      <Stack>
        <Group align="flex-end">
          <TextInput
            label={t.find}
            placeholder={t.findHint}
            leftSection={<IconSearch size={16} />}
            value={typed}
            onChange={(event) => setTyped(event.currentTarget.value)}
            flex={1}
            miw={200}
          />
          <Select
            label={t.status}
            placeholder={t.every}
            data={Object.entries(t.statuses).map(([value, label]) => ({ value, label }))}
            value={status}
            onChange={setStatus}
            clearable
            w={150}
          />
          <Select
            label={t.sort}
            data={Object.entries(t.sorts).map(([value, label]) => ({ value, label }))}
            value={sort}
            onChange={(value) => setSort(value as typeof sort)}
            allowDeselect={false}
            w={190}
          />
          <RoleFilter value={role} onChange={setRole} />
          <TeamFilter value={team} onChange={setTeam} />
        </Group>
        {pages.error !== null && <ProblemAlert error={pages.error} retry={() => void pages.refetch()} />}
        {pages.isPending && <Loading lines={8} />}
        {pages.isSuccess && pages.rows.length === 0 && (
          <EmptyState icon={IconUsers} title={t.empty} hint={t.emptyHint} />
        )}
        {pages.rows.length > 0 && (
          <DataTable
            label={t.title}
            columns={COLUMNS}
            rows={pages.rows}
            rowKey={({ id }) => id}
            onOpen={({ id }) => void navigate(`/people/${id}`)}
            minWidth={760}
            more={{
              has: pages.hasNextPage,
              load: () => void pages.fetchNextPage(),
              loading: pages.isFetchingNextPage,
            }}
          />
        )}
      </Stack>
    </Page>
  );
}

interface FilterProps {
  readonly value: string | null;
  readonly onChange: (value: string | null) => void;
}

function RoleFilter({ value, onChange }: FilterProps) {
  const roles = useAnswer('get /api/v1/organizations/{organization}/roles', {}).data?.roles ?? [];
  const names = new Map(roles.map(({ role, label }) => [role, label]));
  const data = [...names].map(([role, label]) => ({ value: role, label }));
  return (
    <Select
      label={t.role}
      placeholder={t.every}
      data={data}
      value={value}
      onChange={onChange}
      clearable
      searchable
      w={170}
    />
  );
}

function TeamFilter({ value, onChange }: FilterProps) {
  const [typed, setTyped] = useState('');
  const [query] = useDebouncedValue(typed, 250);
  const groups = useAnswer('get /api/v1/organizations/{organization}/directory-groups', {
    query: { limit: 50, ...(query && { query }) },
  });
  const data = groups.data?.groups.map(({ id, name, directory }) => ({ value: id, label: `${name} (${directory})` }));
  return (
    <Select
      label={t.team}
      placeholder={t.every}
      data={data ?? []}
      value={value}
      onChange={onChange}
      onSearchChange={setTyped}
      clearable
      searchable
      w={190}
    />
  );
}
