/** When a directory is pulled, how long whoever is missing is kept, which plans are held for a person, and where it reads. */
import { Button, Group, NumberInput, Stack, TextInput, Title } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useState } from 'react';
import { useAnswer, useChange } from '../api/use-api.ts';
import { Answered } from '../parts/answered.tsx';
import { ProblemAlert } from '../parts/problem.tsx';
import { SchemaForm, type Values } from '../parts/schema-form.tsx';
import { text } from '../text/text.ts';
import type { Directory } from './directory-list.tsx';
import { Sample } from './sample.tsx';

const { directories: t } = text;

export function DirectorySettings({ directory }: { readonly directory: Directory }) {
  const kinds = useAnswer('get /api/v1/organizations/{organization}/directory-kinds', {});
  const put = useChange('put /api/v1/organizations/{organization}/directories/{directory}');
  const { slug, kind, name, schedule, spreadMinutes, timeZone, graceDays } = directory;
  const [times, setTimes] = useState({ name, schedule: schedule ?? '', spreadMinutes, timeZone, graceDays });
  const [config, setConfig] = useState(directory.config as Values);
  const [guards, setGuards] = useState(directory.guards as Values);
  const [secrets, setSecrets] = useState<Values>({});
  const body = {
    kind,
    ...times,
    schedule: times.schedule.trim() === '' ? null : times.schedule.trim(),
    config,
    guards,
    ...(Object.keys(secrets).length === 0 ? {} : { secrets }),
  };
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        put.mutate(
          { path: { directory: slug }, body },
          { onSuccess: () => notifications.show({ message: text.connections.saved, color: 'teal' }) },
        );
      }}
    >
      <Stack maw={640}>
        <TextInput
          label={t.name}
          value={times.name}
          onChange={(event) => setTimes({ ...times, name: event.currentTarget.value })}
          required
        />
        <TextInput
          label={t.schedule}
          description={t.scheduleHint}
          placeholder="0 3 * * *"
          value={times.schedule}
          onChange={(event) => setTimes({ ...times, schedule: event.currentTarget.value })}
        />
        <Group grow>
          <TextInput
            label={t.timeZone}
            value={times.timeZone}
            onChange={(event) => setTimes({ ...times, timeZone: event.currentTarget.value })}
          />
          <NumberInput
            label={t.spread}
            min={0}
            max={720}
            value={times.spreadMinutes}
            onChange={(value) => setTimes({ ...times, spreadMinutes: Number(value) })}
          />
          <NumberInput
            label={t.grace}
            min={0}
            max={90}
            value={times.graceDays}
            onChange={(value) => setTimes({ ...times, graceDays: Number(value) })}
          />
        </Group>
        <Title order={2} size="h4">
          {t.guards}
        </Title>
        <Guards values={guards} onChange={setGuards} />
        <Title order={2} size="h4">
          {t.source}
        </Title>
        <Answered of={kinds}>
          {({ kinds: all }) => {
            const found = all.find((each) => each.kind === kind);
            return (
              found !== undefined && (
                <Stack>
                  <SchemaForm schema={found.config} values={config} onChange={setConfig} labels={t.fields} />
                  <SchemaForm schema={found.secrets} values={secrets} onChange={setSecrets} labels={t.fields} secret />
                  <Sample directory={slug} body={body} />
                </Stack>
              )
            );
          }}
        </Answered>
        {put.error !== null && <ProblemAlert error={put.error} />}
        <Group>
          <Button type="submit" loading={put.isPending}>
            {text.connections.save}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

/** The usual bounds stand as placeholders; what is left empty is as usual. */
function Guards({ values, onChange }: { readonly values: Values; readonly onChange: (values: Values) => void }) {
  return (
    <Group grow align="flex-end">
      {Object.entries(t.guardFields).map(([name, label]) => (
        <NumberInput
          key={name}
          label={label}
          min={0}
          step={name.endsWith('Share') || name === 'maxFeedShrink' ? 0.05 : 1}
          value={(values[name] as number | undefined) ?? ''}
          onChange={(value) => {
            const { [name]: _, ...rest } = values;
            onChange(value === '' ? rest : { ...rest, [name]: Number(value) });
          }}
        />
      ))}
    </Group>
  );
}
