/** One run: live while it goes, then its plan, change by change with the reason of each; a held one waits here for approval. */
import { Alert, Anchor, Button, Card, Group, Progress, Select, Stack, Text } from '@mantine/core';
import { IconCheck, IconTrash } from '@tabler/icons-react';
import { useState } from 'react';
import { Link, useParams } from 'react-router';
import { useChange } from '../api/use-api.ts';
import { Answered } from '../parts/answered.tsx';
import { Moment } from '../parts/moment.tsx';
import { Page } from '../parts/page.tsx';
import { ProblemAlert } from '../parts/problem.tsx';
import { text } from '../text/text.ts';
import { Changes } from './changes.tsx';
import { countsInWords, kindInWords } from './counts.ts';
import type { Run } from './run-list.tsx';
import { RunStatus } from './run-status.tsx';
import { useRun } from './use-run.ts';

const { runs: t } = text;

export function RunPage() {
  const { id = '' } = useParams();
  const answer = useRun(id);
  return (
    <Stack>
      <Anchor component={Link} to="/runs">
        {t.back}
      </Anchor>
      <Answered of={answer} lines={8}>
        {(run) => <Shown run={run} />}
      </Answered>
    </Stack>
  );
}

function Shown({ run }: { readonly run: Run }) {
  const { id, directory, status, counts, guards, error, startedAt, progress } = run;
  const waits = status === 'held' || status === 'planned';
  return (
    <Page
      title={directory === null ? t.ofRules : t.of(directory)}
      lead={
        <>
          <RunStatus run={run} /> <Moment at={startedAt} />
        </>
      }
      actions={waits && <Decide run={id} />}
    >
      {progress !== null && <Live progress={progress} />}
      {error !== null && (
        <Alert color="red" title={t.failed}>
          {error}
        </Alert>
      )}
      {guards.length > 0 && (
        <Alert color="orange" title={t.held}>
          {guards.map(({ guard, reason }) => (
            <Text key={guard} size="sm">
              {reason}
            </Text>
          ))}
        </Alert>
      )}
      {status !== 'staging' && (
        <>
          <Text fw={600}>{countsInWords(counts)}</Text>
          <Plan run={id} counts={counts} />
        </>
      )}
    </Page>
  );
}

function Live({ progress: { phase, records, expected } }: { readonly progress: NonNullable<Run['progress']> }) {
  const share = phase !== 'reading' ? 100 : expected === 0 ? 0 : Math.min(100, (records / expected) * 100);
  return (
    <Card withBorder>
      <Stack gap="xs">
        <Text>{t.phases[phase](records, expected)}</Text>
        <Progress value={share} animated aria-label={t.progress} />
      </Stack>
    </Card>
  );
}

function Decide({ run }: { readonly run: string }) {
  const approve = useChange('post /api/v1/organizations/{organization}/runs/{run}/approve');
  const discard = useChange('post /api/v1/organizations/{organization}/runs/{run}/discard');
  const error = approve.error ?? discard.error;
  return (
    <Stack gap="xs" align="flex-end">
      <Group gap="sm">
        <Button
          variant="default"
          leftSection={<IconTrash size={18} />}
          loading={discard.isPending}
          onClick={() => discard.mutate({ path: { run } })}
        >
          {t.discard}
        </Button>
        <Button
          leftSection={<IconCheck size={18} />}
          loading={approve.isPending}
          onClick={() => approve.mutate({ path: { run } })}
        >
          {t.approve}
        </Button>
      </Group>
      {error !== null && <ProblemAlert error={error} />}
    </Stack>
  );
}

function Plan({ run, counts }: { readonly run: string; readonly counts: Run['counts'] }) {
  const [kind, setKind] = useState<string | null>(null);
  const kinds = Object.keys(counts);
  if (kinds.length === 0) return null;
  return (
    <Stack>
      <Select
        label={t.show}
        placeholder={t.everything}
        data={kinds.map((value) => ({ value, label: `${kindInWords(value)} (${counts[value]})` }))}
        value={kind}
        onChange={setKind}
        clearable
        maw={320}
      />
      <Changes run={run} kind={kind} />
    </Stack>
  );
}
