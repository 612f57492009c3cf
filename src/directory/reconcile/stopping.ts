/** A server that ends waits for no source: what it leaves under way is taken up by the next one. */
import { Fault } from '../../errors.ts';

/** The server ends before the source has said everything. */
export class Stopping extends Fault {
  constructor() {
    super('unavailable', 'The server is being stopped; the run begins anew with the next one.');
  }
}

/** Does `work`, but waits for it no longer than the server serves. @throws Stopping */
export function unlessStopping<T>(stopping: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
  if (stopping === undefined) return work();
  return new Promise((done, fail) => {
    const stop = () => fail(new Stopping());
    if (stopping.aborted) return stop();
    stopping.addEventListener('abort', stop, { once: true });
    work()
      .then(done, fail)
      .finally(() => stopping.removeEventListener('abort', stop));
  });
}
