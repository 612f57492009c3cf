/** How it stands: what needs a person now, and what happened in the last day. */
import { Alert, Anchor, Badge, Card, Group, SimpleGrid, Stack, Text, Title } from '@mantine/core';
import { IconAlertTriangle, IconCircleCheck } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import { Link } from 'react-router';
import { useAnswer } from '../api/use-api.ts';
import { CertificateDays, ConnectionState } from '../connections/connection-state.tsx';
import { CaseState } from '../offboarding/case-state.tsx';
import { Answered, Loading } from '../parts/answered.tsx';
import { Moment } from '../parts/moment.tsx';
import { Page } from '../parts/page.tsx';
import { RunStatus } from '../runs/run-status.tsx';
import { useSession } from '../session/session.tsx';
import { text } from '../text/text.ts';
import { FirstSteps, useFirstSteps } from './first-steps.tsx';
import { LastDay } from './last-day.tsx';

const { overview: t } = text;
const EVERY = { every: 15_000 };

export default function OverviewScreen() {
  const { may } = useSession();
  const steps = useFirstSteps();
  if (steps === undefined) {
    return (
      <Page title={t.title} lead={t.lead}>
        <Loading lines={10} />
      </Page>
    );
  }
  return (
    <Page title={t.title} lead={t.lead}>
      <FirstSteps steps={steps} />
      {may('directories') && <HeldPlans />}
      <SimpleGrid cols={{ base: 1, md: 2 }} spacing="lg">
        {may('connections') && <Connections />}
        {may('directories') && <Directories />}
        {may('audit') && <Cases />}
        {may('people') && <Warnings />}
      </SimpleGrid>
      {may('audit') && <LastDay />}
    </Page>
  );
}

interface TileProps {
  readonly title: string;
  readonly to: string;
  readonly children: ReactNode;
}

function Tile({ title, to, children }: TileProps) {
  return (
    <Card withBorder padding="lg" mih={{ base: 0, md: 180 }} component="section" aria-label={title}>
      <Stack gap="sm">
        <Group justify="space-between">
          <Title order={2} size="h5">
            {title}
          </Title>
          <Anchor component={Link} to={to} size="sm" aria-label={t.allOf(title)}>
            {t.all}
          </Anchor>
        </Group>
        {children}
      </Stack>
    </Card>
  );
}

function Row({ name, to, children }: { readonly name: string; readonly to: string; readonly children: ReactNode }) {
  return (
    <Group justify="space-between" wrap="nowrap" gap="sm">
      <Anchor component={Link} to={to} c="inherit" truncate size="sm">
        {name}
      </Anchor>
      <Group gap="xs" wrap="nowrap">
        {children}
      </Group>
    </Group>
  );
}

function Nothing({ children }: { readonly children: ReactNode }) {
  return (
    <Text c="dimmed" size="sm">
      {children}
    </Text>
  );
}

function HeldPlans() {
  const answer = useAnswer('get /api/v1/organizations/{organization}/runs', { query: { status: 'held' } }, EVERY);
  const held = answer.data?.runs ?? [];
  return held.map(({ id, directory, guards }) => (
    <Alert key={id} color="orange" icon={<IconAlertTriangle aria-hidden />} title={t.held(directory ?? '')}>
      <Stack gap="xs" align="flex-start">
        <Text size="sm">{guards.map(({ reason }) => reason).join('; ')}</Text>
        <Anchor component={Link} to={`/runs/${id}`} size="sm" c="inherit" td="underline">
          {t.lookAtPlan}
        </Anchor>
      </Stack>
    </Alert>
  ));
}

function Connections() {
  const answer = useAnswer('get /api/v1/organizations/{organization}/connections', {}, EVERY);
  return (
    <Tile title={text.connections.title} to="/connections">
      <Answered of={answer} lines={2}>
        {({ connections }) => (
          <>
            {connections.length === 0 && <Nothing>{text.connections.empty}</Nothing>}
            {connections.slice(0, 6).map((connection) => (
              <Row key={connection.id} name={connection.name} to={`/connections/${connection.slug}`}>
                <CertificateDays connection={connection} />
                <ConnectionState {...connection} />
              </Row>
            ))}
          </>
        )}
      </Answered>
    </Tile>
  );
}

function Directories() {
  const answer = useAnswer('get /api/v1/organizations/{organization}/directories', {}, EVERY);
  return (
    <Tile title={text.directories.title} to="/directories">
      <Answered of={answer} lines={2}>
        {({ directories }) => {
          const own = directories.filter(({ kind }) => kind !== 'login');
          return (
            <>
              {own.length === 0 && <Nothing>{text.directories.empty}</Nothing>}
              {own.slice(0, 6).map(({ id, slug, name, lastRun, nextRunAt, quarantinedUntil }) => (
                <Row key={id} name={name} to={`/directories/${slug}`}>
                  {quarantinedUntil !== null && (
                    <Badge variant="light" color="red">
                      {text.directories.quarantined}
                    </Badge>
                  )}
                  {lastRun !== null && <RunStatus run={lastRun} />}
                  {nextRunAt !== null && (
                    <Text size="xs" c="dimmed">
                      {t.next} <Moment at={nextRunAt} />
                    </Text>
                  )}
                </Row>
              ))}
            </>
          );
        }}
      </Answered>
    </Tile>
  );
}

function Cases() {
  const answer = useAnswer('get /api/v1/organizations/{organization}/offboarding-cases', {}, EVERY);
  return (
    <Tile title={t.openCases} to="/offboarding">
      <Answered of={answer} lines={2}>
        {({ cases }) => {
          const open = cases.filter(({ closedAt }) => closedAt === null);
          return (
            <>
              {open.length === 0 && (
                <Group gap="xs" wrap="nowrap">
                  <IconCircleCheck size={18} aria-hidden style={{ flex: 'none' }} />
                  <Nothing>{t.nothingOpen}</Nothing>
                </Group>
              )}
              {open.slice(0, 6).map((each) => (
                <Row key={each.id} name={each.email} to={`/offboarding/${each.id}`}>
                  <CaseState of={each} />
                </Row>
              ))}
            </>
          );
        }}
      </Answered>
    </Tile>
  );
}

function Warnings() {
  const answer = useAnswer('get /api/v1/organizations/{organization}/warnings', {}, EVERY);
  return (
    <Tile title={t.warnings} to="/people">
      <Answered of={answer} lines={2}>
        {({ warnings }) => (
          <>
            {warnings.length === 0 && <Nothing>{t.noWarnings}</Nothing>}
            {warnings.slice(0, 6).map(({ code, about, message }) => (
              <Group key={`${code} ${about}`} gap="xs" wrap="nowrap" align="flex-start">
                <IconAlertTriangle size={18} aria-hidden style={{ flex: 'none', marginTop: 2 }} />
                <Text size="sm">{message}</Text>
              </Group>
            ))}
          </>
        )}
      </Answered>
    </Tile>
  );
}
