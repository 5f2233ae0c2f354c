/** Finished rounds, one JSON line each in the work folder, so that a benchmark that was stopped goes on where it was. */
import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { Cost } from './measure-process.ts';

export interface Measurement extends Cost {
  program: string;
  /** One of `OPERATIONS`, or of the benchmark of syncs. */
  operation: string;
  /** What the repository grew by, after a backup. */
  storedBytes?: number;
  /** User and system, of the server that a transfer went to or came from; resolution 10 ms. */
  serverCpuSeconds?: number;
}

export interface RoundRecord {
  /** Digest of all that makes rounds comparable: see `digestSetting`. */
  setting: string;
  /** Its name: one of `CORPORA`, or of the benchmarks of scaling and of syncs. */
  corpus: string;
  /** From 1. */
  round: number;
  /** RFC 3339, when it was finished. */
  finished: string;
  /** The machine's, of one minute, before the round: more than a little says that others were at work. */
  loadAverage: number;
  measurements: Measurement[];
}

export interface Setting {
  /** Its name: one of `CORPORA`, or of the benchmarks of scaling and of syncs. */
  corpus: string;
  scale: number;
  operations: string[];
  programs: { name: string; version: string }[];
  /** Of programs that make a key of a password. */
  scrypt?: { N: number; r: number; p: number };
  node: string;
}

export function digestSetting({ corpus, scale, operations, programs, scrypt, node }: Setting): string {
  const versions = programs.map(({ name, version }) => `${name}=${version}`);
  const text = JSON.stringify([corpus, scale, operations, versions, scrypt, node]);
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

/** The finished rounds of a setting, by their number. */
export function readRounds(work: string, setting: string): RoundRecord[] {
  const file = recordsFile(work);
  if (!existsSync(file)) return [];
  return readFileSync(file, 'utf8')
    .split('\n')
    .flatMap(parseLine)
    .filter((record) => record.setting === setting)
    .toSorted((a, b) => a.round - b.round);
}

export function appendRound(work: string, record: RoundRecord): void {
  const file = recordsFile(work);
  // A killed benchmark may have left half a line, which must not swallow this one.
  const start = existsSync(file) && !readFileSync(file, 'utf8').endsWith('\n') ? '\n' : '';
  appendFileSync(file, `${start}${JSON.stringify(record)}\n`);
}

function recordsFile(work: string): string {
  return path.join(work, 'rounds.jsonl');
}

/** A line that is not whole was being written when the benchmark was killed: its round is run again. */
function parseLine(line: string): RoundRecord[] {
  try {
    return [JSON.parse(line) as RoundRecord];
  } catch {
    return [];
  }
}
