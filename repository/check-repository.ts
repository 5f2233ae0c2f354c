/** Check: is everything there, does it fit together, and are the bytes what they were? Every problem is named. */
import { bothAtOnce } from '../common/concurrency.ts';
import { throwIfAborted } from '../common/errors.ts';
import { silentProgress, type Progress } from '../common/progress.ts';
import type { Finding } from '../domain/finding.ts';
import { choosePacks, type ReadDataPart } from '../domain/read-data-part.ts';
import type { CheckFigures } from '../domain/run-record.ts';
import type { BlobIndex } from './blob-index.ts';
import { checkGuardingFiles } from './check-files.ts';
import { correctHints, damage } from './check-findings.ts';
import { loadIndexFiles } from './index-loading.ts';
import { EarlyPacks } from './early-packs.ts';
import { DamageLocator } from './locate-damage.ts';
import { markBlobs, type BlobMarks, type MarkProblem } from './mark-blobs.ts';
import { listIds, packName, PACK_PREFIX, unpackedName } from './object-names.ts';
import { ReaderPool } from './reader-pool.ts';
import type { Repository } from './repository.ts';
import type { StartedThreads } from './started-threads.ts';
import { verifyPacks, type PackVerdict } from './verify-packs.ts';

export interface CheckOptions {
  /** Which packs are read whole. */
  readData: ReadDataPart;
  signal?: AbortSignal;
  progress?: Progress;
  /** For many checks one after the other; stays open. Default: threads of its own. */
  pool?: ReaderPool;
  /** Threads for a pool of its own. */
  started?: StartedThreads | undefined;
}

export interface CheckResult {
  figures: CheckFigures;
  /** All of them; a caller that reports may shorten. Leftovers of interrupted work are notices. */
  problems: Finding[];
}

/** Damage whose place in files is still to be found: the affected blobs, by entry number. */
interface Suspect {
  finding: Finding;
  entries: number[];
}

/** A file that a suspect is part of needs to be named only this often. */
const MAX_FILES_PER_FINDING = 5;

/**
 * Checks config, keys, locks, snapshots, index, packs and trees, and reads a part of the packs. Damage never ends the check; only a storage
 * that cannot be read, or the signal, does. The caller holds a shared lock, so that nothing is deleted meanwhile.
 */
export async function checkRepository(repository: Repository, options: CheckOptions): Promise<CheckResult> {
  const pool = options.pool ?? new ReaderPool(repository, { signal: options.signal, started: options.started });
  let early: EarlyPacks | undefined;
  try {
    // While this thread reads the index.
    if (options.readData.kind !== 'none') pool.start();
    if (options.readData.kind === 'all') early = new EarlyPacks(repository, pool);
    return await checkWithThreads(repository, options, { pool, early });
  } finally {
    await early?.end();
    if (options.pool === undefined) await pool.close();
  }
}

interface Threads {
  pool: ReaderPool;
  early: EarlyPacks | undefined;
}

async function checkWithThreads(
  repository: Repository,
  options: CheckOptions,
  { pool, early }: Threads,
): Promise<CheckResult> {
  const { signal } = options;
  const problems = await checkGuardingFiles(repository, signal);
  const { snapshots, snapshotOfRoot } = await checkSnapshots(repository, problems, signal);
  await early?.primed;
  const { index } = await loadIndexFiles(repository, {
    signal,
    onError: (id, error) => problems.push(damage('repository/index-damaged', unpackedName('index', id), error.message)),
  });
  early?.stop();
  const suspects: Suspect[] = [];
  const roots = [...snapshotOfRoot.keys()];
  const [missing, { marks, found, verdicts, read }] = await bothAtOnce(
    signal,
    (signal) => checkPacks(repository, index, { problems, suspects, signal }),
    (signal) => readTreesAndPacks(repository, index, { roots, pool, early, options: { ...options, signal } }),
  );
  const locator = new DamageLocator(repository, index, marks, snapshotOfRoot);
  for (const problem of found) problems.push(await describeMarkProblem(problem, locator, snapshotOfRoot));
  const known = new Set(found.map(({ id }) => id));
  for (const { packId, pack, blobs } of verdicts) {
    if (missing.has(packId)) continue;
    for (const message of pack) problems.push(damage('repository/pack-damaged', packName(packId), message));
    for (const { id, message } of blobs) {
      if (known.has(id)) continue;
      const finding = damage('repository/blob-damaged', packName(packId), message);
      problems.push(finding);
      suspects.push({ finding, entries: entriesOf(index, id) });
    }
  }
  await nameFiles(repository, index, suspects, { pool, locator, marks, roots, signal });
  correctHints(problems);
  const figures: CheckFigures = {
    kind: 'check',
    snapshots,
    packs: index.packCount,
    blobs: index.blobCount,
    ...read,
    problems: problems.filter(({ severity }) => severity !== 'notice').length,
  };
  return { figures, problems };
}

/** At once: following trees level by level leaves threads without work, and packs have enough of it. */
async function readTreesAndPacks(
  repository: Repository,
  index: BlobIndex,
  context: Threads & { roots: string[]; options: CheckOptions },
): Promise<{
  marks: BlobMarks;
  found: MarkProblem[];
  verdicts: PackVerdict[];
  read: { packsRead: number; bytesRead: number };
}> {
  const { roots, pool, early, options } = context;
  const { progress = silentProgress } = options;
  const packs = Array.from({ length: index.packCount }, (_, packNumber) => ({
    id: index.packIdAt(packNumber),
    sizeBytes: index.packSizeBytes(packNumber),
  }));
  const chosen = choosePacks(packs, options.readData, Math.random);
  const found: MarkProblem[] = [];
  const verdicts: PackVerdict[] = [];
  const [marks, read] = await bothAtOnce(
    options.signal,
    (signal) =>
      markBlobs(repository, index, roots, pool, {
        signal,
        onProblem: (problem) => found.push(problem),
        onProgress: (files) => {
          if (chosen.length === 0) progress.report({ phase: 'reading trees', files });
        },
      }),
    (signal) =>
      verifyPacks(repository, index, chosen, pool, {
        signal,
        progress,
        early,
        onProblem: (verdict) => verdicts.push(verdict),
      }),
  );
  return { marks, found, verdicts, read };
}

/** How many there are, and their ids by root trees (of several with the same tree, one). */
async function checkSnapshots(
  repository: Repository,
  problems: Finding[],
  signal: AbortSignal | undefined,
): Promise<{ snapshots: number; snapshotOfRoot: Map<string, string> }> {
  const snapshots = await repository.listSnapshots({
    ...(signal === undefined ? {} : { signal }),
    onError: (id, error) => {
      const message = error instanceof Error ? error.message : String(error);
      problems.push(damage('repository/snapshot-damaged', unpackedName('snapshots', id), message));
    },
  });
  return { snapshots: snapshots.length, snapshotOfRoot: new Map(snapshots.map(({ tree, id }) => [tree, id])) };
}

/** Compares the storage with the index; returns the ids of the packs that are missing. */
async function checkPacks(
  repository: Repository,
  index: BlobIndex,
  context: { problems: Finding[]; suspects: Suspect[]; signal: AbortSignal | undefined },
): Promise<ReadonlySet<string>> {
  const { problems, suspects, signal } = context;
  const stored = new Map<string, number>();
  for await (const { id, sizeBytes } of listIds(repository.storage, PACK_PREFIX, signal)) stored.set(id, sizeBytes);
  const missing = new Set<string>();
  for (let packNumber = 0; packNumber < index.packCount; packNumber++) {
    const id = index.packIdAt(packNumber);
    const { start, end } = index.entriesOfPack(packNumber);
    const sizeBytes = stored.get(id);
    stored.delete(id);
    if (sizeBytes === undefined) {
      missing.add(id);
      const finding = damage('repository/pack-missing', packName(id), `pack ${id}, which the index names, is missing`);
      problems.push(finding);
      suspects.push({ finding, entries: Array.from({ length: end - start }, (_, position) => start + position) });
      continue;
    }
    const expected = index.packSizeBytes(packNumber);
    if (sizeBytes !== expected) {
      const message = `pack ${id} has ${sizeBytes} bytes, but must have ${expected}`;
      problems.push(damage('repository/pack-size', packName(id), message));
    }
  }
  for (const id of stored.keys()) {
    problems.push(damage('repository/pack-unindexed', packName(id), `pack ${id} is in no index`));
  }
  return missing;
}

async function describeMarkProblem(
  problem: MarkProblem,
  locator: DamageLocator,
  snapshotOfRoot: ReadonlyMap<string, string>,
): Promise<Finding> {
  const { kind, tree, id, message } = problem;
  const snapshot = snapshotOfRoot.get(id);
  if (kind === 'missing-tree' && tree < 0) {
    return damage('repository/blob-missing', id, `${message}; it is the root of snapshot ${snapshot?.slice(0, 8)}`);
  }
  if (kind === 'damaged-tree') {
    const path = await locator.pathOfTree(tree);
    return damage('repository/tree-damaged', id, path === undefined ? message : `${message}; it is the folder ${path}`);
  }
  const files = await locator.entriesWith(tree, new Set([id]));
  return damage('repository/blob-missing', id, files.length === 0 ? message : `${message}; needed by ${listOf(files)}`);
}

function entriesOf(index: BlobIndex, id: string): number[] {
  return [index.entryOf('data', id), index.entryOf('tree', id)].filter((entry) => entry >= 0);
}

/** Walks all trees once more, and adds to each suspect which files it is part of. */
async function nameFiles(
  repository: Repository,
  index: BlobIndex,
  suspects: readonly Suspect[],
  context: {
    pool: ReaderPool;
    locator: DamageLocator;
    marks: BlobMarks;
    roots: Iterable<string>;
    signal: AbortSignal | undefined;
  },
): Promise<void> {
  if (suspects.length === 0) return;
  const { pool, locator, marks, roots, signal } = context;
  const suspectOf = new Map(suspects.flatMap((suspect) => suspect.entries.map((entry) => [entry, suspect] as const)));
  const hits = new Map<Suspect, Map<number, Set<string>>>();
  await markBlobs(repository, index, roots, pool, {
    signal,
    onProblem() {},
    onTree: (tree, dataEntries) => {
      for (const entry of new Set(dataEntries)) {
        const suspect = suspectOf.get(entry);
        if (suspect === undefined) continue;
        const folders = hits.get(suspect) ?? new Map<number, Set<string>>();
        hits.set(suspect, folders);
        // One more than is shown tells that there are others.
        if (!folders.has(tree) && folders.size > MAX_FILES_PER_FINDING) continue;
        folders.set(tree, (folders.get(tree) ?? new Set()).add(index.entryAt(entry).blob.id));
      }
    },
  });
  for (const suspect of suspects) {
    const places: string[] = [];
    for (const [tree, ids] of hits.get(suspect) ?? []) {
      throwIfAborted(signal);
      places.push(...(await locator.entriesWith(tree, ids)));
    }
    const needed = suspect.entries.some((entry) => marks.has(entry));
    if (places.length > 0) suspect.finding.message += `; part of ${listOf(places)}`;
    else if (!needed) suspect.finding.message += '; no snapshot needs it';
  }
}

function listOf(places: readonly string[]): string {
  const shown = places.slice(0, MAX_FILES_PER_FINDING).join(', ');
  return places.length > MAX_FILES_PER_FINDING ? `${shown} and others` : shown;
}
