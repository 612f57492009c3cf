/** Rounds of pairs, and what is told of them. */

export interface Row {
  readonly what: string;
  /** What one operation costs, in milliseconds (of server CPU, or of wall time), median of the rounds. */
  readonly ours: number;
  readonly floor: number;
  /** Median of the rounds' own ratios. */
  readonly ratio: number;
  readonly statements: { readonly ours: number; readonly floor: number };
  readonly reach: string;
}

export interface Cost {
  /** Of server CPU, or of wall time where many requests run side by side. */
  readonly ms: number;
  readonly statements: number;
}

/** Measures two sides in turn, `rounds` times after one round that is not counted. */
export async function pairs(
  what: string,
  reach: string,
  rounds: number,
  sides: { readonly ours: () => Promise<Cost>; readonly floor: () => Promise<Cost> },
): Promise<Row> {
  await sides.ours();
  await sides.floor();
  const taken: { ours: Cost; floor: Cost }[] = [];
  for (let round = 0; round < rounds; round++) taken.push({ ours: await sides.ours(), floor: await sides.floor() });
  return {
    what,
    reach,
    ours: median(taken.map(({ ours }) => ours.ms)),
    floor: median(taken.map(({ floor }) => floor.ms)),
    ratio: median(taken.map(({ ours, floor }) => ours.ms / floor.ms)),
    statements: {
      ours: median(taken.map(({ ours }) => ours.statements)),
      floor: median(taken.map(({ floor }) => floor.statements)),
    },
  };
}

/** Rows as a Markdown table. */
export function table(rows: readonly Row[]): string[] {
  return [
    '| what | ours, ms | floor, ms | ratio | to reach | statements, ours : floor |',
    '| --- | --- | --- | --- | --- | --- |',
    ...rows.map(({ what, ours, floor, ratio, reach, statements }) => {
      const figures = [ours.toFixed(2), floor.toFixed(2), `${ratio.toFixed(1)}x`, reach];
      return `| ${what} | ${figures.join(' | ')} | ${statements.ours.toFixed(1)} : ${statements.floor.toFixed(1)} |`;
    }),
  ];
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
