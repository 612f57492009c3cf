/** Attempts to sign in of the last seven days, each with its checks: what was wanted, what came, and who can mend it. */
import { Accordion, Badge, Group, List, SegmentedControl, Stack, Text, ThemeIcon } from '@mantine/core';
import { IconCheck, IconLogin2, IconX } from '@tabler/icons-react';
import { useState } from 'react';
import type { Answer } from '../api/client.ts';
import { useAnswer } from '../api/use-api.ts';
import { Answered } from '../parts/answered.tsx';
import { EmptyState } from '../parts/empty-state.tsx';
import { Moment } from '../parts/moment.tsx';
import { text } from '../text/text.ts';
import classes from './traces.module.css';

const { connections: t } = text;
type Trace = Answer<'get /api/v1/organizations/{organization}/sign-in-traces'>['traces'][number];

interface TracesProps {
  readonly connection?: string;
  /** Whether the latest is open until somebody chooses another. */
  readonly latestOpen?: boolean;
}

export function Traces({ connection, latestOpen = false }: TracesProps) {
  const [chosen, setChosen] = useState<string | null>();
  const [outcome, setOutcome] = useState<'' | Trace['outcome']>('');
  const answer = useAnswer(
    'get /api/v1/organizations/{organization}/sign-in-traces',
    { query: { limit: 50, ...(connection && { connection }), ...(outcome && { outcome }) } },
    { every: 5000 },
  );
  return (
    <Stack>
      <SegmentedControl
        aria-label={t.outcome}
        value={outcome}
        onChange={(value) => setOutcome(value as typeof outcome)}
        data={[{ value: '', label: t.all }, ...Object.entries(t.outcomes).map(([value, label]) => ({ value, label }))]}
      />
      <Answered of={answer}>
        {({ traces }) =>
          traces.length === 0 ? (
            <EmptyState icon={IconLogin2} title={t.noAttempts} hint={t.noAttemptsHint} />
          ) : (
            <Accordion
              variant="separated"
              chevronPosition="left"
              value={chosen === undefined && latestOpen ? (traces[0]?.id ?? null) : (chosen ?? null)}
              onChange={setChosen}
            >
              {traces.map((trace) => (
                <Attempt key={trace.id} trace={trace} />
              ))}
            </Accordion>
          )
        }
      </Answered>
    </Stack>
  );
}

function Attempt({ trace }: { readonly trace: Trace }) {
  const { id, outcome, at, connection, sentence, said, steps } = trace;
  const who = said as { email?: string; name?: string; groups?: string[] } | null;
  const good = outcome === 'signed_in' || outcome === 'tested';
  return (
    <Accordion.Item value={id}>
      <Accordion.Control>
        <Group justify="space-between">
          <Group gap="sm">
            <Badge variant="light" color={good ? 'teal' : 'red'}>
              {t.outcomes[outcome]}
            </Badge>
            <Text size="sm">{who?.email ?? (good ? '' : sentence)}</Text>
          </Group>
          <Text size="sm" c="dimmed">
            {connection} · <Moment at={at} />
          </Text>
        </Group>
      </Accordion.Control>
      <Accordion.Panel>
        <Stack gap="sm">
          {!good && <Text>{sentence}</Text>}
          {who !== null && <Text size="sm">{t.said(who.name ?? '', who.email ?? '', who.groups ?? [])}</Text>}
          <List spacing={6} size="sm">
            {steps.filter(({ passed }) => !passed).map(listed)}
          </List>
          <List spacing={6} size="sm" className={classes['checks']}>
            {steps.filter(({ passed }) => passed).map(listed)}
          </List>
        </Stack>
      </Accordion.Panel>
    </Accordion.Item>
  );
}

const listed = (step: Trace['steps'][number], at: number) => <Step key={`${step.check} ${at}`} step={step} />;

function Step({
  step: { check, passed, sentence, remedy, wanted, got, mender },
}: {
  readonly step: Trace['steps'][number];
}) {
  return (
    <List.Item
      icon={
        <ThemeIcon
          size={20}
          radius="xl"
          variant="light"
          color={passed ? 'teal' : 'red'}
          role="img"
          aria-label={passed ? t.holds : t.fails}
        >
          {passed ? <IconCheck size={14} /> : <IconX size={14} />}
        </ThemeIcon>
      }
    >
      <Text span fw={passed ? 400 : 600} size="sm">
        {check}
      </Text>
      {!passed && (
        <Text size="sm">
          {sentence} {remedy} {mender !== undefined && t.mendedBy(mender)}
        </Text>
      )}
      {(wanted !== undefined || got !== undefined) && (
        <Text size="xs" c="dimmed" style={{ overflowWrap: 'anywhere' }}>
          {t.compared(wanted ?? '', got ?? '')}
        </Text>
      )}
    </List.Item>
  );
}
