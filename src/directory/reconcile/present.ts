/** Whether a record of a directory counts at this moment: said in one place for everybody who asks. */
import { sql } from 'kysely';

/** Of the record `d`: it has not ended, by itself or for having been missing too long. */
const LASTS = sql`d.deleted_at IS NULL AND d.active AND coalesce(least(d.ends_at, d.leaves_at) > now(), true)`;

/** The record `d` says that its person is there now. */
export const PRESENT = sql`(${LASTS} AND coalesce(d.starts_at <= now(), true))`;

/** It says that its person has left, rather than that they are yet to start. */
export const GONE = sql`NOT (${LASTS})`;
