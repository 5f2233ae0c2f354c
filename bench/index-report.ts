/** What the index's benchmark says: what a blob weighs, how fast the tables are, and whether the bounds were kept. */
import { renderTextTable } from './report-table.ts';

const MiB = 1024 * 1024;
const BYTES_A_BLOB = 64;
/** For ten million blobs; of other numbers in proportion, and never less than what a process of Node varies by. */
const BYTES_OF_TEN_MILLION = 640 * MiB;
const LEAST_BYTES = 16 * MiB;

/** `seconds` is what a thread spent, of `threads` that worked at once on `blobs` in all. */
export interface Rate {
  name: string;
  threads: number;
  blobs: number;
  seconds: number;
}

export interface IndexVerdict {
  figure: string;
  /** Bytes. */
  limit: number;
  value: number;
}

export interface IndexReport {
  node: string;
  blobs: number;
  packs: number;
  threads: number;
  /** What the tables take by their own account. */
  tableBytes: number;
  /** What the process grew by when the index was filled, without garbage. */
  residentBytes: number;
  /** The most that was ever resident, with Node itself and with garbage. */
  peakBytes: number;
  rates: Rate[];
  verdicts: IndexVerdict[];
}

export function judgeIndex(blobs: number, tableBytes: number, residentBytes: number): IndexVerdict[] {
  const limit = Math.max((BYTES_OF_TEN_MILLION * blobs) / 10_000_000, LEAST_BYTES);
  return [
    { figure: 'tables, bytes a blob', limit: BYTES_A_BLOB, value: tableBytes / blobs },
    { figure: 'memory in all, bytes', limit, value: residentBytes },
  ];
}

export function renderIndexReport(report: IndexReport): string {
  const { blobs, packs, tableBytes, residentBytes, peakBytes, node } = report;
  const mebibytes = (bytes: number): string => `${(bytes / MiB).toFixed(0)} MiB`;
  return [
    `${blobs} blobs in ${packs} packs, Node ${node}`,
    `tables ${mebibytes(tableBytes)}; the process grew by ${mebibytes(residentBytes)}, and was ${mebibytes(peakBytes)} at its most`,
    '',
    renderTextTable({
      head: ['', 'threads', 'blobs', 'µs a blob and thread', 'blobs/s in all'],
      right: [1, 2, 3, 4],
      rows: report.rates.map(rateCells),
    }),
    '',
    renderTextTable({
      head: ['figure', 'target', 'is', ''],
      right: [2],
      rows: report.verdicts.map(({ figure, limit, value }) => [
        figure,
        `≤ ${limit.toFixed(0)}`,
        value.toFixed(value < 1000 ? 1 : 0),
        value <= limit ? 'reached' : 'MISSED',
      ]),
    }),
    '',
  ].join('\n');
}

function rateCells({ name, threads, blobs, seconds }: Rate): string[] {
  const microseconds = (seconds * threads * 1e6) / blobs;
  return [name, String(threads), String(blobs), microseconds.toFixed(2), (blobs / seconds).toFixed(0)];
}
