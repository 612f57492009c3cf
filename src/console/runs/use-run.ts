/** One run, followed while it goes: the server tells of each step, and of its end. */
import { type QueryClient, type UseQueryResult, useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import { type Answer, request } from '../api/client.ts';
import { eventsOf } from '../api/events.ts';
import { useAnswer } from '../api/use-api.ts';

const READ = 'get /api/v1/organizations/{organization}/runs/{run}';
const EVENTS = 'get /api/v1/organizations/{organization}/runs/{run}/events';
/** Before it is followed again, where the stream broke off. */
const PAUSE_MS = 2000;

export function useRun(id: string): UseQueryResult<Answer<typeof READ>> {
  const queries = useQueryClient();
  // Whoever decides a held run may do so elsewhere.
  const answer = useAnswer(READ, { path: { run: id } }, { every: 10_000 });
  const goes = answer.data?.status === 'staging';
  useEffect(() => {
    if (!goes) return;
    const stop = new AbortController();
    void follow(queries, id, stop.signal);
    return () => stop.abort();
  }, [queries, id, goes]);
  return answer;
}

async function follow(queries: QueryClient, id: string, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      const answer = await request(EVENTS, { path: { run: id } }, signal);
      for await (const { name, data } of eventsOf(answer)) {
        queries.setQueryData([READ, { path: { run: id } }], JSON.parse(data));
        if (name === 'end') return void queries.invalidateQueries();
      }
    } catch {
      // Whether it can be read at all is shown where it is read.
    }
    await new Promise((done) => setTimeout(done, PAUSE_MS));
  }
}
