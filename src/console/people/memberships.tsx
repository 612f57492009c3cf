/** What somebody may do where, and why: who or which rule gave it, when, and until when. */
import { Button, Stack, Text } from '@mantine/core';
import { IconKey } from '@tabler/icons-react';
import { useChange } from '../api/use-api.ts';
import { inWords } from '../mapping/condition.ts';
import { type Column, DataTable } from '../parts/data-table.tsx';
import { EmptyState } from '../parts/empty-state.tsx';
import { Moment } from '../parts/moment.tsx';
import { ReasonedAction } from '../parts/reasoned-action.tsx';
import { text } from '../text/text.ts';
import { Grant } from './grant.tsx';
import type { Person } from './person-page.tsx';

const { people: t } = text;
type Membership = Person['memberships'][number];

const COLUMNS: readonly Column<Membership>[] = [
  { key: 'role', title: t.role, width: '1fr', cell: ({ role }) => role },
  { key: 'place', title: t.where, width: '1.3fr', cell: ({ place, scope }) => place || t.scopes[scope] },
  {
    key: 'why',
    title: t.why,
    width: '2.4fr',
    cell: ({ source, rule, grantedBy, reason }) => (
      <Stack gap={0}>
        <Text size="sm" truncate title={reason}>
          {reason ? inWords(reason) : t.sources[source]}
        </Text>
        <Text size="xs" c="dimmed" truncate>
          {t.by(t.sources[source], rule ?? grantedBy)}
        </Text>
      </Stack>
    ),
  },
  { key: 'since', title: t.since, width: '120px', cell: ({ createdAt }) => <Moment at={createdAt} /> },
  {
    key: 'until',
    title: t.until,
    width: '120px',
    cell: ({ expiresAt }) => <Moment at={expiresAt} absent={t.withoutEnd} />,
  },
  { key: 'revoke', title: '', width: '96px', cell: (membership) => <Revoke membership={membership} /> },
];

export function Memberships({ person }: { readonly person: Person }) {
  const { memberships, status, email } = person;
  return (
    <Stack>
      {status === 'active' && <Grant email={email} />}
      {memberships.length === 0 ? (
        <EmptyState icon={IconKey} title={t.nothingHeld} hint={t.nothingHeldHint} />
      ) : (
        <DataTable label={t.access} columns={COLUMNS} rows={memberships} rowKey={({ id }) => id} minWidth={760} />
      )}
    </Stack>
  );
}

/** What a rule gave goes with the rule, or with what the directory says. */
function Revoke({ membership: { id, role, place, source } }: { readonly membership: Membership }) {
  const revoke = useChange('delete /api/v1/organizations/{organization}/memberships/{membership}');
  if (source === 'mapping')
    return (
      <Button size="xs" variant="subtle" color="gray" disabled>
        {t.byRule}
      </Button>
    );
  return (
    <ReasonedAction
      label={t.takeAway}
      title={t.takeAwayTitle(role, place)}
      explanation={t.takeAwayHint}
      confirm={t.takeAway}
      button={{ size: 'xs', variant: 'subtle', color: 'red' }}
      pending={revoke.isPending}
      error={revoke.error}
      onConfirm={(reason, done) => revoke.mutate({ path: { membership: id }, query: { reason } }, { onSuccess: done })}
    />
  );
}
