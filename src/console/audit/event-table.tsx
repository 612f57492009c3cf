/** Audit events: when, who, what, on what, with which outcome; a click tells the rest. */
import { Badge, Code, Drawer, Stack, Table, Text } from '@mantine/core';
import { useState } from 'react';
import type { Answer } from '../api/client.ts';
import { type Column, DataTable } from '../parts/data-table.tsx';
import { exactly, Moment } from '../parts/moment.tsx';
import { text } from '../text/text.ts';

const { audit: t } = text;
export type AuditEvent = Answer<'get /api/v1/organizations/{organization}/audit-events'>['events'][number];

const OUTCOMES: Readonly<Record<string, string>> = { success: 'teal', failure: 'red', denied: 'orange' };

const COLUMNS: readonly Column<AuditEvent>[] = [
  { key: 'at', onPhone: true, title: t.at, width: '130px', cell: ({ at }) => <Moment at={at} /> },
  { key: 'actor', title: t.actor, width: '1.3fr', cell: ({ actorLabel }) => actorLabel },
  { key: 'action', onPhone: true, title: t.action, width: '1.3fr', cell: ({ action }) => action },
  {
    key: 'resource',
    title: t.resource,
    width: '1.6fr',
    cell: ({ resourceType, resourceId, detail }) => resourceText(resourceType, resourceId, detail),
  },
  {
    key: 'outcome',
    title: t.outcome,
    width: '100px',
    cell: ({ outcome }) => (
      <Badge variant="light" color={OUTCOMES[outcome] ?? 'gray'}>
        {outcome}
      </Badge>
    ),
  },
];

interface EventTableProps {
  readonly events: readonly AuditEvent[];
  readonly more?: { readonly has: boolean; readonly load: () => void; readonly loading: boolean };
}

export function EventTable({ events, more }: EventTableProps) {
  const [opened, setOpened] = useState<AuditEvent>();
  return (
    <>
      <DataTable
        label={t.title}
        columns={COLUMNS}
        rows={events}
        rowKey={({ id }) => String(id)}
        rowHeight={42}
        minWidth={720}
        onOpen={setOpened}
        {...(more === undefined ? {} : { more })}
      />
      <Drawer
        opened={opened !== undefined}
        onClose={() => setOpened(undefined)}
        title={opened?.action ?? ''}
        position="right"
        size="lg"
      >
        {opened !== undefined && <Whole event={opened} />}
      </Drawer>
    </>
  );
}

function Whole({ event }: { readonly event: AuditEvent }) {
  const { at, actorLabel, actorKind, resourceType, resourceId, outcome, reason, requestId, address, detail } = event;
  const rows = [
    [t.at, exactly(at)],
    [t.actor, `${actorLabel} (${actorKind})`],
    [t.resource, `${resourceType} ${resourceId}`],
    [t.outcome, outcome],
    [t.reason, reason],
    [t.request, requestId ?? ''],
    [t.address, address ?? ''],
  ];
  return (
    <Stack>
      <Table>
        <Table.Tbody>
          {rows.map(([label, value]) => (
            <Table.Tr key={label}>
              <Table.Th w={110}>{label}</Table.Th>
              <Table.Td style={{ overflowWrap: 'anywhere' }}>{value}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
      <Text size="sm" fw={600}>
        {t.detail}
      </Text>
      <Code block>{JSON.stringify(detail, null, 2)}</Code>
    </Stack>
  );
}

/** By a name that people know, where the event tells one. */
function resourceText(type: string, id: string, detail: unknown): string {
  const told = (detail ?? {}) as { email?: string; slug?: string; name?: string };
  return `${type} ${told.email ?? told.slug ?? told.name ?? id}`;
}
