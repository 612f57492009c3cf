/** What somebody holds that opens something: sessions, keys, tokens, and as whom they sign in. */
import { Badge, Button, SimpleGrid, Stack, Table, Text } from '@mantine/core';
import type { ReactNode } from 'react';
import { useChange } from '../api/use-api.ts';
import { Moment } from '../parts/moment.tsx';
import { ProblemAlert } from '../parts/problem.tsx';
import { Section } from '../parts/section.tsx';
import { text } from '../text/text.ts';
import type { Person } from './person-page.tsx';

const { people: t } = text;

export function Credentials({ person }: { readonly person: Person }) {
  const { identities, apps, apiKeys, oauthTokens } = person;
  return (
    <SimpleGrid cols={{ base: 1, lg: 2 }} spacing="lg">
      <Sessions person={person} />
      <Section title={t.identities}>
        <Rows
          empty={t.noIdentities}
          head={[t.connection, t.subject, t.lastSignIn]}
          rows={identities.map(({ connection, subject, lastSignInAt }) => [
            connection,
            <Text key="s" size="sm" style={{ overflowWrap: 'anywhere' }}>
              {subject}
            </Text>,
            <Moment key="l" at={lastSignInAt} />,
          ])}
        />
      </Section>
      <Section title={t.apiKeys}>
        <Rows
          empty={t.noKeys}
          head={[t.name, t.kind, t.lastUsed, t.status]}
          rows={apiKeys.map(({ name, display, kind, lastUsedAt, revokedAt }) => [
            <Text key="n" size="sm">
              {name}{' '}
              <Text span c="dimmed" size="xs">
                {display}
              </Text>
            </Text>,
            kind,
            <Moment key="u" at={lastUsedAt} />,
            <Badge key="r" variant="light" color={revokedAt === null ? 'teal' : 'gray'}>
              {revokedAt === null ? t.alive : t.ended}
            </Badge>,
          ])}
        />
      </Section>
      <Section title={t.tokens}>
        <Rows
          empty={t.noTokens}
          head={[t.provider, t.since, t.status]}
          rows={[
            ...oauthTokens.map(({ provider, createdAt, lockedAt }) => [
              provider,
              <Moment key="c" at={createdAt} />,
              <Badge key="l" variant="light" color={lockedAt === null ? 'teal' : 'gray'}>
                {lockedAt === null ? t.alive : t.ended}
              </Badge>,
            ]),
            ...apps.map(({ client, since }) => [client, <Moment key="s" at={since} />, t.signedIn]),
          ]}
        />
      </Section>
    </SimpleGrid>
  );
}

function Sessions({ person: { id, sessions } }: { readonly person: Person }) {
  const end = useChange('delete /api/v1/organizations/{organization}/people/{user}/sessions');
  return (
    <Section
      title={t.sessions}
      actions={
        sessions.length > 0 && (
          <Button
            size="xs"
            variant="default"
            loading={end.isPending}
            onClick={() => end.mutate({ path: { user: id } })}
          >
            {t.signOutEverywhere}
          </Button>
        )
      }
    >
      <Stack gap="xs">
        {end.error !== null && <ProblemAlert error={end.error} />}
        <Rows
          empty={t.noSessions}
          head={[t.by_, t.since, t.lastSeen]}
          rows={sessions.map(({ authenticatedBy, connection, startedAt, lastSeenAt }) => [
            connection ?? authenticatedBy,
            <Moment key="s" at={startedAt} />,
            <Moment key="l" at={lastSeenAt} />,
          ])}
        />
      </Stack>
    </Section>
  );
}

interface RowsProps {
  readonly empty: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly ReactNode[])[];
}

function Rows({ empty, head, rows }: RowsProps) {
  if (rows.length === 0) return <Text c="dimmed">{empty}</Text>;
  return (
    <Table.ScrollContainer minWidth={360}>
      <Table>
        <Table.Thead>
          <Table.Tr>
            {head.map((title) => (
              <Table.Th key={title}>{title}</Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {rows.map((row, at) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: rows of a list that is only read
            <Table.Tr key={at}>
              {row.map((cell, column) => (
                <Table.Td key={head[column]}>{cell}</Table.Td>
              ))}
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}
