/** Durations as XML Schema writes them (`P1DT12H`). Pure. */

const DURATION = /^P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?$/;
const DAY = 86_400_000;
/** Of years, months, days, hours, minutes, seconds. A month is reckoned as thirty days. */
const UNITS = [365 * DAY, 30 * DAY, DAY, 3_600_000, 60_000, 1000];

/** In milliseconds; undefined where the text is none. */
export function milliseconds(duration: string): number | undefined {
  const parts = DURATION.exec(duration.trim())?.slice(1);
  if (parts === undefined || parts.every((part) => part === undefined)) return undefined;
  return parts.reduce((sum, part, at) => sum + Number(part ?? 0) * (UNITS[at] ?? 0), 0);
}
