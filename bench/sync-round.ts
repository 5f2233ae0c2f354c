/** One round of the benchmark of syncs: each program in turn makes a copy, then all do so again with nothing changed. */
import { lstatSync, mkdirSync } from 'node:fs';
import { loadavg } from 'node:os';
import path from 'node:path';
import { type FolderContents, measureFolder, warmPageCache } from './folder-contents.ts';
import { measureProcess, run } from './measure-process.ts';
import { HOLDFAST } from './programs.ts';
import { SYNC_MARKER_FILE } from '../domain/sync-marker.ts';
import { appendRound, digestSetting, readRounds, type Measurement, type RoundRecord } from './round-records.ts';
import { makeRoom, setAside } from './set-aside.ts';
import type { SyncProgram } from './sync-programs.ts';

export type SyncOperation = (typeof SYNC_OPERATIONS)[number];
/** `again`: nothing has changed since. */
export const SYNC_OPERATIONS = ['sync', 'again'] as const;

const LIVE = 'synced';

export interface SyncTask {
  work: string;
  corpus: string;
  /** The corpus's. */
  source: string;
  programs: SyncProgram[];
  /** Only holdfast makes a copy, which all then find unchanged: for corpora of which many copies would take too long. */
  oneCopy: boolean;
  gnuTime: string | undefined;
  say: (line: string) => void;
}

/** From the finished ones when it is there, else run now and noted. */
export function findOrRunSyncRound(task: SyncTask, round: number, rounds: number): RoundRecord {
  const { work, corpus, programs, oneCopy, say } = task;
  const operations = [...SYNC_OPERATIONS, ...(oneCopy ? ['one copy'] : [])];
  const setting = digestSetting({ corpus, scale: 1, operations, programs, node: process.version });
  const finished = readRounds(work, setting).find((record) => record.round === round);
  if (finished !== undefined) return finished;
  say(`${corpus}, round ${round} of ${rounds}`);
  const loadAverage = loadavg()[0] ?? Number.NaN;
  const measurements = runRound(task, round);
  const record = { setting, corpus, round, finished: new Date().toISOString(), loadAverage, measurements };
  appendRound(work, record);
  return record;
}

/** Another program begins each round, so that none always has the same one before it. */
function runRound(task: SyncTask, round: number): Measurement[] {
  const { work, source, oneCopy, say } = task;
  const first = (round - 1) % task.programs.length;
  const programs = [...task.programs.slice(first), ...task.programs.slice(0, first)];
  const live = path.join(work, LIVE);
  setAside(work, live);
  mkdirSync(live, { recursive: true });
  const copying = oneCopy ? programs.filter(({ name }) => name === HOLDFAST) : programs;
  const targetOf = ({ name }: SyncProgram): string => path.join(live, oneCopy ? HOLDFAST : name, 'copy');
  const wanted = measureFolder(source);
  makeRoom(work, wanted.bytes * copying.length * 2, say);
  warmPageCache(source);
  try {
    const made = copying.map((program) => measure(task, program, 'sync', targetOf(program)));
    for (const program of copying) demandWhole(wanted, targetOf(program), program.name);
    return [...made, ...programs.map((program) => measure(task, program, 'again', targetOf(program)))];
  } finally {
    setAside(work, live);
  }
}

function measure(task: SyncTask, program: SyncProgram, operation: SyncOperation, target: string): Measurement {
  // What others have written goes to the disk now, and not while this one is measured.
  run({ file: 'sync', args: [] });
  const cost = measureProcess(program.command(task.source, target), task.gnuTime);
  task.say(`  ${task.corpus} ${operation} ${program.name} ${cost.wallSeconds.toFixed(2)} s`);
  return { program: program.name, operation, ...cost };
}

/** A sync that left something out would only seem fast. */
function demandWhole(wanted: FolderContents, target: string, program: string): void {
  const found = withoutMarker(target, measureFolder(target));
  if (wanted.files === found.files && wanted.bytes === found.bytes) return;
  const told = `${found.files} files of ${found.bytes} bytes instead of ${wanted.files} of ${wanted.bytes}`;
  throw new Error(`${program} copied ${told}.`);
}

/** The marker of holdfast's target is no copy of anything. */
function withoutMarker(target: string, { files, bytes }: FolderContents): FolderContents {
  const marker = lstatSync(path.join(target, SYNC_MARKER_FILE), { throwIfNoEntry: false });
  return marker === undefined ? { files, bytes } : { files: files - 1, bytes: bytes - marker.size };
}
