/**
 * The clock. Every instance ticks by node-cron; what a tick starts goes through the queue under a key of its minute, so that one
 * instance of the cluster does it.
 */
import { createTask, type ScheduledTask, validate } from 'node-cron';

export interface ScheduledWork {
  /** Tells one piece of scheduled work from another, across refreshes. */
  readonly id: string;
  /** Five-field cron expression. */
  readonly schedule: string;
  readonly timeZone: string;
}

export interface Clock {
  stop(): Promise<void>;
}

/** Whether a text is a cron expression that the clock understands. */
export function isSchedule(expression: string): boolean {
  return validate(expression);
}

/**
 * Calls `everyMinute` each minute, and `due` for each piece of work that `list` names when its time has come. The list is read anew
 * each minute, so that a changed schedule holds without a restart.
 */
export function startClock(
  everyMinute: () => Promise<void>,
  list: () => Promise<ScheduledWork[]>,
  due: (work: ScheduledWork, minute: Date) => Promise<void>,
  onError: (error: unknown) => void,
): Clock {
  const tasks = new Map<string, ScheduledTask>();
  const guarded = (work: () => Promise<void>) => () => work().catch(onError);

  async function refresh(): Promise<void> {
    const wanted = new Map((await list()).map((work) => [`${work.id} ${work.schedule} ${work.timeZone}`, work]));
    for (const [key, task] of tasks) {
      if (wanted.has(key)) continue;
      tasks.delete(key);
      await task.destroy();
    }
    for (const [key, work] of wanted) {
      if (tasks.has(key)) continue;
      const task = createTask(work.schedule, ({ triggeredAt }) => due(work, triggeredAt).catch(onError), {
        timezone: work.timeZone,
      });
      tasks.set(key, task);
      await task.start();
    }
  }

  const minute = createTask(
    '* * * * *',
    guarded(() => Promise.all([everyMinute(), refresh()]).then(() => undefined)),
  );
  void minute.start();
  void refresh().catch(onError);
  return {
    stop: async () => {
      await minute.destroy();
      await Promise.all([...tasks.values()].map((task) => task.destroy()));
    },
  };
}
