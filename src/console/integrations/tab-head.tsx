/** What a tab is for, and what can be done there. */
import { Group, Text } from '@mantine/core';
import type { ReactNode } from 'react';

export function TabHead({ lead, action }: { readonly lead: ReactNode; readonly action: ReactNode }) {
  return (
    <Group justify="space-between" align="flex-start" gap="sm">
      <Text c="dimmed" flex={1} miw={220} maw={720}>
        {lead}
      </Text>
      {action}
    </Group>
  );
}
