/** Runs and their plans as the administration API answers them. */
import { z } from 'zod';
import { plannedChange } from '../access/planned-change.ts';

export const runAnswer = z.object({
  id: z.string(),
  /** Its slug; null where rules were changed rather than a directory read. */
  directory: z.string().nullable(),
  trigger: z.string(),
  status: z.string(),
  /** How many changes of each kind. */
  counts: z.record(z.string(), z.number()),
  /** Why it is held, where it is. */
  guards: z.array(z.object({ guard: z.string(), reason: z.string() })),
  error: z.string().nullable(),
  startedAt: z.date(),
  finishedAt: z.date().nullable(),
  progress: z
    .object({
      phase: z.enum(['reading', 'planning', 'applying']),
      since: z.string(),
      records: z.number(),
      expected: z.number(),
    })
    .nullable(),
});

export const runsAnswer = z.object({ runs: z.array(runAnswer), next: z.string().nullable() });

export const changesAnswer = z.object({ changes: z.array(plannedChange), next: z.number().nullable() });
