/** Whether somebody is in. */
import { Badge } from '@mantine/core';
import { text } from '../text/text.ts';

const COLOURS = { active: 'teal', suspended: 'orange', deprovisioned: 'gray' } as const;

export function PersonStatus({ status }: { readonly status: keyof typeof COLOURS }) {
  return (
    <Badge variant="light" color={COLOURS[status]}>
      {text.people.statuses[status]}
    </Badge>
  );
}
