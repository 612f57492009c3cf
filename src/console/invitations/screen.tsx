/** Invitations: who was asked in with which roles, whether it arrived, and what became of it. */
import { Alert, Badge, Button, Group, SegmentedControl, Stack, Text } from '@mantine/core';
import { IconMail } from '@tabler/icons-react';
import { useState } from 'react';
import type { Answer } from '../api/client.ts';
import { useChange, usePages } from '../api/use-api.ts';
import { Loading } from '../parts/answered.tsx';
import { Copy } from '../parts/copy.tsx';
import { type Column, DataTable } from '../parts/data-table.tsx';
import { EmptyState } from '../parts/empty-state.tsx';
import { Moment } from '../parts/moment.tsx';
import { Page } from '../parts/page.tsx';
import { ProblemAlert } from '../parts/problem.tsx';
import { text } from '../text/text.ts';
import { Invite, type Sent } from './invite.tsx';

const { invitations: t } = text;
const LIST = 'get /api/v1/organizations/{organization}/invitations';
type Invitation = Answer<typeof LIST>['invitations'][number];

const COLOURS = { open: 'indigo', expired: 'gray', accepted: 'teal', revoked: 'gray' } as const;

export default function InvitationsScreen() {
  const [state, setState] = useState<'' | Invitation['state']>('');
  const [sent, setSent] = useState<Sent>();
  const pages = usePages(LIST, { query: { limit: 100, ...(state && { state }) } }, ({ invitations }) => invitations);
  return (
    <Page title={t.title} lead={t.lead} actions={<Invite onSent={setSent} />}>
      {sent !== undefined && <Told sent={sent} onClose={() => setSent(undefined)} />}
      <Stack>
        <SegmentedControl
          aria-label={t.state}
          value={state}
          onChange={(value) => setState(value as typeof state)}
          data={[{ value: '', label: t.all }, ...Object.entries(t.states).map(([value, label]) => ({ value, label }))]}
        />
        {pages.error !== null && <ProblemAlert error={pages.error} />}
        {pages.isPending && <Loading />}
        {pages.isSuccess && pages.rows.length === 0 && (
          <EmptyState icon={IconMail} title={t.empty} hint={t.emptyHint} />
        )}
        {pages.rows.length > 0 && (
          <DataTable
            label={t.title}
            columns={columnsFor(setSent)}
            rows={pages.rows}
            rowKey={({ id }) => id}
            minWidth={820}
            more={{ has: pages.hasNextPage, load: () => void pages.fetchNextPage(), loading: pages.isFetchingNextPage }}
          />
        )}
      </Stack>
    </Page>
  );
}

/** By mail it is on its way; else the link is for the administrator to hand over. */
function Told({ sent: { email, url }, onClose }: { readonly sent: Sent; readonly onClose: () => void }) {
  return (
    <Alert
      color="indigo"
      role="status"
      title={url === undefined ? t.onItsWay(email) : t.handOver(email)}
      withCloseButton
      closeButtonLabel={text.parts.close}
      onClose={onClose}
    >
      {url !== undefined && <Copy label={t.link} value={url} />}
    </Alert>
  );
}

function columnsFor(onSent: (sent: Sent) => void): readonly Column<Invitation>[] {
  return [
    { key: 'email', title: t.email, width: '1.5fr', cell: ({ email }) => email },
    {
      key: 'roles',
      title: t.roles,
      width: '1.5fr',
      cell: ({ roles }) => roles.map(({ role, place }) => `${role} · ${place}`).join(', '),
    },
    { key: 'by', title: t.invitedBy, width: '1.2fr', cell: ({ invitedBy }) => invitedBy },
    { key: 'at', title: t.at, width: '120px', cell: ({ createdAt }) => <Moment at={createdAt} /> },
    {
      key: 'state',
      title: t.state,
      width: '130px',
      cell: ({ state, mail }) => (
        <Stack gap={0}>
          <Badge variant="light" color={COLOURS[state]}>
            {t.states[state]}
          </Badge>
          {mail?.lastError && (
            <Text size="xs" c="red.8" truncate title={mail.lastError}>
              {t.mailFailed}
            </Text>
          )}
        </Stack>
      ),
    },
    { key: 'do', title: '', width: '190px', cell: (invitation) => <Actions of={invitation} onSent={onSent} /> },
  ];
}

function Actions({ of: { id, state }, onSent }: { readonly of: Invitation; readonly onSent: (sent: Sent) => void }) {
  const resend = useChange('post /api/v1/organizations/{organization}/invitations/{invitation}/resend');
  const revoke = useChange('delete /api/v1/organizations/{organization}/invitations/{invitation}');
  const path = { invitation: id };
  if (state === 'accepted' || state === 'revoked') return null;
  return (
    <Group gap={4} justify="flex-end" wrap="nowrap">
      <Button
        size="xs"
        variant="subtle"
        loading={resend.isPending}
        onClick={() => resend.mutate({ path, body: {} }, { onSuccess: onSent })}
      >
        {t.resend}
      </Button>
      <Button size="xs" variant="subtle" color="red" loading={revoke.isPending} onClick={() => revoke.mutate({ path })}>
        {t.revoke}
      </Button>
    </Group>
  );
}
