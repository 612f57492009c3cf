/** A moment as people say it ("3 minutes ago"), exact on hovering. */
import { Text, Tooltip } from '@mantine/core';
import { text } from '../text/text.ts';

const AGO = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });
const EXACT = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'long' });
const STEPS = [
  ['year', 31_536_000],
  ['month', 2_592_000],
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
] as const;

export function Moment({
  at,
  absent = text.parts.never,
}: {
  readonly at: string | null | undefined;
  readonly absent?: string;
}) {
  if (!at)
    return (
      <Text span inherit>
        {absent}
      </Text>
    );
  const moment = new Date(at);
  return (
    <Tooltip label={EXACT.format(moment)}>
      <Text span inherit tabIndex={0} component="time" dateTime={at}>
        {inWords(moment)}
      </Text>
    </Tooltip>
  );
}

/** How far a moment is from now. */
export function inWords(moment: Date, now: Date = new Date()): string {
  const seconds = (moment.getTime() - now.getTime()) / 1000;
  const [unit, length] = STEPS.find(([, each]) => Math.abs(seconds) >= each) ?? ['second', 1];
  return AGO.format(Math.round(seconds / length), unit);
}

/** A moment for those who must know exactly: date, time and zone. */
export function exactly(at: string): string {
  return EXACT.format(new Date(at));
}
