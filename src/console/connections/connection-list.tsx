/** Every identity provider, and the set-up links that are still on their way. */
import { Button, Group, Stack, Text, Title } from '@mantine/core';
import { IconPlugConnected } from '@tabler/icons-react';
import { useNavigate } from 'react-router';
import { useAnswer, useChange } from '../api/use-api.ts';
import { Answered } from '../parts/answered.tsx';
import { type Column, DataTable } from '../parts/data-table.tsx';
import { EmptyState } from '../parts/empty-state.tsx';
import { inWords } from '../parts/moment.tsx';
import { ProblemAlert } from '../parts/problem.tsx';
import { text } from '../text/text.ts';
import { Connect } from './connect.tsx';
import { CertificateDays, type Connection, ConnectionState } from './connection-state.tsx';

const { connections: t } = text;

const COLUMNS: readonly Column<Connection>[] = [
  { key: 'name', onPhone: true, title: t.name, width: '2fr', cell: ({ name }) => name },
  { key: 'kind', title: t.kind, width: '1fr', cell: ({ kind }) => t.kinds[kind] },
  {
    key: 'domains',
    title: t.domains,
    width: '1.5fr',
    cell: ({ domains }) => (domains.length === 0 ? t.everyDomain : domains.join(', ')),
  },
  { key: 'certificate', title: t.certificate, width: '150px', cell: (each) => <CertificateDays connection={each} /> },
  { key: 'state', onPhone: true, title: t.state, width: '120px', cell: (each) => <ConnectionState {...each} /> },
];

export function ConnectionList() {
  const navigate = useNavigate();
  const answer = useAnswer('get /api/v1/organizations/{organization}/connections', {});
  return (
    <Stack gap="xl">
      <Answered of={answer}>
        {({ connections }) =>
          connections.length === 0 ? (
            <EmptyState icon={IconPlugConnected} title={t.empty} hint={t.emptyHint} action={<Connect />} />
          ) : (
            <DataTable
              label={t.providers}
              columns={COLUMNS}
              rows={connections}
              rowKey={({ id }) => id}
              onOpen={({ slug }) => void navigate(`/connections/${slug}`)}
            />
          )
        }
      </Answered>
      <SetUpLinks />
    </Stack>
  );
}

function SetUpLinks() {
  const answer = useAnswer('get /api/v1/organizations/{organization}/set-up-links', {});
  const revoke = useChange('delete /api/v1/organizations/{organization}/set-up-links/{link}');
  const links = answer.data?.setUpLinks ?? [];
  if (links.length === 0) return null;
  return (
    <Stack gap="sm">
      <Title order={2} size="h4">
        {t.links}
      </Title>
      {revoke.error !== null && <ProblemAlert error={revoke.error} />}
      {links.map(({ id, connection, provider, createdBy, expiresAt }) => (
        <Group key={id} justify="space-between">
          <Text>
            {connection}
            <Text span c="dimmed">
              {` · ${t.linkState(provider, createdBy, inWords(new Date(expiresAt)))}`}
            </Text>
          </Text>
          <Button size="xs" variant="default" onClick={() => revoke.mutate({ path: { link: id } })}>
            {t.revokeLink}
          </Button>
        </Group>
      ))}
    </Stack>
  );
}
