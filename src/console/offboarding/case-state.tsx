/** How a case stands, in a word. */
import { Badge } from '@mantine/core';
import type { Answer } from '../api/client.ts';
import { text } from '../text/text.ts';

const { offboarding: t } = text;
export type Case = Answer<'get /api/v1/organizations/{organization}/offboarding-cases'>['cases'][number];

/** Closed, on its way, or waiting for a person. */
export function CaseState({ of: { closedAt, steps, totalSeconds } }: { readonly of: Case }) {
  if (closedAt !== null) {
    return (
      <Badge variant="light" color="teal" tt="none">
        {t.proven(totalSeconds ?? 0)}
      </Badge>
    );
  }
  const stuck = steps.some(({ state }) => state === 'needs_human');
  const open = steps.filter(({ finishedAt }) => finishedAt === null).length;
  return (
    <Badge variant="light" color={stuck ? 'red' : 'orange'} tt="none">
      {stuck ? t.needsYou : t.stepsOpen(open)}
    </Badge>
  );
}
