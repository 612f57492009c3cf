/** What a new organization does first, in order, each step with where it is done; gone when all of it has happened. */
import { Anchor, Badge, Button, Card, Group, Stack, Text, ThemeIcon, Title } from '@mantine/core';
import { useLocalStorage } from '@mantine/hooks';
import { IconCheck } from '@tabler/icons-react';
import { Link } from 'react-router';
import { useAnswer } from '../api/use-api.ts';
import { type Area, useSession } from '../session/session.tsx';
import { text } from '../text/text.ts';

const { firstSteps: t } = text;
const AREAS: readonly Area[] = ['connections', 'organization', 'directories', 'mapping', 'audit'];

interface FirstStep {
  readonly name: keyof typeof t.steps;
  readonly to: string;
  readonly done: boolean;
}

/** The steps for whoever may do all of them; undefined until it is known which are done. */
export function useFirstSteps(): readonly FirstStep[] | undefined {
  const session = useSession();
  const enabled = AREAS.every(session.may);
  const connections = useAnswer('get /api/v1/organizations/{organization}/connections', {}, { enabled });
  const domains = useAnswer('get /api/v1/organizations/{organization}/domains', {}, { enabled });
  const directories = useAnswer('get /api/v1/organizations/{organization}/directories', {}, { enabled });
  const rules = useAnswer('get /api/v1/organizations/{organization}/mapping-rules', {}, { enabled });
  const cases = useAnswer('get /api/v1/organizations/{organization}/offboarding-cases', {}, { enabled });
  if (!enabled || [connections, domains, directories, rules, cases].some(({ isError }) => isError)) return [];
  if (!connections.data || !domains.data || !directories.data || !rules.data || !cases.data) return undefined;

  const own = directories.data.directories.filter(({ kind }) => kind !== 'login');
  const pulled = own.filter(({ kind }) => kind !== 'scim');
  const idle = pulled.find(({ lastRun }) => lastRun?.status !== 'applied');
  return [
    { name: 'connect', to: '/connections', done: connections.data.connections.some((each) => each.enabled) },
    {
      name: 'prove',
      to: '/connections/domains',
      done: domains.data.domains.some(({ verifiedAt }) => verifiedAt !== null),
    },
    { name: 'directory', to: own.length === 0 ? '/directories/new' : '/directories', done: own.length > 0 },
    {
      name: 'run',
      to: idle === undefined ? '/directories' : `/directories/${idle.slug}`,
      done: own.length > 0 && (pulled.length === 0 || pulled.some(({ lastRun }) => lastRun?.status === 'applied')),
    },
    { name: 'map', to: '/mapping', done: rules.data.mappingRules.length > 0 },
    { name: 'leave', to: '/people', done: cases.data.cases.length > 0 },
  ];
}

export function FirstSteps({ steps }: { readonly steps: readonly FirstStep[] }) {
  const [hidden, setHidden] = useLocalStorage({ key: 'drawbridge-first-steps-hidden', defaultValue: false });
  const next = steps.find(({ done }) => !done);
  if (hidden || next === undefined) return null;
  return (
    <Card withBorder padding="lg" component="section" aria-label={t.title}>
      <Stack gap="sm">
        <Group justify="space-between">
          <Title order={2} size="h5">
            {t.title}
          </Title>
          <Button size="xs" variant="subtle" color="gray" onClick={() => setHidden(true)}>
            {t.hide}
          </Button>
        </Group>
        <Stack component="ol" gap="sm" m={0} p={0} style={{ listStyle: 'none' }}>
          {steps.map((step) => (
            <Step key={step.name} step={step} isNext={step === next} />
          ))}
        </Stack>
      </Stack>
    </Card>
  );
}

function Step({ step: { name, to, done }, isNext }: { readonly step: FirstStep; readonly isNext: boolean }) {
  const { title, hint } = t.steps[name];
  return (
    <Group component="li" gap="sm" wrap="nowrap" align="flex-start">
      <ThemeIcon
        size={22}
        radius="xl"
        variant={done ? 'light' : 'default'}
        color="teal"
        role="img"
        aria-label={done ? t.done : t.open}
      >
        {done && <IconCheck size={14} />}
      </ThemeIcon>
      <Stack gap={0}>
        <Group gap="xs">
          <Anchor component={Link} to={to} size="sm" fw={isNext ? 600 : 400} {...(done && { c: 'dimmed' })}>
            {title}
          </Anchor>
          {isNext && (
            <Badge variant="light" size="sm">
              {t.next}
            </Badge>
          )}
        </Group>
        {isNext && (
          <Text size="sm" c="dimmed">
            {hint}
          </Text>
        )}
      </Stack>
    </Group>
  );
}
