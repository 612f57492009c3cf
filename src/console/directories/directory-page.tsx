/** One directory: run it, see how its runs went, its SCIM endpoint and tokens, its schedule and guards. */
import { Alert, Anchor, Button, Group, Stack, Tabs, Text } from '@mantine/core';
import { IconPlayerPlay, IconSearch } from '@tabler/icons-react';
import { Link, useNavigate, useParams } from 'react-router';
import { useAnswer, useChange } from '../api/use-api.ts';
import { Answered } from '../parts/answered.tsx';
import { Moment } from '../parts/moment.tsx';
import { Page } from '../parts/page.tsx';
import { ProblemAlert } from '../parts/problem.tsx';
import { RunList } from '../runs/run-list.tsx';
import { text } from '../text/text.ts';
import type { Directory } from './directory-list.tsx';
import { DirectorySettings } from './directory-settings.tsx';
import { RequestLog } from './request-log.tsx';
import { ScimEndpoint } from './scim-endpoint.tsx';

const { directories: t } = text;

export function DirectoryPage() {
  const { slug = '' } = useParams();
  const answer = useAnswer('get /api/v1/organizations/{organization}/directories/{directory}', {
    path: { directory: slug },
  });
  return (
    <Stack>
      <Anchor component={Link} to="/directories">
        {t.back}
      </Anchor>
      <Answered of={answer} lines={8}>
        {(directory) => <Shown key={directory.id} directory={directory} />}
      </Answered>
    </Stack>
  );
}

function Shown({ directory }: { readonly directory: Directory }) {
  const { slug, name, kind, nextRunAt, quarantinedUntil, failures, lastRun } = directory;
  const pushed = kind === 'scim';
  return (
    <Page
      title={name}
      lead={
        <>
          {t.kinds[kind as keyof typeof t.kinds] ?? kind}
          {!pushed && (
            <>
              {' · '}
              {t.nextRun}: <Moment at={nextRunAt} absent={t.noSchedule} />
            </>
          )}
        </>
      }
      actions={!pushed && <RunNow directory={slug} />}
    >
      {quarantinedUntil !== null && (
        <Quarantine directory={slug} failures={failures} until={quarantinedUntil} error={lastRun?.error ?? null} />
      )}
      <Tabs defaultValue={pushed ? 'endpoint' : 'runs'} keepMounted={false}>
        <Tabs.List mb="lg">
          {pushed && <Tabs.Tab value="endpoint">{t.endpoint}</Tabs.Tab>}
          {pushed && <Tabs.Tab value="requests">{t.requests}</Tabs.Tab>}
          {!pushed && <Tabs.Tab value="runs">{t.runs}</Tabs.Tab>}
          {!pushed && <Tabs.Tab value="settings">{t.settings}</Tabs.Tab>}
        </Tabs.List>
        <Tabs.Panel value="endpoint">
          <ScimEndpoint directory={directory} />
        </Tabs.Panel>
        <Tabs.Panel value="requests">
          <RequestLog directory={slug} />
        </Tabs.Panel>
        <Tabs.Panel value="runs">
          <RunList directory={slug} />
        </Tabs.Panel>
        <Tabs.Panel value="settings">
          <DirectorySettings directory={directory} />
        </Tabs.Panel>
      </Tabs>
    </Page>
  );
}

function RunNow({ directory }: { readonly directory: string }) {
  const navigate = useNavigate();
  const run = useChange('post /api/v1/organizations/{organization}/directories/{directory}/runs');
  const start = (mode: 'plan' | 'run') =>
    run.mutate(
      { path: { directory }, body: { mode, wait: false } },
      { onSuccess: ({ id }) => void navigate(`/runs/${id}`) },
    );
  return (
    <Stack gap="xs" align="flex-end">
      <Group gap="sm">
        <Button
          variant="default"
          leftSection={<IconSearch size={18} />}
          loading={run.isPending}
          onClick={() => start('plan')}
        >
          {t.plan}
        </Button>
        <Button leftSection={<IconPlayerPlay size={18} />} loading={run.isPending} onClick={() => start('run')}>
          {t.runNow}
        </Button>
      </Group>
      {run.error !== null && <ProblemAlert error={run.error} />}
    </Stack>
  );
}

interface QuarantineProps {
  readonly directory: string;
  readonly failures: number;
  readonly until: string;
  readonly error: string | null;
}

function Quarantine({ directory, failures, until, error }: QuarantineProps) {
  const lift = useChange('delete /api/v1/organizations/{organization}/directories/{directory}/quarantine');
  return (
    <Alert color="red" title={t.quarantinedTitle(failures)}>
      <Stack align="flex-start" gap="xs">
        {error !== null && <Text size="sm">{error}</Text>}
        <Text size="sm">
          {t.askedAgain} <Moment at={until} />
        </Text>
        <Button
          size="xs"
          color="red"
          variant="light"
          loading={lift.isPending}
          onClick={() => lift.mutate({ path: { directory } })}
        >
          {t.askNow}
        </Button>
      </Stack>
    </Alert>
  );
}
