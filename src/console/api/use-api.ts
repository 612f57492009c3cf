/** Reading and changing by the API from within a screen. */
import { type UseQueryResult, useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { type Answer, call, type Given, type Operation } from './client.ts';

interface Reading {
  /** Read again every so many milliseconds. */
  readonly every?: number | false;
  readonly enabled?: boolean;
}

/** What an operation answers, kept and read again when something is changed. */
export function useAnswer<K extends Operation>(
  operation: K,
  given: Given<K>,
  { every = false, enabled = true }: Reading = {},
): UseQueryResult<Answer<K>> {
  return useQuery({
    queryKey: [operation, given],
    queryFn: ({ signal }) => call(operation, given, signal),
    refetchInterval: every,
    enabled,
  });
}

/** The pages of a list that goes on by `cursor` and `next`. */
export function usePages<K extends Operation, Row>(
  operation: K,
  given: Given<K>,
  rowsOf: (answer: Answer<K>) => readonly Row[],
) {
  const pages = useInfiniteQuery({
    queryKey: [operation, given, 'pages'],
    queryFn: ({ pageParam, signal }) => call(operation, withCursor(given, pageParam), signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => (last as { next?: string | null }).next ?? undefined,
  });
  return { ...pages, rows: pages.data?.pages.flatMap((page) => [...rowsOf(page)]) ?? [] };
}

function withCursor<K extends Operation>(given: Given<K>, cursor: string | undefined): Given<K> {
  if (cursor === undefined) return given;
  return { ...given, query: { ...(given as { query?: object }).query, cursor } } as Given<K>;
}

/** Changes something; then whatever is shown is read again, for one change may show in many places. */
export function useChange<K extends Operation>(operation: K) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (given: Given<K>) => call(operation, given),
    onSuccess: () => queries.invalidateQueries(),
  });
}
