/** The clock. Every instance ticks; what a tick starts is claimed in the database, so that one instance of the cluster does it. */
import { createTask } from 'node-cron';

export interface Clock {
  stop(): Promise<void>;
}

/** Does all of `everyMinute`, one after the other, each minute. */
export function startClock(everyMinute: readonly (() => Promise<unknown>)[], onError: (error: unknown) => void): Clock {
  const minute = createTask('* * * * *', async () => {
    for (const work of everyMinute) await work().catch(onError);
  });
  void minute.start();
  return {
    stop: async () => {
      await minute.destroy();
    },
  };
}
