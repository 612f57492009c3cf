/** The organization's settings: how people sign in, what newcomers get, how long sessions last. */
import { Button, Group, NumberInput, Stack, Switch, TextInput } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useState } from 'react';
import type { Answer, Given } from '../api/client.ts';
import { useAnswer, useChange } from '../api/use-api.ts';
import { Answered } from '../parts/answered.tsx';
import { DefaultRole } from '../parts/default-role.tsx';
import { Page } from '../parts/page.tsx';
import { ProblemAlert } from '../parts/problem.tsx';
import { Section } from '../parts/section.tsx';
import { text } from '../text/text.ts';

const { settings: t } = text;
const READ = 'get /api/v1/organizations/{organization}/';
const PATCH = 'patch /api/v1/organizations/{organization}/';
type Organization = Answer<typeof READ>;
type Changes = Given<typeof PATCH>['body'];

export default function SettingsScreen() {
  const answer = useAnswer(READ, {});
  return (
    <Page title={t.title} lead={t.lead}>
      <Answered of={answer} lines={8}>
        {(organization) => <Form organization={organization} />}
      </Answered>
    </Page>
  );
}

function Form({ organization }: { readonly organization: Organization }) {
  const [changes, setChanges] = useState<Changes>({});
  const [acknowledged, setAcknowledged] = useState(false);
  const save = useChange(PATCH);
  const shown = { ...organization, ...changes };
  const set = (more: Changes) => setChanges((before) => ({ ...before, ...more }));
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        save.mutate(
          { body: { ...changes, acknowledgeAdministrativeDefault: acknowledged } },
          {
            onSuccess: () => {
              setChanges({});
              notifications.show({ message: text.connections.saved, color: 'teal' });
            },
          },
        );
      }}
    >
      <Stack gap="lg" maw={680}>
        <Section title={t.organization}>
          <TextInput
            label={t.name}
            value={shown.name}
            onChange={(event) => set({ name: event.currentTarget.value })}
            required
          />
          <TextInput
            label={t.timeZone}
            value={shown.timeZone}
            onChange={(event) => set({ timeZone: event.currentTarget.value })}
            required
          />
        </Section>
        <Section title={t.signIn}>
          <Switch
            label={t.enforceSso}
            description={t.enforceSsoHint}
            checked={shown.enforceSso}
            onChange={(event) => set({ enforceSso: event.currentTarget.checked })}
          />
          <Switch
            label={t.justInTime}
            description={t.justInTimeHint}
            checked={shown.justInTime}
            onChange={(event) => set({ justInTime: event.currentTarget.checked })}
          />
          <DefaultRole
            value={shown.defaultRole}
            saved={organization.defaultRole}
            hint={t.defaultRoleHint}
            acknowledged={acknowledged}
            onChange={(defaultRole) => set({ defaultRole })}
            onAcknowledge={setAcknowledged}
          />
        </Section>
        <Section title={t.sessions}>
          <Group grow>
            <NumberInput
              label={t.idle}
              min={1}
              value={shown.sessionIdleMinutes}
              onChange={(value) => set({ sessionIdleMinutes: Number(value) })}
            />
            <NumberInput
              label={t.absolute}
              min={1}
              value={shown.sessionAbsoluteMinutes}
              onChange={(value) => set({ sessionAbsoluteMinutes: Number(value) })}
            />
          </Group>
        </Section>
        <Section title={t.leavers}>
          <Switch
            label={t.tellOfLeavers}
            description={t.tellOfLeaversHint}
            checked={shown.tellOfLeavers}
            onChange={(event) => set({ tellOfLeavers: event.currentTarget.checked })}
          />
        </Section>
        {save.error !== null && <ProblemAlert error={save.error} />}
        <Group>
          <Button type="submit" loading={save.isPending} disabled={Object.keys(changes).length === 0}>
            {text.connections.save}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
