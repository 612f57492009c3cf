/** What each directory last said of somebody, word for word: what rules were read against. */
import { Badge, Code, Group, Stack, Text } from '@mantine/core';
import { IconAddressBook } from '@tabler/icons-react';
import { EmptyState } from '../parts/empty-state.tsx';
import { Moment } from '../parts/moment.tsx';
import { Section } from '../parts/section.tsx';
import { text } from '../text/text.ts';
import type { Person } from './person-page.tsx';

const { people: t } = text;

export function Facts({ person: { facts } }: { readonly person: Person }) {
  if (facts.length === 0) return <EmptyState icon={IconAddressBook} title={t.noFacts} hint={t.noFactsHint} />;
  return facts.map(({ directory, sourceKey, userName, active, deletedAt, updatedAt, groups, attributes }) => (
    <Section
      key={`${directory} ${sourceKey}`}
      title={directory}
      actions={
        <Badge variant="light" color={active && deletedAt === null ? 'teal' : 'gray'}>
          {deletedAt !== null ? t.gone : active ? t.there : t.inactive}
        </Badge>
      }
    >
      <Stack gap="sm">
        <Text size="sm">
          {t.calledThere(userName, sourceKey)} · {t.lastChange} <Moment at={updatedAt} />
        </Text>
        {groups.length > 0 && (
          <Group gap={6}>
            {groups.map(({ id, name }) => (
              <Badge key={id} variant="light" color="gray" tt="none">
                {name}
              </Badge>
            ))}
          </Group>
        )}
        <Code block>{JSON.stringify(attributes, null, 2)}</Code>
      </Stack>
    </Section>
  ));
}
