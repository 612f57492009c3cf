/** Makes a directory: its kind, what the kind needs, the first ten people as they would come, and then it stands. */
import { Anchor, Button, Group, Select, Stack, TextInput } from '@mantine/core';
import { useState } from 'react';
import { Link, useNavigate } from 'react-router';
import type { Answer } from '../api/client.ts';
import { useAnswer, useChange } from '../api/use-api.ts';
import { Answered } from '../parts/answered.tsx';
import { freeName } from '../parts/free-name.ts';
import { Page } from '../parts/page.tsx';
import { ProblemAlert } from '../parts/problem.tsx';
import { SchemaForm, type Values } from '../parts/schema-form.tsx';
import { text } from '../text/text.ts';
import { Sample } from './sample.tsx';

const { directories: t } = text;
type Kind = Answer<'get /api/v1/organizations/{organization}/directory-kinds'>['kinds'][number];

export function NewDirectory() {
  const answer = useAnswer('get /api/v1/organizations/{organization}/directory-kinds', {});
  return (
    <Stack>
      <Anchor component={Link} to="/directories">
        {t.back}
      </Anchor>
      <Page title={t.newTitle} lead={t.newLead}>
        <Answered of={answer}>{({ kinds }) => <NewForm kinds={kinds} />}</Answered>
      </Page>
    </Stack>
  );
}

function NewForm({ kinds }: { readonly kinds: readonly Kind[] }) {
  const navigate = useNavigate();
  const known = useAnswer('get /api/v1/organizations/{organization}/directories', {});
  const [typed, setTyped] = useState<string>();
  const [kindName, setKindName] = useState<string>('scim');
  const [config, setConfig] = useState<Values>({});
  const [secrets, setSecrets] = useState<Values>({});
  const slug = typed ?? freeName(kindName, known.data?.directories.map((each) => each.slug) ?? []);
  const put = useChange('put /api/v1/organizations/{organization}/directories/{directory}');
  const kind = kinds.find((each) => each.kind === kindName);
  const body = { kind: kindName, ...(kind === undefined ? {} : { config, secrets }) };
  const choices = ['scim', ...kinds.map((each) => each.kind)];
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        put.mutate({ path: { directory: slug }, body }, { onSuccess: () => void navigate(`/directories/${slug}`) });
      }}
    >
      <Stack maw={640}>
        <TextInput
          label={t.slug}
          description={t.slugHint}
          value={slug}
          onChange={(event) => setTyped(event.currentTarget.value)}
          pattern="[a-z0-9][a-z0-9\-]*"
          required
        />
        <Select
          label={t.kind}
          data={choices.map((value) => ({ value, label: t.kinds[value as keyof typeof t.kinds] ?? value }))}
          value={kindName}
          onChange={(value) => {
            setKindName(value ?? 'scim');
            setConfig({});
            setSecrets({});
          }}
          allowDeselect={false}
          searchable
        />
        {kind !== undefined && (
          <>
            <SchemaForm schema={kind.config} values={config} onChange={setConfig} labels={t.fields} />
            <SchemaForm schema={kind.secrets} values={secrets} onChange={setSecrets} labels={t.fields} secret />
            <Sample directory={slug === '' ? 'new' : slug} body={body} />
          </>
        )}
        {put.error !== null && <ProblemAlert error={put.error} />}
        <Group>
          <Button type="submit" loading={put.isPending}>
            {t.create}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
