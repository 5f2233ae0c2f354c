/** Whether time grows with the number of files and no faster, and whether memory stays bounded. */
import { renderMachine, type Machine } from './machine.ts';
import { HOLDFAST } from './programs.ts';
import type { ReportDocument, Table } from './report-document.ts';
import type { RoundRecord } from './round-records.ts';
import type { Row } from './summarize-rounds.ts';

const MiB = 1024 * 1024;
const MILLION = 1_000_000;
const PEAK_BYTES = { must: 500 * MiB, aim: 250 * MiB };
/** How much more an additional file may cost between two sizes than between the two sizes below them. */
const GROWTH = 1.5;

export interface ScalingReport {
  machine: Machine;
  programs: { name: string; version: string; keyDerivation: string }[];
  sizes: SizeRow[];
  verdicts: ScalingVerdict[];
  rounds: RoundRecord[];
}

export interface SizeRow {
  program: string;
  operation: string;
  files: number;
  wallSeconds: number;
  cpuSeconds: number | undefined;
  peakBytes: number | undefined;
  /** Wall time that each file beyond the next smaller size took; undefined for the smallest size. */
  secondsPerMoreFile: number | undefined;
}

export interface ScalingVerdict {
  level: 'must' | 'aim';
  operation: string;
  figure: 'peak' | 'growth';
  files: number;
  limit: number;
  /** Bytes, or a factor. */
  value: number;
}

/** `rows` of each size, in order of the sizes. */
export function sizeRows(parts: { files: number; rows: Row[] }[]): SizeRow[] {
  return parts.flatMap(({ files, rows }, index) =>
    rows.map((row): SizeRow => {
      const smaller = parts[index - 1];
      const before = smaller?.rows.find((each) => each.program === row.program && each.operation === row.operation)
        ?.medians.wallSeconds;
      const wallSeconds = row.medians.wallSeconds ?? Number.NaN;
      return {
        program: row.program,
        operation: row.operation,
        files,
        wallSeconds,
        cpuSeconds: row.medians.cpuSeconds,
        peakBytes: row.highest.peakBytes,
        secondsPerMoreFile:
          smaller === undefined || before === undefined ? undefined : (wallSeconds - before) / (files - smaller.files),
      };
    }),
  );
}

/** Of holdfast alone. Memory is judged at a million files and beyond. */
export function judgeScaling(rows: SizeRow[]): ScalingVerdict[] {
  const own = rows.filter(({ program }) => program === HOLDFAST);
  return own.flatMap(({ operation, files, peakBytes, secondsPerMoreFile }): ScalingVerdict[] => {
    const verdicts: ScalingVerdict[] = [];
    if (peakBytes !== undefined && files >= MILLION) {
      for (const level of ['must', 'aim'] as const) {
        verdicts.push({ level, operation, figure: 'peak', files, limit: PEAK_BYTES[level], value: peakBytes });
      }
    }
    const below = own.findLast((each) => each.operation === operation && each.files < files)?.secondsPerMoreFile;
    if (secondsPerMoreFile !== undefined && below !== undefined) {
      const value = secondsPerMoreFile / below;
      verdicts.push({ level: 'must', operation, figure: 'growth', files, limit: GROWTH, value });
    }
    return verdicts;
  });
}

export function documentScaling({ machine, programs, sizes, verdicts, rounds }: ScalingReport): ReportDocument {
  const finished = rounds
    .map((round) => round.finished)
    .toSorted()
    .at(-1);
  return {
    title: 'Backups of ten thousand to a million files',
    origin: `Made by \`npm run bench -- scaling\`, finished ${finished?.slice(0, 10) ?? 'never'}. The single rounds are in the JSON file beside this one.`,
    preface: [
      `${renderMachine(machine)}; page cache warm`,
      ...programs.map(({ name, version, keyDerivation }) => `${name}: ${version}; ${keyDerivation}`),
      'Wall and CPU seconds are medians, peak memory is the highest of all rounds.',
    ],
    sections: [
      { title: 'Figures', table: sizeTable(sizes) },
      { title: 'Targets', table: verdictTable(verdicts) },
    ],
  };
}

function sizeTable(rows: SizeRow[]): Table {
  return {
    head: ['files', 'operation', 'program', 'wall s', 'CPU s', 'peak MiB', 'µs a file', 'µs each file more'],
    right: [0, 3, 4, 5, 6, 7],
    rows: rows.map((row) => [
      String(row.files),
      row.operation,
      row.program,
      row.wallSeconds.toFixed(2),
      row.cpuSeconds?.toFixed(2) ?? '-',
      row.peakBytes === undefined ? '-' : (row.peakBytes / MiB).toFixed(0),
      ((row.wallSeconds / row.files) * 1e6).toFixed(1),
      row.secondsPerMoreFile === undefined ? '-' : (row.secondsPerMoreFile * 1e6).toFixed(1),
    ]),
  };
}

function verdictTable(verdicts: ScalingVerdict[]): Table {
  return {
    head: ['files', 'operation', 'figure', 'level', 'target', 'is', ''],
    right: [0, 5],
    rows: verdicts.map(({ files, operation, figure, level, limit, value }) => {
      const format = (number: number): string =>
        figure === 'peak' ? `${(number / MiB).toFixed(0)} MiB` : number.toFixed(2);
      const target = figure === 'peak' ? `≤ ${format(limit)}` : `≤ ${format(limit)} × each file more of the step below`;
      const reached = value <= limit ? 'reached' : 'MISSED';
      return [
        String(files),
        operation,
        figure === 'peak' ? 'peak memory' : 'growth',
        level,
        target,
        format(value),
        reached,
      ];
    }),
  };
}
