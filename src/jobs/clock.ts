/** The clock. Every instance ticks; what a tick starts is claimed in the database, so that one instance of the cluster does it. */
import { createTask } from 'node-cron';

export interface Clock {
  stop(): Promise<void>;
}

/** Calls `everyMinute` each minute. */
export function startClock(everyMinute: () => Promise<void>, onError: (error: unknown) => void): Clock {
  const minute = createTask('* * * * *', () => everyMinute().catch(onError));
  void minute.start();
  return {
    stop: async () => {
      await minute.destroy();
    },
  };
}
