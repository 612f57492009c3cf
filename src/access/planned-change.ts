import { z } from 'zod';

/** A change that deriving memberships anew makes, or would make, as it is shown. */
export const plannedChange = z.object({
  kind: z.string(),
  userId: z.string().nullable(),
  email: z.string().nullable(),
  /** `organization`, a workspace, or `workspace/product`. */
  scope: z.string().nullable(),
  role: z.string().nullable(),
  oldRole: z.string().nullable(),
  rule: z.string().nullable(),
  reason: z.string(),
});
