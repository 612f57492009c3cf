/** The audit log: who did what, when, on what, with which outcome. */
import { Button, Group, Menu, Select, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { IconDownload, IconHistory } from '@tabler/icons-react';
import { useInfiniteQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { call, request } from '../api/client.ts';
import { Loading } from '../parts/answered.tsx';
import { EmptyState } from '../parts/empty-state.tsx';
import { Page } from '../parts/page.tsx';
import { ProblemAlert } from '../parts/problem.tsx';
import { text } from '../text/text.ts';
import { EventTable } from './event-table.tsx';

const { audit: t } = text;
const LIST = 'get /api/v1/organizations/{organization}/audit-events';
const EXPORT = 'get /api/v1/organizations/{organization}/audit-events/export';
const NOTHING = { user: '', action: '', resourceType: '', outcome: '', from: '', to: '' };

export default function AuditScreen() {
  const [filter, setFilter] = useState(NOTHING);
  const [settled] = useDebouncedValue(filter, 300);
  const asked = askedOf(settled);
  const pages = useInfiniteQuery({
    queryKey: [LIST, asked],
    queryFn: ({ pageParam, signal }) =>
      call(LIST, { query: { ...asked, limit: 100, ...(pageParam !== 0 && { cursor: pageParam }) } }, signal),
    initialPageParam: 0,
    getNextPageParam: ({ next }) => next ?? undefined,
  });
  const events = pages.data?.pages.flatMap((page) => page.events) ?? [];
  const set = (more: Partial<typeof NOTHING>) => setFilter((before) => ({ ...before, ...more }));
  return (
    <Page title={t.title} lead={t.lead} actions={<Export asked={asked} />}>
      <Group align="flex-end">
        {(['user', 'action', 'resourceType'] as const).map((name) => (
          <TextInput
            key={name}
            label={t.filters[name]}
            value={filter[name]}
            onChange={(event) => set({ [name]: event.currentTarget.value })}
            flex={1}
            miw={140}
          />
        ))}
        <Select
          label={t.outcome}
          placeholder={t.every}
          data={['success', 'failure', 'denied']}
          value={filter.outcome === '' ? null : filter.outcome}
          onChange={(outcome) => set({ outcome: outcome ?? '' })}
          clearable
          w={130}
        />
        {(['from', 'to'] as const).map((name) => (
          <TextInput
            key={name}
            type="date"
            label={t.filters[name]}
            value={filter[name]}
            onChange={(event) => set({ [name]: event.currentTarget.value })}
            w={150}
          />
        ))}
      </Group>
      {pages.error !== null && <ProblemAlert error={pages.error} />}
      {pages.isPending && <Loading lines={8} />}
      {pages.isSuccess && events.length === 0 && <EmptyState icon={IconHistory} title={t.empty} hint={t.emptyHint} />}
      {events.length > 0 && (
        <EventTable
          events={events}
          more={{ has: pages.hasNextPage, load: () => void pages.fetchNextPage(), loading: pages.isFetchingNextPage }}
        />
      )}
    </Page>
  );
}

type Asked = ReturnType<typeof askedOf>;

/** Days are whole: until the end of the last one. */
function askedOf({ user, action, resourceType, outcome, from, to }: typeof NOTHING) {
  return {
    ...(user.trim() && { user: user.trim() }),
    ...(action.trim() && { action: action.trim() }),
    ...(resourceType.trim() && { resourceType: resourceType.trim() }),
    ...(outcome && { outcome: outcome as 'success' | 'failure' | 'denied' }),
    ...(from && { from: new Date(`${from}T00:00:00`).toISOString() }),
    ...(to && { to: new Date(`${to}T23:59:59.999`).toISOString() }),
  };
}

function Export({ asked }: { readonly asked: Asked }) {
  const [failed, setFailed] = useState<Error>();
  const [busy, setBusy] = useState(false);
  const save = async (format: 'csv' | 'ndjson' | 'ocsf') => {
    setBusy(true);
    setFailed(undefined);
    try {
      const response = await request(EXPORT, { query: { ...asked, format } });
      const link = document.createElement('a');
      link.href = URL.createObjectURL(await response.blob());
      link.download = `audit.${format === 'csv' ? 'csv' : 'ndjson'}`;
      link.click();
      URL.revokeObjectURL(link.href);
    } catch (error) {
      setFailed(error as Error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <>
      {failed !== undefined && <ProblemAlert error={failed} />}
      <Menu position="bottom-end">
        <Menu.Target>
          <Button variant="default" leftSection={<IconDownload size={18} />} loading={busy}>
            {t.export}
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          {(['csv', 'ndjson', 'ocsf'] as const).map((format) => (
            <Menu.Item key={format} onClick={() => void save(format)}>
              {t.formats[format]}
            </Menu.Item>
          ))}
        </Menu.Dropdown>
      </Menu>
    </>
  );
}
