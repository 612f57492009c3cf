/** One rule: when somebody is in this group or has this attribute, then this role there. Its plan is seen before it is saved. */
import { Anchor, Button, Checkbox, Group, NumberInput, Select, SimpleGrid, Stack, TextInput } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useState } from 'react';
import { Link, useNavigate, useParams, useSearchParams } from 'react-router';
import { useAnswer, useChange } from '../api/use-api.ts';
import { Answered } from '../parts/answered.tsx';
import { freeName, shortName } from '../parts/free-name.ts';
import { Page } from '../parts/page.tsx';
import { ProblemAlert } from '../parts/problem.tsx';
import { text } from '../text/text.ts';
import { ConditionBuilder } from './condition-builder.tsx';
import { Preview } from './preview.tsx';
import type { Rule } from './rule-list.tsx';
import { scopeKey, scopeOf } from './scope.ts';
import { useScopes } from './use-scopes.ts';

const { mapping: t } = text;
const PUT = 'put /api/v1/organizations/{organization}/mapping-rules/{rule}';
const DELETE = 'delete /api/v1/organizations/{organization}/mapping-rules/{rule}';

export function RuleEditor() {
  const { slug } = useParams();
  return (
    <Stack>
      <Anchor component={Link} to="/mapping">
        {t.back}
      </Anchor>
      {slug === undefined ? <New /> : <Existing slug={slug} />}
    </Stack>
  );
}

function New() {
  const [query] = useSearchParams();
  const group = query.get('group');
  return (
    <Form
      rule={{
        slug: '',
        directory: query.get('directory'),
        group,
        groupBy: 'name',
        condition: null,
        effect: 'grant',
        scope: 'organization',
        role: null,
        position: 100,
        enabled: true,
      }}
    />
  );
}

function Existing({ slug }: { readonly slug: string }) {
  const answer = useAnswer('get /api/v1/organizations/{organization}/mapping-rules/{rule}', { path: { rule: slug } });
  return <Answered of={answer}>{({ id: _, gives: __, ...rule }) => <Form key={slug} rule={rule} exists />}</Answered>;
}

type Draft = Omit<Rule, 'id' | 'gives'>;

function Form({ rule, exists = false }: { readonly rule: Draft; readonly exists?: boolean }) {
  const navigate = useNavigate();
  const [said, setSaid] = useState(rule);
  const directories = useAnswer('get /api/v1/organizations/{organization}/directories', {});
  const scopes = useScopes();
  const preview = useChange(PUT);
  const save = useChange(PUT);
  const remove = useChange(DELETE);
  const known = useAnswer('get /api/v1/organizations/{organization}/mapping-rules', {});
  const draft = exists ? said : completed(said, scopes.options, known.data?.mappingRules ?? []);
  const { slug, ...body } = draft;
  // What is saved is what was looked at.
  const set = (more: Partial<Draft>) => {
    setSaid((before) => ({ ...before, ...more }));
    preview.reset();
  };
  const path = { rule: slug };
  const done = (message: string) => {
    notifications.show({ message, color: 'teal' });
    void navigate('/mapping');
  };
  const error = preview.error ?? save.error ?? remove.error;
  return (
    <Page title={exists ? slug : t.newTitle} lead={t.editorLead}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          preview.mutate({ path, query: { preview: 'true' }, body });
        }}
      >
        <Stack maw={720}>
          {!exists && (
            <TextInput
              label={t.slug}
              description={t.slugHint}
              value={slug}
              onChange={(event) => set({ slug: event.currentTarget.value })}
              pattern="[a-z0-9][a-z0-9\-]*"
              required
            />
          )}
          <Select
            label={t.directory}
            placeholder={t.anyDirectory}
            data={directories.data?.directories.map((each) => ({ value: each.slug, label: each.name })) ?? []}
            value={draft.directory}
            onChange={(directory) => set({ directory })}
            clearable
          />
          <Group align="flex-end">
            <TextInput
              label={t.group}
              value={draft.group ?? ''}
              onChange={(event) => set({ group: event.currentTarget.value === '' ? null : event.currentTarget.value })}
              flex={1}
            />
            <Select
              label={t.groupBy}
              data={Object.entries(t.groupBys).map(([value, label]) => ({ value, label }))}
              value={draft.groupBy}
              onChange={(value) => set({ groupBy: value as Draft['groupBy'] })}
              allowDeselect={false}
              w={170}
            />
          </Group>
          <ConditionBuilder condition={draft.condition} onChange={(condition) => set({ condition })} />
          <SimpleGrid cols={{ base: 1, xs: 3 }}>
            <Select
              label={t.effect}
              data={Object.entries(t.effects).map(([value, label]) => ({ value, label }))}
              value={draft.effect}
              onChange={(value) => set({ effect: value as Draft['effect'] })}
              allowDeselect={false}
            />
            <Select
              label={t.scope}
              data={scopes.options}
              value={scopeKey(draft.scope)}
              onChange={(value) => set({ scope: scopeOf(value ?? 'organization'), role: null })}
              allowDeselect={false}
              searchable
            />
            <Select
              label={t.role}
              data={scopes.rolesAt(draft.scope)}
              value={draft.role}
              onChange={(role) => set({ role })}
              required={draft.effect === 'grant'}
              clearable={draft.effect === 'deny'}
            />
          </SimpleGrid>
          <Group align="flex-end">
            <NumberInput
              label={t.position}
              description={t.positionHint}
              min={0}
              value={draft.position}
              onChange={(value) => set({ position: Number(value) })}
            />
            <Checkbox
              label={t.enabled}
              checked={draft.enabled}
              onChange={(event) => set({ enabled: event.currentTarget.checked })}
              mb={8}
            />
          </Group>
          {error !== null && <ProblemAlert error={error} />}
          <Group>
            <Button type="submit" variant="default" loading={preview.isPending}>
              {t.showPlan}
            </Button>
            <Button
              loading={save.isPending}
              disabled={preview.data === undefined}
              onClick={() => save.mutate({ path, body }, { onSuccess: () => done(text.connections.saved) })}
            >
              {text.connections.save}
            </Button>
            {exists && (
              <Button
                color="red"
                variant="subtle"
                loading={remove.isPending}
                onClick={() => remove.mutate({ path }, { onSuccess: () => done(t.removed) })}
              >
                {t.remove}
              </Button>
            )}
          </Group>
          {preview.data !== undefined && 'preview' in preview.data && <Preview answer={preview.data} />}
        </Stack>
      </form>
    </Page>
  );
}

/** A new rule, at a place where there are roles and with a name, until something else is said. */
function completed(said: Draft, places: readonly { readonly value: string }[], others: readonly Rule[]): Draft {
  const known = places.some(({ value }) => value === scopeKey(said.scope));
  const scope = known ? said.scope : scopeOf(places[0]?.value ?? 'organization');
  const words = [said.group ?? said.condition?.replace(/exists|like_regex|flag/g, ''), said.role].filter(Boolean);
  const suggested = said.role === null ? '' : shortName(words.join(' '));
  const taken = others.map(({ slug }) => slug);
  return { ...said, scope, slug: said.slug || (suggested && freeName(suggested, taken)) };
}
