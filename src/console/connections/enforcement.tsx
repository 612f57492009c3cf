/** Signing in by the identity provider only: what it takes, who gets in if that fails, and turning it on. */
import { Alert, Button, Group, List, Stack, Text, ThemeIcon } from '@mantine/core';
import { IconCheck, IconX } from '@tabler/icons-react';
import { useAnswer, useChange } from '../api/use-api.ts';
import { Answered } from '../parts/answered.tsx';
import { ConfirmedAction } from '../parts/confirmed-action.tsx';
import { ProblemAlert } from '../parts/problem.tsx';
import { Section } from '../parts/section.tsx';
import { text } from '../text/text.ts';
import { BreakGlass } from './break-glass.tsx';

const { enforcement: t } = text;

export function Enforcement() {
  const organization = useAnswer('get /api/v1/organizations/{organization}/', {});
  return (
    <Stack gap="lg">
      <Answered of={organization}>{({ enforceSso }) => <Switch enforced={enforceSso} />}</Answered>
      <BreakGlass />
    </Stack>
  );
}

function Switch({ enforced }: { readonly enforced: boolean }) {
  const change = useChange('patch /api/v1/organizations/{organization}/');
  if (enforced) {
    return (
      <Section title={t.enforced}>
        <Text size="sm">{t.enforcedHint}</Text>
        {change.error !== null && <ProblemAlert error={change.error} />}
        <Group>
          <Button
            variant="default"
            loading={change.isPending}
            onClick={() => change.mutate({ body: { enforceSso: false } })}
          >
            {t.allowPasswords}
          </Button>
        </Group>
      </Section>
    );
  }
  return (
    <Section title={t.title}>
      <Text size="sm">{t.hint}</Text>
      <Requirements />
      <Group>
        <ConfirmedAction
          label={t.enforce}
          title={t.enforceTitle}
          explanation={t.enforceHint}
          pending={change.isPending}
          error={change.error}
          button={{ color: 'indigo', variant: 'filled' }}
          onConfirm={(done) => change.mutate({ body: { enforceSso: true } }, { onSuccess: done })}
        />
      </Group>
    </Section>
  );
}

/** What the server asks before it enforces anything. */
function Requirements() {
  const connections = useAnswer('get /api/v1/organizations/{organization}/connections', {});
  const named = useAnswer('get /api/v1/organizations/{organization}/break-glass', {});
  const tested = connections.data?.connections.some((each) => each.enabled && each.tested) ?? false;
  const ready = named.data?.people.some(({ password, secondFactor }) => password && secondFactor) ?? false;
  if (!tested || !ready) {
    return (
      <Alert color="orange" title={t.lacking}>
        <List size="sm" spacing="xs">
          <Requirement met={tested} sentence={t.tested} />
          <Requirement met={ready} sentence={t.ready} />
        </List>
      </Alert>
    );
  }
  return null;
}

function Requirement({ met, sentence }: { readonly met: boolean; readonly sentence: string }) {
  return (
    <List.Item
      icon={
        <ThemeIcon
          size={20}
          radius="xl"
          variant="light"
          color={met ? 'teal' : 'red'}
          role="img"
          aria-label={met ? text.connections.holds : text.connections.fails}
        >
          {met ? <IconCheck size={14} /> : <IconX size={14} />}
        </ThemeIcon>
      }
    >
      {sentence}
    </List.Item>
  );
}
