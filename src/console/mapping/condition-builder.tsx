/** A condition over attributes, by clicks; whoever knows SQL/JSON paths writes it out. */
import { ActionIcon, Button, Group, Input, Select, Stack, TextInput } from '@mantine/core';
import { IconPlus, IconTrash } from '@tabler/icons-react';
import { useState } from 'react';
import { text } from '../text/text.ts';
import { type Clause, pathOf } from './condition.ts';

const { mapping: t } = text;

interface ConditionBuilderProps {
  readonly condition: string | null;
  readonly onChange: (condition: string | null) => void;
}

export function ConditionBuilder({ condition, onChange }: ConditionBuilderProps) {
  const [clauses, setClauses] = useState<readonly Clause[]>([]);
  const change = (next: readonly Clause[]) => {
    setClauses(next);
    onChange(pathOf(next));
  };
  return (
    <Input.Wrapper label={t.condition} description={t.conditionHint}>
      <Stack gap="xs" mt={4}>
        {clauses.map((clause, at) => (
          <ClauseRow
            // biome-ignore lint/suspicious/noArrayIndexKey: a clause has no name but its place
            key={at}
            clause={clause}
            onChange={(next) => change(clauses.with(at, next))}
            onRemove={() => change(clauses.toSpliced(at, 1))}
          />
        ))}
        <Group gap="xs">
          <Button
            size="xs"
            variant="default"
            leftSection={<IconPlus size={14} />}
            onClick={() => setClauses([...clauses, { attribute: '', is: 'equals', value: '' }])}
          >
            {t.addClause}
          </Button>
        </Group>
        <TextInput
          aria-label={t.path}
          placeholder={'$.department == "Engineering"'}
          ff="monospace"
          value={condition ?? ''}
          onChange={(event) => {
            setClauses([]);
            onChange(event.currentTarget.value === '' ? null : event.currentTarget.value);
          }}
        />
      </Stack>
    </Input.Wrapper>
  );
}

interface ClauseRowProps {
  readonly clause: Clause;
  readonly onChange: (clause: Clause) => void;
  readonly onRemove: () => void;
}

function ClauseRow({ clause, onChange, onRemove }: ClauseRowProps) {
  return (
    <Group gap="xs" wrap="nowrap">
      <TextInput
        aria-label={t.attribute}
        placeholder="department"
        value={clause.attribute}
        onChange={(event) => onChange({ ...clause, attribute: event.currentTarget.value })}
        flex={1}
      />
      <Select
        aria-label={t.comparison}
        data={Object.entries(t.comparisons).map(([value, label]) => ({ value, label }))}
        value={clause.is}
        onChange={(is) => onChange({ ...clause, is: is as Clause['is'] })}
        allowDeselect={false}
        w={130}
      />
      {clause.is !== 'exists' && (
        <TextInput
          aria-label={t.value}
          placeholder="Engineering"
          value={clause.value}
          onChange={(event) => onChange({ ...clause, value: event.currentTarget.value })}
          flex={1}
        />
      )}
      <ActionIcon variant="subtle" color="red" aria-label={t.removeClause} onClick={onRemove}>
        <IconTrash size={18} />
      </ActionIcon>
    </Group>
  );
}
