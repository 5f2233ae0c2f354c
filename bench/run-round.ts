/** One round: each operation by each program in turn, on the same files, before the next operation begins. */
import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { DATABASE_BYTES, DATABASE_NAME } from './corpora.ts';
import { editDatabaseFile } from './database-file.ts';
import type { EmptyRepository } from './empty-repository.ts';
import { measureFolder, warmPageCache } from './folder-contents.ts';
import { measureProcess, run, type Command } from './measure-process.ts';
import { createPlace, LIVE, loadPlace, savePlace } from './places.ts';
import { KINDS, type Place } from './program-kinds.ts';
import type { Program } from './programs.ts';
import type { Measurement } from './round-records.ts';
import { makeRoom, setAside } from './set-aside.ts';
import type { Operation } from './workload.ts';

export interface RoundTask {
  work: string;
  corpus: string;
  /** The corpus's. */
  folder: string;
  scale: number;
  operations: Operation[];
  programs: Program[];
  empty: EmptyRepository;
  gnuTime: string | undefined;
  say: (line: string) => void;
  /** What a command becomes before it is measured, such as one that a profiler watches. */
  instrument?: (operation: Operation, command: Command) => Command;
}

const RESTORED = 'restored';

interface Turn {
  program: Program;
  place: Place;
}

/** Another program begins each round, so that none always has the same one before it. */
export function runRound(task: RoundTask, round: number): Measurement[] {
  const first = (round - 1) % task.programs.length;
  const programs = [...task.programs.slice(first), ...task.programs.slice(0, first)];
  clear(task.work);
  makeRoom(task.work, measureFolder(task.folder).bytes * programs.length * 2, task.say);
  try {
    if (task.corpus === 'database') return runEdited(task, programs);
    const turns = programs.map((program) => ({ program, place: createPlace(task.work, program, task.empty) }));
    warmPageCache(task.folder);
    return task.operations.flatMap((operation) => runOperation(task, operation, turns));
  } finally {
    clear(task.work);
  }
}

/** Also before a round: one that was killed has cleared nothing. */
function clear(work: string): void {
  setAside(work, path.join(work, LIVE));
  setAside(work, path.join(work, RESTORED));
}

function runOperation(task: RoundTask, operation: Operation, turns: Turn[]): Measurement[] {
  const restored = path.join(task.work, RESTORED);
  return turns.map((turn): Measurement => {
    const target = path.join(restored, turn.program.name);
    if (operation === 'restore') mkdirSync(target, { recursive: true });
    const before = measureFolder(turn.place.repository).bytes;
    const measurement = measure(task, operation, turn, commandOf(operation, turn, task.folder, target));
    if (operation === 'restore') demandWhole(task.folder, target, turn.program.name);
    if (operation === 'backup' || operation === 'edited') {
      return { ...measurement, storedBytes: measureFolder(turn.place.repository).bytes - before };
    }
    return measurement;
  });
}

/** The second backup of a file, 1 % of which was overwritten since the first. */
function runEdited(task: RoundTask, programs: Program[]): Measurement[] {
  const file = path.join(task.folder, DATABASE_NAME);
  const bytes = DATABASE_BYTES * task.scale;
  editDatabaseFile(file, bytes, 0);
  for (const program of programs) {
    if (loadPlace(task.work, program, task.empty, savedName(task, program)) !== undefined) continue;
    task.say(`  first backup of the database by ${program.name}`);
    const place = createPlace(task.work, program, task.empty);
    run(KINDS[program.kind].backup(program.start, place, task.folder, 1));
    savePlace(task.work, place, savedName(task, program));
  }
  editDatabaseFile(file, bytes, 1);
  warmPageCache(task.folder);
  const turns = programs.map((program) => {
    const place = loadPlace(task.work, program, task.empty, savedName(task, program));
    if (place === undefined) throw new Error(`the first backup by ${program.name} is gone from ${task.work}.`);
    return { program, place };
  });
  return runOperation(task, 'edited', turns);
}

function savedName(task: RoundTask, program: Program): string {
  const identity = JSON.stringify([program.version, task.scale, task.empty.scrypt]);
  return `${program.name}-${createHash('sha256').update(identity).digest('hex').slice(0, 12)}`;
}

function measure(task: RoundTask, operation: Operation, { program }: Turn, command: Command): Measurement {
  // What others have written goes to the disk now, and not while this one is measured.
  run({ file: 'sync', args: [] });
  const cost = measureProcess(task.instrument?.(operation, command) ?? command, task.gnuTime);
  task.say(`  ${task.corpus} ${operation} ${program.name} ${cost.wallSeconds.toFixed(2)} s`);
  return { program: program.name, operation, ...cost };
}

function commandOf(operation: Operation, { program, place }: Turn, source: string, target: string): Command {
  const kind = KINDS[program.kind];
  switch (operation) {
    case 'backup':
      return kind.backup(program.start, place, source, 1);
    case 'again':
    case 'edited':
      return kind.backup(program.start, place, source, 2);
    case 'restore':
      return kind.restore(program.start, place, source, target);
    case 'check':
      return kind.check(program.start, place);
  }
}

/** A restore that left something out would only seem fast. */
function demandWhole(source: string, target: string, program: string): void {
  const [wanted, found] = [measureFolder(source), measureFolder(target)];
  if (wanted.files !== found.files || wanted.bytes !== found.bytes) {
    const told = `${found.files} files of ${found.bytes} bytes instead of ${wanted.files} of ${wanted.bytes}`;
    throw new Error(`${program} restored ${told}.`);
  }
}
