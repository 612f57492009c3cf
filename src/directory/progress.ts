/** How far a run has got, for whoever waits at a terminal: a bar there, and plain lines where nobody watches. */

export interface ProgressOutput {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  write(text: string): unknown;
}

export interface Progress {
  /** Takes how many records were read so far. */
  readonly show: (records: number) => void;
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
  let shown = 0;
  let last = now();
  const drawn = (records: number) => `\r${barOf(records, expected)} ${told(records, expected)}\x1b[K`;
  return {
    show: (records) => {
      if (output.isTTY === true) output.write(drawn(records));
      else if (now() - last >= LINE_EVERY_MS) {
        last = now();
        output.write(`${told(records, expected)}\n`);
      }
      shown = records;
    },
    end: () => {
      if (output.isTTY === true && shown > 0) output.write('\n');
    },
  };
}

function barOf(records: number, expected: number): string {
  if (expected === 0) return '';
  const full = Math.min(BAR, Math.round((records / expected) * BAR));
  return `[${'#'.repeat(full)}${'.'.repeat(BAR - full)}]`;
}

function told(records: number, expected: number): string {
  const number = new Intl.NumberFormat('en');
  return `${number.format(records)}${expected === 0 ? '' : ` of about ${number.format(expected)}`} people read`;
}
