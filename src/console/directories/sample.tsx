/** The first few people as the source says them: whether the settings are right, before anything is stored. */
import { Alert, Button, Group, Stack, Table, Text } from '@mantine/core';
import { IconEye } from '@tabler/icons-react';
import { useChange } from '../api/use-api.ts';
import { ProblemAlert } from '../parts/problem.tsx';
import { text } from '../text/text.ts';

const { directories: t } = text;

export function Sample({ directory, body }: { readonly directory: string; readonly body: Record<string, unknown> }) {
  const sample = useChange('post /api/v1/organizations/{organization}/directories/{directory}/sample');
  return (
    <Stack>
      <Group>
        <Button
          variant="default"
          leftSection={<IconEye size={18} />}
          loading={sample.isPending}
          onClick={() => sample.mutate({ path: { directory }, body })}
        >
          {t.fetchTen}
        </Button>
      </Group>
      {sample.error !== null && <ProblemAlert error={sample.error} />}
      {sample.data !== undefined && (
        <Stack gap="xs">
          <Text size="sm">{t.fetched(sample.data.people.length)}</Text>
          <Table.ScrollContainer minWidth={520}>
            <Table>
              <Table.Thead>
                <Table.Tr>
                  {[t.key, t.email, t.name, t.active, t.groups].map((title) => (
                    <Table.Th key={title}>{title}</Table.Th>
                  ))}
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {sample.data.people.map(({ key, email, name, active, groups }) => (
                  <Table.Tr key={key}>
                    <Table.Td>{key}</Table.Td>
                    <Table.Td>{email}</Table.Td>
                    <Table.Td>{name}</Table.Td>
                    <Table.Td>{active ? t.yes : t.no}</Table.Td>
                    <Table.Td>{groups.join(', ')}</Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          </Table.ScrollContainer>
          {sample.data.bad.map(({ where, reason }) => (
            <Alert key={where} color="orange">{`${where}: ${reason}`}</Alert>
          ))}
        </Stack>
      )}
    </Stack>
  );
}
