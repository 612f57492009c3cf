/** The rules in the order in which they are weighed, each with how many have something by it. */
import { Badge, Group, Stack, Text, Title } from '@mantine/core';
import { IconArrowsJoin } from '@tabler/icons-react';
import { useNavigate } from 'react-router';
import type { Answer } from '../api/client.ts';
import { useAnswer } from '../api/use-api.ts';
import { Answered } from '../parts/answered.tsx';
import { type Column, DataTable } from '../parts/data-table.tsx';
import { EmptyState } from '../parts/empty-state.tsx';
import { Onward } from '../parts/onward.tsx';
import { text } from '../text/text.ts';
import { inWords } from './condition.ts';
import { scopeText } from './scope.ts';

const { mapping: t } = text;
export type Rule = Answer<'get /api/v1/organizations/{organization}/mapping-rules'>['mappingRules'][number];

const COLUMNS: readonly Column<Rule>[] = [
  {
    key: 'when',
    onPhone: true,
    title: t.when,
    width: '1.6fr',
    cell: ({ group, groupBy, condition, directory }) => (
      <Stack gap={0}>
        <Text size="sm" truncate title={condition ?? undefined}>
          {[group && t.inGroup(group, groupBy), condition && inWords(condition)].filter(Boolean).join(` ${t.and} `)}
        </Text>
        <Text size="xs" c="dimmed" truncate>
          {directory === null ? t.anyDirectory : t.ofDirectory(directory)}
        </Text>
      </Stack>
    ),
  },
  {
    key: 'then',
    onPhone: true,
    title: t.gives,
    width: '1.2fr',
    cell: ({ effect, role, scope }) => (
      <Stack gap={0}>
        <Text size="sm" {...(effect === 'deny' && { c: 'red.8' })} truncate>
          {effect === 'deny' ? t.denies(role) : role}
        </Text>
        <Text size="xs" c="dimmed" truncate>
          {scopeText(scope)}
        </Text>
      </Stack>
    ),
  },
  {
    key: 'gives',
    title: t.people,
    width: '110px',
    cell: ({ gives, enabled }) => (
      <Group gap="xs">
        <Text size="sm">{gives.toLocaleString('en')}</Text>
        {!enabled && (
          <Badge variant="light" color="gray">
            {t.off}
          </Badge>
        )}
      </Group>
    ),
  },
];

export function RuleList() {
  const navigate = useNavigate();
  const answer = useAnswer('get /api/v1/organizations/{organization}/mapping-rules', {});
  return (
    <Stack>
      <Title order={2} size="h4">
        {t.rules}
      </Title>
      <Answered of={answer}>
        {({ mappingRules }) =>
          mappingRules.length === 0 ? (
            <EmptyState
              icon={IconArrowsJoin}
              title={t.empty}
              hint={t.emptyHint}
              action={<Onward to="/mapping/new" label={t.add} />}
            />
          ) : (
            <DataTable
              label={t.rules}
              columns={COLUMNS}
              rows={mappingRules}
              rowKey={({ slug }) => slug}
              minWidth={480}
              onOpen={({ slug }) => void navigate(`/mapping/${slug}`)}
            />
          )
        }
      </Answered>
    </Stack>
  );
}
