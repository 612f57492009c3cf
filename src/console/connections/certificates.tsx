/** The certificates that sign what a SAML identity provider says, and where new ones come from. */
import { Alert, Badge, Button, Code, Group, Stack, Text } from '@mantine/core';
import { IconRefresh } from '@tabler/icons-react';
import { useChange } from '../api/use-api.ts';
import { inWords, Moment } from '../parts/moment.tsx';
import { ProblemAlert } from '../parts/problem.tsx';
import { text } from '../text/text.ts';
import type { Connection } from './connection-state.tsx';

const { connections: t } = text;
type Saml = Extract<Connection, { kind: 'saml' }>;

export function Certificates({ connection }: { readonly connection: Saml }) {
  const { slug: name, certificates, metadata, ownCertificates } = connection;
  return (
    <Stack>
      {certificates.map(({ fingerprint, notAfter, daysLeft }) => (
        <Group key={fingerprint} justify="space-between" wrap="nowrap">
          <Code>{fingerprint.slice(0, 16)}…</Code>
          <Text size="sm">
            {t.endsOn} <Moment at={notAfter} />
          </Text>
          <Badge miw="max-content" variant="light" color={daysLeft <= 7 ? 'red' : daysLeft <= 30 ? 'orange' : 'teal'}>
            {t.daysLeft(daysLeft)}
          </Badge>
        </Group>
      ))}
      {metadata === null ? (
        <Text c="dimmed" size="sm">
          {t.metadataByHand}
        </Text>
      ) : (
        <Metadata connection={name} metadata={metadata} />
      )}
      {ownCertificates.length > 0 && (
        <Text size="sm" c="dimmed">
          {t.ownCertificates(ownCertificates.length)}
        </Text>
      )}
    </Stack>
  );
}

interface MetadataProps {
  readonly connection: string;
  readonly metadata: NonNullable<Saml['metadata']>;
}

function Metadata({ connection, metadata }: MetadataProps) {
  const { url, readAt, nextAt, failure, waiting } = metadata;
  const refresh = useChange('post /api/v1/organizations/{organization}/connections/{connection}/metadata/refresh');
  const approve = useChange('post /api/v1/organizations/{organization}/connections/{connection}/metadata/approve');
  const path = { connection };
  return (
    <Stack gap="xs">
      <Text size="sm" style={{ overflowWrap: 'anywhere' }}>
        {url}
      </Text>
      <Group justify="space-between">
        <Text size="sm" c="dimmed">
          {t.readAgain} <Moment at={readAt} />, {t.nextReading(inWords(new Date(nextAt)))}
        </Text>
        <Button
          size="xs"
          variant="default"
          leftSection={<IconRefresh size={16} />}
          loading={refresh.isPending}
          onClick={() => refresh.mutate({ path })}
        >
          {t.readNow}
        </Button>
      </Group>
      {failure !== null && <Alert color="orange">{failure}</Alert>}
      {waiting !== null && (
        <Alert color="orange" title={t.otherEntity}>
          <Stack align="flex-start" gap="xs">
            <Text size="sm">{t.otherEntityHint(waiting.entityId)}</Text>
            <Button size="xs" color="orange" onClick={() => approve.mutate({ path })} loading={approve.isPending}>
              {t.trustOther}
            </Button>
          </Stack>
        </Alert>
      )}
      {(refresh.error ?? approve.error) !== null && <ProblemAlert error={(refresh.error ?? approve.error) as Error} />}
    </Stack>
  );
}
