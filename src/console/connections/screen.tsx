/** Identity providers by which people sign in. */
import { Badge } from '@mantine/core';
import { IconPlugConnected } from '@tabler/icons-react';
import type { Answer } from '../api/client.ts';
import { useAnswer } from '../api/use-api.ts';
import { Answered } from '../parts/answered.tsx';
import { type Column, DataTable } from '../parts/data-table.tsx';
import { EmptyState } from '../parts/empty-state.tsx';
import { Page } from '../parts/page.tsx';
import { text } from '../text/text.ts';

const { connections: t } = text;
type Connection = Answer<'get /api/v1/organizations/{organization}/connections'>['connections'][number];

const COLUMNS: readonly Column<Connection>[] = [
  { key: 'name', title: t.name, width: '2fr', cell: ({ name }) => name },
  { key: 'kind', title: t.kind, width: '1fr', cell: ({ kind }) => (kind === 'saml' ? 'SAML 2.0' : 'OpenID Connect') },
  {
    key: 'state',
    title: t.state,
    width: '120px',
    cell: ({ enabled }) => (
      <Badge variant="light" color={enabled ? 'teal' : 'gray'}>
        {enabled ? t.enabled : t.disabled}
      </Badge>
    ),
  },
];

export default function ConnectionsScreen() {
  const answer = useAnswer('get /api/v1/organizations/{organization}/connections', {});
  return (
    <Page title={t.title} lead={t.lead}>
      <Answered of={answer}>
        {({ connections }) =>
          connections.length === 0 ? (
            <EmptyState icon={IconPlugConnected} title={t.empty} hint={t.emptyHint} />
          ) : (
            <DataTable label={t.title} columns={COLUMNS} rows={connections} rowKey={({ id }) => id} />
          )
        }
      </Answered>
    </Page>
  );
}
