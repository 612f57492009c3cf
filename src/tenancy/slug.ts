/** How things are named in paths and in organization as code. */
import { z } from 'zod';

/** A slug: lower-case letters, digits and hyphens, at most 63 characters. */
export const slug = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'must be lower-case letters, digits and hyphens, at most 63');

/** A name that people read. */
export const displayName = z.string().trim().min(1).max(200);
