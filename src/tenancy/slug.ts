/** How things are named in paths and in organization as code. */
import { z } from 'zod';
import { isId } from '../store/tenant.ts';

/** A slug: lower-case letters, digits and hyphens, at most 63 characters; never one that could be taken for something's id. */
export const slug = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'must be lower-case letters, digits and hyphens, at most 63')
  .refine((name) => !isId(name), 'must not look like an id');

/** A name that people read. */
export const displayName = z.string().trim().min(1).max(200);
