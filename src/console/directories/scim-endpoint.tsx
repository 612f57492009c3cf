/** Where an identity provider pushes to, and the tokens with which it does: two are good at a time, so that one can be replaced. */
import { Alert, Badge, Button, Card, Group, Stack, Table, Text, Title } from '@mantine/core';
import { IconKey } from '@tabler/icons-react';
import { useAnswer, useChange } from '../api/use-api.ts';
import { Answered } from '../parts/answered.tsx';
import { Copy } from '../parts/copy.tsx';
import { Moment } from '../parts/moment.tsx';
import { ProblemAlert } from '../parts/problem.tsx';
import { text } from '../text/text.ts';
import type { Directory } from './directory-list.tsx';

const { directories: t } = text;

export function ScimEndpoint({ directory: { id, slug } }: { readonly directory: Directory }) {
  const path = { directory: slug };
  const tokens = useAnswer('get /api/v1/organizations/{organization}/directories/{directory}/tokens', { path });
  const issue = useChange('post /api/v1/organizations/{organization}/directories/{directory}/tokens');
  const revoke = useChange('delete /api/v1/organizations/{organization}/directories/{directory}/tokens/{token}');
  const error = issue.error ?? revoke.error;
  return (
    <Stack>
      <Card withBorder>
        <Copy label={t.baseUrl} value={`${location.origin}/scim/v2/${id}`} />
      </Card>
      <Group justify="space-between">
        <Title order={2} size="h4">
          {t.tokens}
        </Title>
        <Button
          leftSection={<IconKey size={18} />}
          loading={issue.isPending}
          onClick={() => issue.mutate({ path, body: {} })}
        >
          {t.newToken}
        </Button>
      </Group>
      {issue.data !== undefined && (
        <Alert color="indigo" title={t.tokenOnce}>
          <Copy label={t.token} value={issue.data.token} />
        </Alert>
      )}
      {error !== null && <ProblemAlert error={error} />}
      <Answered of={tokens}>
        {({ tokens: list }) =>
          list.length === 0 ? (
            <Text c="dimmed">{t.noTokens}</Text>
          ) : (
            <Table>
              <Table.Thead>
                <Table.Tr>
                  <Table.Th>{t.made}</Table.Th>
                  <Table.Th>{t.lastUse}</Table.Th>
                  <Table.Th>{t.state}</Table.Th>
                  <Table.Th aria-label={t.revoke} />
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {list.map((token) => (
                  <Table.Tr key={token.id}>
                    <Table.Td>
                      <Moment at={token.createdAt} />
                    </Table.Td>
                    <Table.Td>
                      <Moment at={token.lastUsedAt} />
                    </Table.Td>
                    <Table.Td>
                      <Badge variant="light" color={token.valid ? 'teal' : 'gray'}>
                        {token.valid ? t.valid : t.ended}
                      </Badge>
                    </Table.Td>
                    <Table.Td>
                      {token.valid && (
                        <Button
                          size="xs"
                          variant="subtle"
                          color="red"
                          onClick={() => revoke.mutate({ path: { ...path, token: token.id } })}
                        >
                          {t.revoke}
                        </Button>
                      )}
                    </Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          )
        }
      </Answered>
    </Stack>
  );
}
