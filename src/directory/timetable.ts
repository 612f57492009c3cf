/** When a scheduled directory is due. Pure. */
import { createHash } from 'node:crypto';
import { CronExpressionParser } from 'cron-parser';

export interface Timetable {
  readonly directoryId: string;
  /** Five fields. */
  readonly schedule: string;
  readonly timeZone: string;
  /** Directories of one schedule do not all begin in one minute: each has its own delay, of fewer minutes than this. */
  readonly spreadMinutes: number;
  /** What was due up to here has been seen to. */
  readonly from: Date;
}

/** Whether a text is a cron expression of five fields that ever comes true. */
export function isSchedule(expression: string): boolean {
  // A lone H would be another time each time it is read.
  if (expression.trim().split(/\s+/).length !== 5 || /(?<![A-Za-z])H/i.test(expression)) return false;
  try {
    CronExpressionParser.parse(expression).next();
    return true;
  } catch {
    return false;
  }
}

/**
 * The first time at which it is due after what has been seen to; in the past where that was missed. An hour that a time zone leaves out is
 * made up for right after it, one that it has twice counts once.
 */
export function nextDue({ directoryId, schedule, timeZone, spreadMinutes, from }: Timetable): Date {
  const delay = delayOf(directoryId, spreadMinutes);
  const expression = CronExpressionParser.parse(schedule, {
    tz: timeZone,
    currentDate: new Date(from.getTime() - delay),
  });
  return new Date(expression.next().getTime() + delay);
}

/** The same for one directory at all times, in milliseconds. */
function delayOf(directoryId: string, spreadMinutes: number): number {
  if (spreadMinutes === 0) return 0;
  return (createHash('sha256').update(directoryId).digest().readUInt32BE() % spreadMinutes) * 60_000;
}
