/**
 * Lists that are read from a place on. Each page begins with the last entry of the one before: where that is another, entries came or went
 * meanwhile, or there is no steady order, and somebody would be left out.
 */
import { Fault } from '../../errors.ts';

/**
 * Reads until a page brings nothing new, whatever the source says of its length.
 * @param read the entries from a place on, the first being 0
 * @returns how many there were
 * @throws Fault `invalid-feed` where the list moves
 */
export async function* overlapping<T>(
  read: (from: number) => Promise<readonly T[]>,
  idOf: (entry: T) => unknown,
  where: string,
): AsyncGenerator<T, number> {
  const first = await read(0);
  yield* first;
  let [count, last] = [first.length, first.at(-1)];
  while (last !== undefined) {
    const [again, ...fresh] = await read(count - 1);
    if (again === undefined || idOf(again) !== idOf(last)) throw moved(where);
    yield* fresh;
    count += fresh.length;
    last = fresh.at(-1);
  }
  return count;
}

function moved(where: string): Fault {
  return new Fault('invalid-feed', 'The list changed while it was read, or has no steady order; nothing was changed.', {
    where,
    remedy: 'Run again.',
  });
}
