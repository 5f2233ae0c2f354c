/** Medians of the rounds, and holdfast's ratio to each peer, taken within each round: what disturbs a round disturbs both. */
import { HOLDFAST } from './programs.ts';
import type { Measurement, RoundRecord } from './round-records.ts';

/** What is compared; less is better for each. */
export const FIGURES = ['wallSeconds', 'cpuSeconds', 'serverCpuSeconds', 'peakBytes', 'storedBytes'] as const;
export type Figure = (typeof FIGURES)[number];

export interface Ratio {
  median: number;
  lowest: number;
  highest: number;
}

export interface Row {
  corpus: string;
  operation: string;
  program: string;
  rounds: number;
  /** What was not measured is not there. */
  medians: Partial<Record<Figure, number>>;
  /** Of all rounds, where the median would hide what happens now and then. */
  highest: Partial<Record<Figure, number>>;
  /** holdfast's figure divided by this program's; empty for holdfast itself. */
  ratios: Partial<Record<Figure, Ratio>>;
}

/** One row for each operation and program, in the order in which they were given. */
export function summarizeRounds(
  corpus: string,
  operations: string[],
  programs: string[],
  rounds: Pick<RoundRecord, 'measurements'>[],
): Row[] {
  return operations.flatMap((operation) =>
    programs.map((program) => {
      const row: Row = { corpus, operation, program, rounds: rounds.length, medians: {}, highest: {}, ratios: {} };
      for (const figure of FIGURES) {
        const pairs = rounds.flatMap((round) => pairOf(round, operation, program, figure));
        if (pairs.length === 0) continue;
        const own = pairs.map((pair) => pair.own);
        row.medians[figure] = median(own);
        row.highest[figure] = Math.max(...own);
        const ratios = pairs.map((pair) => pair.holdfast / pair.own);
        if (program === HOLDFAST || !ratios.every(Number.isFinite)) continue;
        row.ratios[figure] = { median: median(ratios), lowest: Math.min(...ratios), highest: Math.max(...ratios) };
      }
      return row;
    }),
  );
}

function pairOf(
  round: Pick<RoundRecord, 'measurements'>,
  operation: string,
  program: string,
  figure: Figure,
): { own: number; holdfast: number }[] {
  const own = find(round, operation, program)?.[figure];
  const holdfast = find(round, operation, HOLDFAST)?.[figure];
  return own === undefined || holdfast === undefined ? [] : [{ own, holdfast }];
}

function find(round: Pick<RoundRecord, 'measurements'>, operation: string, program: string): Measurement | undefined {
  return round.measurements.find((each) => each.operation === operation && each.program === program);
}

/** Of an even number the mean of the two in the middle. */
function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
  const lower = sorted[Math.floor((sorted.length - 1) / 2)] ?? Number.NaN;
  return (lower + upper) / 2;
}
