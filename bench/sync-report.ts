/** What the benchmark of syncs says: the machine, who took part, the figures, and the targets. */
import { renderMachine, type Machine } from './machine.ts';
import { HOLDFAST } from './programs.ts';
import type { ReportDocument, Table } from './report-document.ts';
import type { RoundRecord } from './round-records.ts';
import type { Row } from './summarize-rounds.ts';
import { isMissed } from './targets.ts';
import { RCLONE, RCLONE_TUNED } from './sync-programs.ts';

const MiB = 1024 * 1024;
const PEAK_BYTES = 250 * MiB;

/** Wall time at most, × that of rclone: `must` against its defaults, `aim` against its best flags. */
const WALL_TARGETS: Record<string, number> = { sync: 0.5, again: 0.8 };

export interface SyncReport {
  machine: Machine;
  programs: { name: string; version: string; told: string }[];
  /** Whether GNU time is there, which measures CPU and memory: without it they were not measured. */
  hasGnuTime: boolean;
  rows: Row[];
  verdicts: SyncVerdict[];
  rounds: RoundRecord[];
}

export interface SyncVerdict {
  level: 'must' | 'aim';
  corpus: string;
  operation: string;
  /** The program that it is measured against; undefined: peak memory, which is measured against nobody. */
  against: string | undefined;
  limit: number;
  /** A ratio, or bytes; undefined when it was not measured. */
  value: number | undefined;
}

/** Wall time is judged of the corpus `tree`, memory of all. */
export function judgeSyncs(rows: Row[]): SyncVerdict[] {
  return rows
    .filter(({ program }) => program === HOLDFAST)
    .flatMap(({ corpus, operation, highest }): SyncVerdict[] => {
      const ratioTo = (name: string): number | undefined =>
        rows.find((row) => row.corpus === corpus && row.operation === operation && row.program === name)?.ratios
          .wallSeconds?.median;
      const limit = corpus === 'tree' ? WALL_TARGETS[operation] : undefined;
      const shared = { corpus, operation };
      return [
        ...(limit === undefined
          ? []
          : ([
              { ...shared, level: 'must', against: RCLONE, limit, value: ratioTo(RCLONE) },
              { ...shared, level: 'aim', against: RCLONE_TUNED, limit, value: ratioTo(RCLONE_TUNED) },
            ] as const)),
        { ...shared, level: 'must', against: undefined, limit: PEAK_BYTES, value: highest.peakBytes },
      ];
    });
}

export function documentSyncs({ machine, programs, hasGnuTime, rows, verdicts, rounds }: SyncReport): ReportDocument {
  const finished = rounds
    .map((round) => round.finished)
    .toSorted()
    .at(-1);
  return {
    title: 'Local syncs beside rclone',
    origin: `Made by \`npm run bench -- sync\`, finished ${finished?.slice(0, 10) ?? 'never'}. The single rounds are in the JSON file beside this one.`,
    preface: [
      `${renderMachine(machine)}; page cache warm`,
      ...programs.map(({ name, version, told }) => `${name}: ${version}; ${told}`),
      hasGnuTime
        ? 'CPU (user and system) and peak memory are as the kernel counts them (GNU time).'
        : 'CPU and peak memory were NOT measured: GNU time is missing (apt install time).',
      'Figures are medians, peak memory the highest. Ratios are holdfast ÷ the program, round by round: the median (lowest to highest); less than 1 is better. Of many files only holdfast made a copy, which all found unchanged.',
    ],
    sections: [
      { title: 'Figures', table: figureTable(rows) },
      { title: 'Targets', table: targetTable(verdicts) },
    ],
  };
}

function figureTable(rows: Row[]): Table {
  return {
    head: ['operation', 'program', 'wall s', 'CPU s', 'peak MiB', 'ratio of wall', 'CPU', 'peak'],
    right: [2, 3, 4, 6, 7],
    rows: rows
      .filter(({ medians }) => medians.wallSeconds !== undefined)
      .map(({ corpus, operation, program, rounds, medians, highest, ratios }) => {
        const wall = ratios.wallSeconds;
        const told = rounds === 1 ? 'one round' : `${rounds} rounds`;
        return [
          `${corpus} ${operation}`,
          program,
          medians.wallSeconds?.toFixed(2) ?? '-',
          medians.cpuSeconds?.toFixed(2) ?? '-',
          highest.peakBytes === undefined ? '-' : (highest.peakBytes / MiB).toFixed(0),
          wall === undefined
            ? ''
            : `${wall.median.toFixed(2)} (${wall.lowest.toFixed(2)} to ${wall.highest.toFixed(2)}, ${told})`,
          ratios.cpuSeconds?.median.toFixed(2) ?? '',
          ratios.peakBytes?.median.toFixed(2) ?? '',
        ];
      }),
  };
}

function targetTable(verdicts: SyncVerdict[]): Table {
  return {
    head: ['operation', 'figure', 'level', 'target', 'is', ''],
    right: [4],
    rows: verdicts.map((verdict) => {
      const { corpus, operation, level, against, limit, value } = verdict;
      const format = (number: number): string =>
        against === undefined ? `${(number / MiB).toFixed(0)} MiB` : number.toFixed(2);
      return [
        `${corpus} ${operation}`,
        against === undefined ? 'peak memory, highest' : 'wall time',
        level,
        against === undefined ? `≤ ${format(limit)}` : `≤ ${format(limit)} × ${against}`,
        value === undefined ? '-' : format(value),
        value === undefined ? 'not measured' : isMissed(verdict) ? 'MISSED' : 'reached',
      ];
    }),
  };
}
