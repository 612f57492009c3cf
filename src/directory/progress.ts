/** How far a run has got, for whoever waits at a terminal: a bar there, and plain lines where nobody watches. */
import type { Progress as RunProgress } from './reconcile/run-progress.ts';

export interface ProgressOutput {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  write(text: string): unknown;
}

export interface Progress {
  readonly show: (reached: RunProgress) => void;
  /** Leaves the line to whatever is said next. */
  readonly end: () => void;
}

const LINE_EVERY_MS = 5_000;
const BAR = 30;

/**
 * Shows it.
 * @param expected how many there were last time; 0 where nobody knows
 * @param now in milliseconds
 */
export function progressOn(output: ProgressOutput, expected: number, now: () => number = Date.now): Progress {
  let shown = false;
  let last = now();
  const drawn = (reached: RunProgress) => `\r${barOf(reached.records, expected)} ${told(reached, expected)}\x1b[K`;
  return {
    show: (reached) => {
      if (output.isTTY === true) output.write(drawn(reached));
      else if (now() - last >= LINE_EVERY_MS) {
        last = now();
        output.write(`${told(reached, expected)}\n`);
      }
      shown = true;
    },
    end: () => {
      if (output.isTTY === true && shown) output.write('\n');
    },
  };
}

function barOf(records: number, expected: number): string {
  if (expected === 0) return '';
  const full = Math.min(BAR, Math.round((records / expected) * BAR));
  return `[${'#'.repeat(full)}${'.'.repeat(BAR - full)}]`;
}

function told({ phase, records }: RunProgress, expected: number): string {
  const number = new Intl.NumberFormat('en');
  return `${number.format(records)}${expected === 0 ? '' : ` of about ${number.format(expected)}`} people read${phase === 'reading' ? '' : `, ${phase}`}`;
}
