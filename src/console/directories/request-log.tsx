/** What the identity provider has asked within seven days, what was answered, and what it changed. */
import { Accordion, Badge, Code, Group, Stack, Text } from '@mantine/core';
import { IconListDetails } from '@tabler/icons-react';
import type { Answer } from '../api/client.ts';
import { useAnswer } from '../api/use-api.ts';
import { Answered } from '../parts/answered.tsx';
import { EmptyState } from '../parts/empty-state.tsx';
import { Moment } from '../parts/moment.tsx';
import { text } from '../text/text.ts';

const { directories: t } = text;
const LIST = 'get /api/v1/organizations/{organization}/directories/{directory}/requests';
type LoggedRequest = Answer<typeof LIST>['requests'][number];

const COLOURS = { read: 'gray', changed: 'teal', unchanged: 'gray', refused: 'orange', failed: 'red' } as const;

export function RequestLog({ directory }: { readonly directory: string }) {
  const answer = useAnswer(LIST, { path: { directory }, query: { limit: 100 } }, { every: 5000 });
  return (
    <Answered of={answer}>
      {({ requests }) =>
        requests.length === 0 ? (
          <EmptyState icon={IconListDetails} title={t.noRequests} hint={t.noRequestsHint} />
        ) : (
          <Accordion variant="separated" chevronPosition="left">
            {requests.map((request) => (
              <LoggedItem key={request.id} request={request} />
            ))}
          </Accordion>
        )
      }
    </Answered>
  );
}

function LoggedItem({ request }: { readonly request: LoggedRequest }) {
  const { id, at, method, path, status, outcome, tookMs, because, changed, ignored, request: asked, answer } = request;
  return (
    <Accordion.Item value={id}>
      <Accordion.Control>
        <Group justify="space-between">
          <Group gap="sm">
            <Badge variant="light" color={COLOURS[outcome]}>
              {t.outcomes[outcome]}
            </Badge>
            <Text size="sm" ff="monospace">
              {method} {path}
            </Text>
          </Group>
          <Text size="sm" c="dimmed">
            {status} · {Math.round(tookMs)} ms · <Moment at={at} />
          </Text>
        </Group>
      </Accordion.Control>
      <Accordion.Panel>
        <Stack gap="xs">
          {because !== null && <Text size="sm">{because}</Text>}
          {changed.length > 0 && <Text size="sm">{t.changed(changed.join(', '))}</Text>}
          {ignored.length > 0 && <Text size="sm">{t.ignored(ignored.join(', '))}</Text>}
          {asked !== null && <Code block>{asked}</Code>}
          {answer !== null && <Code block>{answer}</Code>}
        </Stack>
      </Accordion.Panel>
    </Accordion.Item>
  );
}
