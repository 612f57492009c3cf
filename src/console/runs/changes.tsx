/** The changes of a plan, as many as there are: who, what, where, and why. */
import { Badge } from '@mantine/core';
import { useInfiniteQuery } from '@tanstack/react-query';
import { type Answer, call } from '../api/client.ts';
import { inWords } from '../mapping/condition.ts';
import { type Column, DataTable } from '../parts/data-table.tsx';
import { ProblemAlert } from '../parts/problem.tsx';
import { text } from '../text/text.ts';
import { kindInWords } from './counts.ts';

const { runs: t } = text;
const LIST = 'get /api/v1/organizations/{organization}/runs/{run}/changes';
export type Change = Answer<typeof LIST>['changes'][number];

const COLOURS: Readonly<Record<string, string>> = { add: 'teal', create: 'teal', remove: 'red', deprovision: 'red' };

export const CHANGE_COLUMNS: readonly Column<Change>[] = [
  {
    key: 'kind',
    onPhone: true,
    title: t.change,
    width: '150px',
    cell: ({ kind }) => (
      <Badge variant="light" color={COLOURS[kind.split('.')[1] ?? ''] ?? 'gray'}>
        {kindInWords(kind)}
      </Badge>
    ),
  },
  { key: 'email', onPhone: true, title: t.person, width: '1.4fr', cell: ({ email }) => email },
  {
    key: 'role',
    title: t.role,
    width: '1.2fr',
    cell: ({ scope, role, oldRole }) =>
      scope === null ? '' : `${[oldRole, role].filter(Boolean).join(' → ')} · ${scope}`,
  },
  { key: 'why', title: t.why, width: '2fr', cell: ({ reason }) => inWords(reason) },
];

export function Changes({ run, kind }: { readonly run: string; readonly kind: string | null }) {
  const pages = useInfiniteQuery({
    queryKey: [LIST, run, kind],
    queryFn: ({ pageParam, signal }) =>
      call(
        LIST,
        { path: { run }, query: { limit: 500, ...(kind && { kind }), ...(pageParam && { after: pageParam }) } },
        signal,
      ),
    initialPageParam: 0,
    getNextPageParam: ({ next }) => next ?? undefined,
  });
  if (pages.error !== null) return <ProblemAlert error={pages.error} />;
  const rows = pages.data?.pages.flatMap(({ changes }) => changes) ?? [];
  return (
    <DataTable
      label={t.changes}
      columns={CHANGE_COLUMNS}
      rows={rows}
      rowKey={({ kind: what, userId, email, scope, role, rule }) => [what, userId, email, scope, role, rule].join(' ')}
      rowHeight={44}
      more={{ has: pages.hasNextPage, load: () => void pages.fetchNextPage(), loading: pages.isFetchingNextPage }}
    />
  );
}
