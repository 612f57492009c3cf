/** What became of a run, in a word. */
import { Badge } from '@mantine/core';
import { text } from '../text/text.ts';

const COLOURS: Readonly<Record<string, string>> = {
  applied: 'teal',
  held: 'orange',
  planned: 'indigo',
  failed: 'red',
  discarded: 'gray',
  staging: 'blue',
};

export function RunStatus({ run: { status } }: { readonly run: { readonly status: string } }) {
  return (
    <Badge variant="light" color={COLOURS[status] ?? 'gray'}>
      {text.runs.statuses[status as keyof typeof text.runs.statuses] ?? status}
    </Badge>
  );
}
