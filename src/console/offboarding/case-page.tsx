/** One case: each access that existed, how it ended, and the proof from elsewhere. */
import { Anchor, Badge, Button, Code, Group, List, SimpleGrid, Stack, Table, Text } from '@mantine/core';
import { IconPrinter } from '@tabler/icons-react';
import { Link, useParams } from 'react-router';
import { useAnswer, useChange } from '../api/use-api.ts';
import { Answered } from '../parts/answered.tsx';
import { exactly, Moment } from '../parts/moment.tsx';
import { Page } from '../parts/page.tsx';
import { ProblemAlert } from '../parts/problem.tsx';
import { Section } from '../parts/section.tsx';
import { useSession } from '../session/session.tsx';
import { text } from '../text/text.ts';
import { type Case, CaseState } from './case-state.tsx';

const { offboarding: t } = text;

export function CasePage() {
  const { id = '' } = useParams();
  const answer = useAnswer(
    'get /api/v1/organizations/{organization}/offboarding-cases/{case}',
    { path: { case: id } },
    { every: 3000 },
  );
  return (
    <Stack>
      <Anchor component={Link} to="/offboarding">
        {t.back}
      </Anchor>
      <Answered of={answer} lines={8}>
        {(found) => <Shown of={found} />}
      </Answered>
    </Stack>
  );
}

function Shown({ of }: { readonly of: Case }) {
  const { email, userId, reason, trigger, triggeredAt, openedAt, closedAt, ended, steps } = of;
  const { organization } = useSession();
  return (
    <Page
      title={email}
      lead={`${reason} (${trigger})`}
      actions={
        <>
          <CaseState of={of} />
          <Button
            component="a"
            href={`/api/v1/organizations/${organization.id}/offboarding-cases/${of.id}/evidence?format=page`}
            target="_blank"
            rel="noreferrer"
            variant="default"
            leftSection={<IconPrinter size={18} />}
          >
            {t.evidence}
          </Button>
          <Button component={Link} to={`/people/${userId}`} variant="default">
            {t.thePerson}
          </Button>
        </>
      }
    >
      <SimpleGrid cols={{ base: 1, lg: 2 }} spacing="lg">
        <Section title={t.times}>
          <Table>
            <Table.Tbody>
              {(
                [
                  [t.triggeredAt, triggeredAt],
                  [t.endedHere, openedAt],
                  [t.lastProof, closedAt],
                ] as const
              ).map(([label, at]) => (
                <Table.Tr key={label}>
                  <Table.Th>{label}</Table.Th>
                  <Table.Td>{at === null ? t.stillOpen : exactly(at)}</Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Section>
        <Section title={t.endedAtOnce}>
          <List size="sm" spacing={4}>
            {t.counts(ended).map((line) => (
              <List.Item key={line}>{line}</List.Item>
            ))}
            {ended.memberships.map(({ role, scope, scopeId, source }) => (
              <List.Item key={`${role} ${scopeId} ${source}`}>{t.membership(role, scope, source)}</List.Item>
            ))}
            {ended.apiKeys.map(({ id, display, kind, end }) => (
              <List.Item key={id}>{t.key(display, kind, end)}</List.Item>
            ))}
          </List>
        </Section>
      </SimpleGrid>
      <Section title={t.steps}>
        {steps.length === 0 ? (
          <Text c="dimmed">{t.noSteps}</Text>
        ) : (
          <Stack>
            {steps.map((step) => (
              <Step key={step.id} of={of} step={step} />
            ))}
          </Stack>
        )}
      </Section>
    </Page>
  );
}

const STATES: Readonly<Record<string, string>> = {
  delivered: 'teal',
  done: 'teal',
  revoked: 'teal',
  already_gone: 'teal',
  unsupported: 'gray',
  needs_human: 'red',
};

function Step({ of, step }: { readonly of: Case; readonly step: Case['steps'][number] }) {
  const { id, kind, target, state, attempts, nextAttemptAt, lastError, proof, finishedAt } = step;
  const retry = useChange('post /api/v1/organizations/{organization}/offboarding-cases/{case}/steps/{step}/retry');
  return (
    <Stack gap={4}>
      <Group justify="space-between">
        <Group gap="sm">
          <Badge variant="light" color={STATES[state] ?? 'orange'} tt="none">
            {t.states[state as keyof typeof t.states] ?? state}
          </Badge>
          <Text size="sm">
            {kind} {target !== null && `· ${target}`}
          </Text>
        </Group>
        <Group gap="sm">
          <Text size="sm" c="dimmed">
            {t.tries(attempts)} {finishedAt !== null && <Moment at={finishedAt} />}
            {finishedAt === null && nextAttemptAt !== null && state !== 'needs_human' && (
              <>
                · {t.next} <Moment at={nextAttemptAt} />
              </>
            )}
          </Text>
          {state === 'needs_human' && (
            <Button
              size="xs"
              loading={retry.isPending}
              onClick={() => retry.mutate({ path: { case: of.id, step: id } })}
            >
              {t.retry}
            </Button>
          )}
        </Group>
      </Group>
      {lastError !== null && (
        <Text size="sm" c="red.8">
          {lastError}
        </Text>
      )}
      {retry.error !== null && <ProblemAlert error={retry.error} />}
      {proof !== null && <Code block>{JSON.stringify(proof, null, 2)}</Code>}
    </Stack>
  );
}
