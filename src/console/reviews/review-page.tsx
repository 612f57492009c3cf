/** One review: each role that somebody has, to be kept or revoked. */
import { Anchor, Badge, Button, Group, Stack, Text } from '@mantine/core';
import { Link, useParams } from 'react-router';
import type { Answer } from '../api/client.ts';
import { useAnswer, useChange, usePages } from '../api/use-api.ts';
import { Answered, Loading } from '../parts/answered.tsx';
import { type Column, DataTable } from '../parts/data-table.tsx';
import { inWords } from '../parts/moment.tsx';
import { Page } from '../parts/page.tsx';
import { ProblemAlert } from '../parts/problem.tsx';
import { ReasonedAction } from '../parts/reasoned-action.tsx';
import { text } from '../text/text.ts';
import type { Review } from './review-list.tsx';

const { reviews: t } = text;
const ITEMS = 'get /api/v1/organizations/{organization}/reviews/{review}/items';
const DECIDE = 'post /api/v1/organizations/{organization}/reviews/{review}/decisions';
type Item = Answer<typeof ITEMS>['items'][number];

export function ReviewPage() {
  const { id = '' } = useParams();
  const answer = useAnswer('get /api/v1/organizations/{organization}/reviews/{review}', { path: { review: id } });
  return (
    <Stack>
      <Anchor component={Link} to="/reviews">
        {t.back}
      </Anchor>
      <Answered of={answer} lines={8}>
        {(review) => <Shown review={review} />}
      </Answered>
    </Stack>
  );
}

function Shown({ review }: { readonly review: Review }) {
  const { id, name, items, undecided, dueAt, state } = review;
  const close = useChange('post /api/v1/organizations/{organization}/reviews/{review}/close');
  const pages = usePages(ITEMS, { path: { review: id }, query: { limit: 200 } }, (page) => page.items);
  return (
    <Page
      title={name}
      lead={`${t.ofItems(items - undecided, items)} · ${t.dueIn(inWords(new Date(dueAt)))}`}
      actions={
        state === 'open' && (
          <Button variant="default" loading={close.isPending} onClick={() => close.mutate({ path: { review: id } })}>
            {t.close}
          </Button>
        )
      }
    >
      {close.error !== null && <ProblemAlert error={close.error} />}
      {pages.error !== null && <ProblemAlert error={pages.error} />}
      {pages.isPending && <Loading lines={8} />}
      {pages.rows.length > 0 && (
        <DataTable
          label={name}
          columns={columnsFor(review)}
          rows={pages.rows}
          rowKey={(item) => item.id}
          minWidth={860}
          more={{ has: pages.hasNextPage, load: () => void pages.fetchNextPage(), loading: pages.isFetchingNextPage }}
        />
      )}
    </Page>
  );
}

function columnsFor(review: Review): readonly Column<Item>[] {
  return [
    { key: 'email', title: t.person, width: '1.5fr', cell: ({ email }) => email },
    { key: 'role', title: t.role, width: '1.3fr', cell: ({ role, place }) => `${role} · ${place}` },
    {
      key: 'why',
      title: t.given,
      width: '1.8fr',
      cell: ({ source, grantedBy, grantedReason }) => (
        <span title={grantedReason}>
          {text.people.by(text.people.sources[source as keyof typeof text.people.sources] ?? source, grantedBy)}
        </span>
      ),
    },
    { key: 'decide', title: t.decision, width: '240px', cell: (item) => <Decide review={review} item={item} /> },
  ];
}

function Decide({ review: { id, state }, item }: { readonly review: Review; readonly item: Item }) {
  const decide = useChange(DECIDE);
  const path = { review: id };
  if (item.decision !== null || state !== 'open') {
    return (
      <Group gap="xs" wrap="nowrap">
        <Badge variant="light" color={item.outcome === 'revoked' ? 'red' : 'teal'}>
          {t.outcomes[item.outcome ?? 'kept']}
        </Badge>
        <Text size="xs" c="dimmed" truncate>
          {item.decidedBy}
        </Text>
      </Group>
    );
  }
  return (
    <Group gap={4} wrap="nowrap">
      <Button
        size="xs"
        variant="light"
        color="teal"
        loading={decide.isPending}
        onClick={() => decide.mutate({ path, body: { items: [item.id], decision: 'keep' } })}
      >
        {t.keep}
      </Button>
      <ReasonedAction
        label={t.revoke}
        title={t.revokeTitle(item.email, item.role)}
        explanation={t.revokeHint}
        confirm={t.revoke}
        button={{ size: 'xs', variant: 'light', color: 'red' }}
        pending={decide.isPending}
        error={decide.error}
        onConfirm={(reason, done) =>
          decide.mutate({ path, body: { items: [item.id], decision: 'revoke', reason } }, { onSuccess: done })
        }
      />
    </Group>
  );
}
