/**
 * The durable queue. It only wakes workers: what is to be done, and how far it has got, stands in our own rows, so a job that
 * runs twice or is lost changes nothing that the next sweep would not mend.
 */
import type { Transaction } from 'kysely';
import { fromKysely, PgBoss } from 'pg-boss';
import type { Log } from '../log.ts';
import type { Queue } from '../store/migrate.ts';
import type { Tables } from '../store/tables.ts';

/** What a job says: where to look. Never a secret, never a person's data. */
export interface JobData {
  readonly organizationId: string;
  readonly id: string;
}

export interface EnqueueOptions {
  /** Not before. */
  readonly startAfter?: Date;
  /** Of jobs with one key within `singletonSeconds`, only the first is taken. */
  readonly singletonKey?: string;
  readonly singletonSeconds?: number;
  readonly transaction?: Transaction<Tables>;
}

export interface JobQueue {
  enqueue(queue: Queue, data: JobData, options?: EnqueueOptions): Promise<void>;
  /** Takes jobs of a queue, one or so many at a time. A handler that throws has its job retried with growing pauses. */
  work(queue: Queue, handle: (data: JobData) => Promise<void>, atOnce?: number): Promise<void>;
  close(): Promise<void>;
}

/** Connects to the queue as the application's role. Running jobs are let finish on close. */
export async function openQueue(applicationUrl: string, log: Log): Promise<JobQueue> {
  const boss = new PgBoss({
    connectionString: applicationUrl,
    migrate: false,
    schedule: false,
    supervise: true,
    max: 4,
  });
  boss.on('error', (error) => log.warn({ error }, 'the queue reports an error'));
  await boss.start();
  return {
    enqueue: async (queue, data, { transaction, ...options } = {}) => {
      await boss.send(queue, data, { ...options, ...(transaction ? { db: fromKysely(transaction) } : {}) });
    },
    work: async (queue, handle, atOnce = 1) => {
      await boss.work<JobData>(
        queue,
        { pollingIntervalSeconds: 1, batchSize: 1, localConcurrency: atOnce },
        async (jobs) => {
          for (const job of jobs) await handle(job.data);
        },
      );
    },
    close: () => boss.stop({ graceful: true, timeout: 20_000 }),
  };
}
