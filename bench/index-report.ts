/** What the index's benchmark says: what a blob weighs, how fast the tables are, and whether the bounds were kept. */
import { renderMachine, type Machine } from './machine.ts';
import type { ReportDocument } from './report-document.ts';

const MiB = 1024 * 1024;
const BYTES_A_BLOB = 64;
/** For ten million blobs; of other numbers in proportion, and never less than what a process of Node varies by. */
const BYTES_OF_TEN_MILLION = 640 * MiB;
const LEAST_BYTES = 16 * MiB;
const IN_ALL = 'memory in all';

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
  /** RFC 3339. */
  finished: string;
  machine: Machine;
  blobs: number;
  packs: number;
  threads: number;
  /** What the tables take by their own account. */
  tableBytes: number;
  /** What it holds beside its tables, above all the ids of the packs. */
  heapBytes: number;
  /** What the process grew by when the index was filled: also what V8 keeps of the memory that garbage took. */
  residentBytes: number;
  /** The most that was ever resident, with Node itself and with garbage. */
  peakBytes: number;
  rates: Rate[];
  verdicts: IndexVerdict[];
}

export function judgeIndex(blobs: number, tableBytes: number, heldBytes: number): IndexVerdict[] {
  const limit = Math.max((BYTES_OF_TEN_MILLION * blobs) / 10_000_000, LEAST_BYTES);
  return [
    { figure: 'tables, bytes a blob', limit: BYTES_A_BLOB, value: tableBytes / blobs },
    { figure: IN_ALL, limit, value: heldBytes },
  ];
}

export function documentIndex(report: IndexReport): ReportDocument {
  const { blobs, packs, tableBytes, heapBytes, residentBytes, peakBytes, rates, verdicts } = report;
  return {
    title: 'The index in memory',
    origin: `Made by \`npm run bench -- index\`, finished ${report.finished.slice(0, 10)}.`,
    preface: [
      renderMachine(report.machine),
      `${blobs} synthetic blobs in ${packs} packs; nothing is read or written`,
      `the tables take ${mebibytes(tableBytes)}, shared by all threads, and the ids of the packs ${mebibytes(heapBytes)}; with what garbage left the process grew by ${mebibytes(residentBytes)}, and was ${mebibytes(peakBytes)} at its most`,
    ],
    sections: [
      {
        title: 'Figures',
        table: {
          head: ['', 'threads', 'blobs', 'µs a blob and thread', 'blobs/s in all'],
          right: [1, 2, 3, 4],
          rows: rates.map(rateCells),
        },
      },
      {
        title: 'Targets',
        table: { head: ['figure', 'target', 'is', ''], right: [2], rows: verdicts.map(verdictCells) },
      },
    ],
  };
}

function verdictCells({ figure, limit, value }: IndexVerdict): string[] {
  const format = (number: number): string => (figure === IN_ALL ? mebibytes(number) : number.toFixed(1));
  return [figure, `≤ ${format(limit)}`, format(value), value <= limit ? 'reached' : 'MISSED'];
}

function mebibytes(bytes: number): string {
  return `${(bytes / MiB).toFixed(0)} MiB`;
}

function rateCells({ name, threads, blobs, seconds }: Rate): string[] {
  const microseconds = (seconds * threads * 1e6) / blobs;
  return [name, String(threads), String(blobs), microseconds.toFixed(2), (blobs / seconds).toFixed(0)];
}
