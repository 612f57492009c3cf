/** Cases, departures and rehires as the administration API answers them. */
import { z } from 'zod';

/** Times within steps are text already: they come out of the database as JSON. */
const at = z.string();

export const caseAnswer = z.object({
  id: z.string(),
  userId: z.string(),
  email: z.string(),
  trigger: z.string(),
  reason: z.string(),
  runId: z.string().nullable(),
  ended: z.object({
    sessions: z.number(),
    grants: z.number(),
    oauthTokens: z.number(),
    invitations: z.number(),
    apps: z.array(z.string()),
    apiKeys: z.array(z.object({ id: z.string(), display: z.string(), kind: z.string(), end: z.string() })),
    memberships: z.array(z.object({ scope: z.string(), scopeId: z.string(), role: z.string(), source: z.string() })),
  }),
  triggeredAt: z.date(),
  openedAt: z.date(),
  closedAt: z.date().nullable(),
  rehiredAt: z.date().nullable(),
  totalSeconds: z.number().nullable(),
  steps: z.array(
    z.object({
      id: z.string(),
      kind: z.string(),
      target: z.string().nullable(),
      state: z.string(),
      attempts: z.number(),
      nextAttemptAt: at.nullable(),
      lastError: z.string().nullable(),
      /** What the other side answered. */
      proof: z.record(z.string(), z.unknown()).nullable(),
      finishedAt: at.nullable(),
    }),
  ),
});

const restored = {
  scope: z.string(),
  place: z.string().nullable(),
  role: z.string(),
  source: z.string(),
  expiresAt: z.date().nullable(),
};

export const rehireAnswer = z.object({
  userId: z.string(),
  email: z.string(),
  leftAt: z.date(),
  graceEndsAt: z.date(),
  restores: z.array(z.object(restored)),
  withholds: z.array(z.object({ ...restored, why: z.string() })),
  obstacles: z.array(z.string()),
});

export const departureAnswer = z.object({
  id: z.string(),
  userId: z.string(),
  email: z.string(),
  at: z.date(),
  reason: z.string(),
  plannedBy: z.string(),
  plannedAt: z.date(),
  state: z.enum(['planned', 'done', 'cancelled', 'overtaken', 'withheld']),
  settledAt: z.date().nullable(),
  settledBy: z.string().nullable(),
  settledReason: z.string().nullable(),
  caseId: z.string().nullable(),
});
