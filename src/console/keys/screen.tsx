/** API keys: what opens doors without a person; made, replaced with an overlap, and revoked. */
import { Alert, Badge, Group, Stack, Switch, Text } from '@mantine/core';
import { IconKey } from '@tabler/icons-react';
import { useState } from 'react';
import type { Answer } from '../api/client.ts';
import { useAnswer, useChange } from '../api/use-api.ts';
import { Answered } from '../parts/answered.tsx';
import { Copy } from '../parts/copy.tsx';
import { type Column, DataTable } from '../parts/data-table.tsx';
import { EmptyState } from '../parts/empty-state.tsx';
import { exactly, Moment } from '../parts/moment.tsx';
import { Page } from '../parts/page.tsx';
import { ReasonedAction } from '../parts/reasoned-action.tsx';
import { text } from '../text/text.ts';
import { NewKey } from './new-key.tsx';
import { Rotate } from './rotate.tsx';

const { keys: t } = text;
export type Key = Answer<'get /api/v1/organizations/{organization}/api-keys'>['apiKeys'][number];

/** A key that was made just now, and what becomes of the one it replaces. */
export interface MadeKey {
  readonly name: string;
  readonly key: string;
  readonly replaced?: { readonly display: string; readonly countsUntil: string };
}

export default function KeysScreen() {
  const [ended, setEnded] = useState(false);
  const [made, setMade] = useState<MadeKey>();
  const answer = useAnswer('get /api/v1/organizations/{organization}/api-keys', {});
  const columns = columnsFor(setMade);
  return (
    <Page title={t.title} lead={t.lead} actions={<NewKey onMade={setMade} />}>
      {made !== undefined && <Made made={made} onClose={() => setMade(undefined)} />}
      <Switch label={t.showEnded} checked={ended} onChange={(event) => setEnded(event.currentTarget.checked)} />
      <Answered of={answer}>
        {({ apiKeys }) => {
          const shown = apiKeys.filter(({ revokedAt }) => ended || revokedAt === null);
          return shown.length === 0 ? (
            <EmptyState icon={IconKey} title={t.empty} hint={t.emptyHint} />
          ) : (
            <DataTable label={t.title} columns={columns} rows={shown} rowKey={({ id }) => id} minWidth={860} />
          );
        }}
      </Answered>
    </Page>
  );
}

function Made({ made: { name, key, replaced }, onClose }: { readonly made: MadeKey; readonly onClose: () => void }) {
  return (
    <Alert
      color="indigo"
      title={t.once(name)}
      withCloseButton
      closeButtonLabel={text.parts.close}
      onClose={onClose}
      role="status"
    >
      <Stack gap="xs">
        <Copy label={t.key} value={key} />
        {replaced !== undefined && (
          <Text size="sm">{t.countsUntil(replaced.display, exactly(replaced.countsUntil))}</Text>
        )}
      </Stack>
    </Alert>
  );
}

function columnsFor(onMade: (made: MadeKey) => void): readonly Column<Key>[] {
  return [
    {
      key: 'name',
      title: t.name,
      width: '1.6fr',
      cell: ({ name, display }) => (
        <Stack gap={0}>
          <Text size="sm" truncate>
            {name}
          </Text>
          <Text size="xs" c="dimmed" ff="monospace" truncate>
            {display}
          </Text>
        </Stack>
      ),
    },
    { key: 'kind', title: t.kind, width: '100px', cell: ({ kind }) => kind },
    { key: 'environment', title: t.environment, width: '110px', cell: ({ environment }) => environment },
    {
      key: 'scopes',
      title: t.scopes,
      width: '1.4fr',
      cell: ({ scopes }) => <span title={scopes.join(', ')}>{scopes.join(', ')}</span>,
    },
    { key: 'used', title: t.lastUsed, width: '120px', cell: ({ lastUsedAt }) => <Moment at={lastUsedAt} /> },
    { key: 'state', title: t.state, width: '110px', cell: (key) => <KeyState of={key} /> },
    {
      key: 'do',
      title: '',
      width: '170px',
      cell: (key) =>
        key.revokedAt === null && (
          <Group gap={4} wrap="nowrap" justify="flex-end">
            <Rotate of={key} onMade={onMade} />
            <Revoke of={key} />
          </Group>
        ),
    },
  ];
}

function KeyState({ of: { revokedAt, expiresAt, flaggedReason } }: { readonly of: Key }) {
  const expired = expiresAt !== null && new Date(expiresAt) < new Date();
  const [color, word, why] =
    revokedAt !== null
      ? ['gray', t.revoked, '']
      : expired
        ? ['gray', t.expired, '']
        : flaggedReason !== null
          ? ['orange', t.flagged, flaggedReason]
          : ['teal', t.works, ''];
  return (
    <Badge variant="light" color={color} title={why}>
      {word}
    </Badge>
  );
}

function Revoke({ of: { id, name } }: { readonly of: Key }) {
  const revoke = useChange('delete /api/v1/organizations/{organization}/api-keys/{key}');
  return (
    <ReasonedAction
      label={t.revoke}
      title={t.revokeTitle(name)}
      explanation={t.revokeHint}
      confirm={t.revoke}
      button={{ size: 'xs', variant: 'subtle', color: 'red' }}
      pending={revoke.isPending}
      error={revoke.error}
      onConfirm={(reason, done) => revoke.mutate({ path: { key: id }, query: { reason } }, { onSuccess: done })}
    />
  );
}
