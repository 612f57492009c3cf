/** What went wrong, in the server's words: what, where, what to do; and the request's id, to be looked up in the log. */
import { Alert, Button, Code, List, Stack, Text } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';
import { ApiProblem } from '../api/client.ts';
import { text } from '../text/text.ts';

interface Told {
  readonly field?: string;
  readonly reason?: string;
}

export function ProblemAlert({ error, retry }: { readonly error: Error; readonly retry?: () => void }) {
  const problem = error instanceof ApiProblem ? error : undefined;
  const problems = (problem?.document['problems'] as readonly Told[] | undefined) ?? [];
  return (
    <Alert color="red" variant="light" icon={<IconAlertTriangle aria-hidden />} title={error.message} role="alert">
      <Stack gap="xs" align="flex-start">
        {problems.length > 1 && (
          <List size="sm">
            {problems.map(({ field, reason }) => (
              <List.Item key={`${field} ${reason}`}>{[field, reason].filter(Boolean).join(': ')}</List.Item>
            ))}
          </List>
        )}
        {problem?.remedy !== undefined && <Text size="sm">{problem.remedy}</Text>}
        {problem?.requestId && (
          <Text size="xs" c="dimmed">
            {text.parts.request} <Code>{problem.requestId}</Code>
          </Text>
        )}
        {retry !== undefined && (
          <Button size="xs" variant="default" onClick={retry}>
            {text.parts.retry}
          </Button>
        )}
      </Stack>
    </Alert>
  );
}
