/** What a restore test restores: which repository, which snapshot, which files, so that in the end everything has been tested. */
import type { RestoreSample } from './action.ts';
import { isTurnOf, spread, turnsOfShare } from './turns.ts';
import type { Snapshot } from './snapshot.ts';

/** A test of fewer files says little: small snapshots are tested in larger parts. */
const FEWEST_FILES = 20;
/** With `mixed`, each test of this number takes an older snapshot. */
const MIXED_CYCLE = 4;

/** What one turn of a restore test does; it follows from the turn's number alone, so that a repeated attempt does the same. */
export interface TestTurn {
  /** Which of the repositories: they are tested in turn. */
  repository: number;
  /** With `mixed`: this test takes an older snapshot. */
  older: boolean;
  /** The number of this test among those of its repository and kind: the sample rotates by it. */
  sampleTurn: number;
  /** How many tests of the schedule pass, at most, for one of these. */
  testsPerTurn: number;
}

/**
 * Splits the schedule's turns over the repositories, and with `mixed` each fourth of a repository's to older
 * snapshots. Each part rotates through the files on its own, so that no file is tested in one repository, or in old
 * snapshots, only.
 */
export function splitTurn(turn: number, repositories: number, choice: 'latest' | 'random' | 'mixed'): TestTurn {
  const count = Math.max(1, repositories);
  const repository = turn % count;
  const own = Math.floor(turn / count);
  if (choice !== 'mixed') return { repository, older: false, sampleTurn: own, testsPerTurn: count };
  const cycle = Math.floor(own / MIXED_CYCLE);
  const older = own % MIXED_CYCLE === MIXED_CYCLE - 1;
  const testsPerTurn = (count * MIXED_CYCLE) / (MIXED_CYCLE - 1);
  return { repository, older, sampleTurn: older ? cycle : own - cycle, testsPerTurn };
}

export interface ChosenSnapshot {
  snapshot: Snapshot;
  /** Why it and no other, in words. */
  reason: string;
}

/**
 * The snapshot that this turn tests; undefined when there is none. `random` and the older ones of `mixed` follow from
 * the turn alone, so that a repeated attempt tests the same.
 */
export function chooseSnapshot(
  snapshots: readonly Snapshot[],
  choice: 'latest' | 'random' | 'mixed',
  turn: Pick<TestTurn, 'older' | 'sampleTurn'>,
): ChosenSnapshot | undefined {
  const ordered = snapshots.toSorted((a, b) => Date.parse(b.time) - Date.parse(a.time) || (a.id < b.id ? -1 : 1));
  const latest = ordered[0];
  if (latest === undefined) return undefined;
  const older = ordered.slice(1);
  if (turn.older && older.length > 0) {
    return { snapshot: pick(older, turn.sampleTurn), reason: 'an older one, as each fourth test' };
  }
  if (choice === 'random') return { snapshot: pick(ordered, turn.sampleTurn), reason: 'picked at random' };
  return { snapshot: latest, reason: 'the latest' };
}

function pick(snapshots: readonly Snapshot[], turn: number): Snapshot {
  return snapshots[Math.floor(spread(`turn ${turn}`) * snapshots.length)]!;
}

/** Decides for each file of the snapshot whether this turn restores it. */
export type SampleRule = (path: string) => boolean;

export interface SampleInput {
  sample: RestoreSample;
  /** Of the schedule: how far two tests lie apart. */
  everySeconds: number;
  turn: Pick<TestTurn, 'sampleTurn' | 'testsPerTurn'>;
  /** Files in the snapshot. */
  filesTotal: number;
  /** All files, whatever the sample says. */
  full: boolean;
}

/**
 * The rule that picks this turn's files by their paths. With `cover` every file is picked at least once in
 * `withinSeconds` of tests that happen as scheduled; with `files` about that many are picked, and every file in the
 * end; `all` picks all.
 */
export function planSample(input: SampleInput): { rule: SampleRule; turns: number; width: number } {
  const turns = countTurns(input);
  if (turns <= 1) return { rule: () => true, turns: 1, width: 1 };
  const wanted = Math.min(input.filesTotal, FEWEST_FILES);
  const width = Math.min(turns, Math.max(1, Math.ceil((wanted * turns) / Math.max(1, input.filesTotal))));
  return { rule: (path) => isTurnOf(path, input.turn.sampleTurn, turns, width), turns, width };
}

function countTurns({ sample, everySeconds, turn, filesTotal, full }: SampleInput): number {
  if (full || sample.kind === 'all') return 1;
  if (sample.kind === 'files') return sample.count >= filesTotal ? 1 : turnsOfShare(sample.count / filesTotal);
  // A run may start late by up to an interval: one turn fewer than fits keeps the promise.
  return Math.max(1, Math.floor(sample.withinSeconds / (everySeconds * turn.testsPerTurn)) - 1);
}

/** A sample of fewer tells how long a restore takes to begin, and nothing of its pace. */
const FEWEST_MEASURED_FILES = 100;
const FEWEST_MEASURED_BYTES = 8 * 1024 * 1024;
/** What is taken for the pace then, unless it was faster: that of a slow disk, and of a line of 32 Mbit/s. */
const SLOW_FILES_PER_SECOND = 50;
const SLOW_BYTES_PER_SECOND = 4 * 1024 * 1024;

/** The time a restore of everything would take at the measured pace, each file's fixed cost counted as well. */
export function estimateFullRestoreSeconds(measured: {
  seconds: number;
  files: number;
  bytes: number;
  filesTotal: number;
  bytesTotal: number;
}): number {
  const { seconds, files, bytes, filesTotal, bytesTotal } = measured;
  if (seconds <= 0) return seconds;
  const filesPace = Math.max(files / seconds, files < FEWEST_MEASURED_FILES ? SLOW_FILES_PER_SECOND : 0);
  const bytesPace = Math.max(bytes / seconds, bytes < FEWEST_MEASURED_BYTES ? SLOW_BYTES_PER_SECOND : 0);
  // Whichever is scarcer in the sample, files or bytes, tells how much more there is to do.
  return seconds + Math.max(0, (filesTotal - files) / filesPace, (bytesTotal - bytes) / bytesPace);
}
