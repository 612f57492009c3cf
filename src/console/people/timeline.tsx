/** Everything that was done to and by somebody, latest first. */
import { IconHistory } from '@tabler/icons-react';
import { useInfiniteQuery } from '@tanstack/react-query';
import { call } from '../api/client.ts';
import { EventTable } from '../audit/event-table.tsx';
import { Loading } from '../parts/answered.tsx';
import { EmptyState } from '../parts/empty-state.tsx';
import { ProblemAlert } from '../parts/problem.tsx';
import { text } from '../text/text.ts';

const { people: t } = text;
const LIST = 'get /api/v1/organizations/{organization}/people/{user}/timeline';

export function Timeline({ user }: { readonly user: string }) {
  const pages = useInfiniteQuery({
    queryKey: [LIST, user],
    queryFn: ({ pageParam, signal }) =>
      call(LIST, { path: { user }, query: { limit: 100, ...(pageParam !== 0 && { cursor: pageParam }) } }, signal),
    initialPageParam: 0,
    getNextPageParam: ({ next }) => next ?? undefined,
  });
  if (pages.error !== null) return <ProblemAlert error={pages.error} />;
  if (pages.isPending) return <Loading />;
  const events = pages.data.pages.flatMap((page) => page.events);
  if (events.length === 0) return <EmptyState icon={IconHistory} title={t.noEvents} hint={t.noEventsHint} />;
  return (
    <EventTable
      events={events}
      more={{ has: pages.hasNextPage, load: () => void pages.fetchNextPage(), loading: pages.isFetchingNextPage }}
    />
  );
}
