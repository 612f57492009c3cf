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

const PAGES = 'pages';
/** A list of more pages is not read again of itself: that would be a request for each. */
const FEW = 3;

interface Loaded {
  readonly pages: readonly unknown[];
  readonly pageParams: readonly unknown[];
}

const isShort = ({ state }: { readonly state: { readonly data?: Loaded | undefined } }) =>
  (state.data?.pages.length ?? 0) <= FEW;

/** The pages of a list that goes on by `cursor` and `next`. */
export function usePages<K extends Operation, Row>(
  operation: K,
  given: Given<K>,
  rowsOf: (answer: Answer<K>) => readonly Row[],
) {
  const pages = useInfiniteQuery({
    queryKey: [operation, given, PAGES],
    queryFn: ({ pageParam, signal }) => call(operation, withCursor(given, pageParam), signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => (last as { next?: string | null }).next ?? undefined,
    refetchOnMount: isShort,
    refetchOnWindowFocus: isShort,
    refetchOnReconnect: isShort,
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
    onSuccess: () => {
      // What is not in sight begins anew from its first page.
      queries.setQueriesData<Loaded>(
        { type: 'inactive', predicate: ({ queryKey }) => queryKey.at(-1) === PAGES },
        (loaded) => loaded && { pages: loaded.pages.slice(0, 1), pageParams: loaded.pageParams.slice(0, 1) },
      );
      return queries.invalidateQueries();
    },
  });
}
