/** Reading several lists at once, at most so many: as fast as a source bears, and never more of it in memory than that. */

/** Yields what the streams bring, as it comes. Where one fails, so does the whole. */
export async function* atOnce<T>(streams: readonly AsyncIterable<T>[], most: number): AsyncGenerator<T> {
  const waiting = streams.map((stream) => stream[Symbol.asyncIterator]());
  const running = new Map<AsyncIterator<T>, Promise<{ from: AsyncIterator<T>; result: IteratorResult<T> }>>();
  const step = (from: AsyncIterator<T>) => {
    const next = from.next().then((result) => ({ from, result }));
    // Two may fail at once; the first is thrown.
    next.catch(() => {});
    running.set(from, next);
  };
  try {
    for (;;) {
      for (const from of waiting.splice(0, most - running.size)) step(from);
      if (running.size === 0) return;
      const { from, result } = await Promise.race(running.values());
      running.delete(from);
      if (result.done === true) continue;
      yield result.value;
      step(from);
    }
  } finally {
    for (const from of running.keys()) from.return?.().catch(() => {});
  }
}
