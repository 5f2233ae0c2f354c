/** Copies the entries of one sync pair: folders and files in walk order, each atomically; then clears, removals and folder times. */
import type { ByteString } from '../common/byte-string.ts';
import { forEachConcurrently } from '../common/concurrency.ts';
import { HoldfastError, throwIfAborted } from '../common/errors.ts';
import type { Progress } from '../common/progress.ts';
import type { FindingList } from '../domain/findings.ts';
import type { SyncFigures } from '../domain/run-record.ts';
import { metadataDifference, type SyncDecision } from '../domain/sync-plan.ts';
import { displayPath } from '../files/byte-path.ts';
import type { EntryMetadata, FileEntry, FileTree } from '../files/file-tree.ts';
import { compareChecksums } from './compare-content.ts';
import { tryAgain } from '../storage/retrying.ts';
import { fromSource, heldStream, sourcePieces, troubleOf } from './source-error.ts';
import { openBulkCopies } from './sync-bulk.ts';
import { statSource } from './kept-entry.ts';
import { noteDamaged } from './sync-compare.ts';
import type { SyncRenames } from './sync-renames.ts';
import type { SyncVersions } from './sync-versions.ts';

/** Most of the time goes into making files durable, which a disk does for many at once. */
const CONCURRENT_FILES = 16;
/** Over a network most of it is waiting. */
export const CONCURRENT_FILES_ELSEWHERE = 32;
/** A file that changes while it is copied is copied once more, then taken as it is. */
const COPY_ATTEMPTS = 2;

export interface SyncRun {
  source: FileTree;
  /** Absent: there was nothing when the run began. */
  sourceRoot: FileEntry | undefined;
  target: FileTree;
  /** Owners are kept: only root can. */
  owners: boolean;
  /** Permissions do not hold this process back. */
  overrides: boolean;
  figures: SyncFigures;
  findings: FindingList;
  signal: AbortSignal;
  progress: Progress;
  /** Source files that could not be read while copying; the verification passes them over. */
  failed: Set<ByteString>;
  /** Folders whose metadata is set at the end, when nothing is written into them any more. */
  folders: Map<ByteString, EntryMetadata>;
  /** Files that come where a folder was, once that is empty. */
  deferred: FileEntry[];
  /** Where what is replaced and removed goes; absent: nowhere. */
  versions?: SyncVersions;
  /** What was renamed in the source; absent: nothing. */
  renames?: SyncRenames;
}

type Decision = SyncDecision<FileEntry>;

/** Makes a folder of the target. */
export type MakeFolder = FileTree['makeFolder'];

/** Carries out all decisions but removals. `expected`: how many files and links they copy. */
export async function copyEntries(
  run: SyncRun,
  decisions: AsyncIterable<Decision> | Iterable<Decision>,
  expected: number,
): Promise<void> {
  const copies = openBulkCopies(run, {
    expected,
    metadataOf: (entry) => metadataOf(run, entry),
    onCopied: (sizeBytes) => noteCopied(run, sizeBytes),
    onUnreadable: (path, error) => {
      run.failed.add(path);
      noteUnreadable(run, path, error);
    },
  });
  const makeFolder: MakeFolder = copies?.makeFolder ?? ((path, metadata) => run.target.makeFolder(path, metadata));
  try {
    const left = prepareFolders(run, decisions, makeFolder);
    const limit =
      run.target.isRemote === true || run.source.isRemote === true ? CONCURRENT_FILES_ELSEWHERE : CONCURRENT_FILES;
    await forEachConcurrently(copies?.take(left) ?? left, limit, async (decision) => {
      throwIfAborted(run.signal);
      await carryOut(run, decision);
    });
  } finally {
    await copies?.close();
  }
}

/** Makes folders in order, so that a file's folder is there before the file; hands on what concerns files. */
async function* prepareFolders(
  run: SyncRun,
  decisions: AsyncIterable<Decision> | Iterable<Decision>,
  makeFolder: MakeFolder,
): AsyncGenerator<Decision> {
  const above: { path: ByteString; source: FileEntry; target: FileEntry | undefined }[] = [];
  for await (const decision of decisions) {
    throwIfAborted(run.signal);
    const { path, source, target, step } = decision;
    while (above.length > 0 && !path.startsWith(`${above.at(-1)!.path}/`)) above.pop();
    const parent = above.at(-1);
    if (changesFolder(decision) && parent !== undefined) await openFolder(run, parent);
    if (source?.type === 'dir') await prepareFolder(run, decision, makeFolder);
    if (source?.type === 'dir' && step !== 'leave') above.push({ path, source, target });
    else if (source !== undefined) yield decision;
  }
}

function changesFolder({ step }: Decision): boolean {
  return step !== 'keep' && step !== 'leave';
}

/** Notes that the folder's own time must be set again, and lets its owner write into it meanwhile. */
async function openFolder(
  run: SyncRun,
  folder: { path: ByteString; source: FileEntry; target: FileEntry | undefined },
): Promise<void> {
  if (run.folders.has(folder.path)) return;
  run.folders.set(folder.path, metadataOf(run, folder.source));
  const { target } = folder;
  if (target?.type === 'dir' && (target.mode & 0o700) !== 0o700) {
    await run.target.setMetadata(folder.path, { mode: target.mode | 0o700 });
  }
}

async function prepareFolder(run: SyncRun, { path, source, step }: Decision, makeFolder: MakeFolder): Promise<void> {
  if (step === 'clear') {
    await removeOrKeep(run, path);
  }
  if (step === 'folder' || step === 'clear') {
    await makeFolder(path, { mode: source!.mode | 0o700 });
    run.folders.set(path, metadataOf(run, source!));
  }
  if (step === 'metadata') {
    run.folders.set(path, metadataOf(run, source!));
    await run.target.setMetadata(path, { mode: source!.mode | 0o700 });
    run.figures.metadataUpdated++;
  }
}

/** A file or link. */
export async function removeOrKeep(run: SyncRun, path: ByteString): Promise<void> {
  await (run.versions === undefined ? run.target.remove(path) : run.versions.keep(path));
  run.figures.filesRemoved++;
}

async function carryOut(run: SyncRun, decision: Decision): Promise<void> {
  const { step, source } = decision;
  switch (step) {
    case 'copy':
      if ((await run.renames?.take(run, source!)) === true) return undefined;
      return copyEntry(run, source!);
    case 'replace':
      return copyEntry(run, source!);
    case 'compare':
      return compareEntry(run, decision);
    case 'metadata':
      return updateMetadata(run, source!);
    case 'clear':
      run.deferred.push(source!);
      return undefined;
    case 'keep':
      if (source !== undefined) run.figures.filesUnchanged++;
      return undefined;
    default:
      return undefined;
  }
}

/** Of equal size: the content decides. */
async function compareEntry(run: SyncRun, { path, source, target }: Decision): Promise<void> {
  const comparison = await sourceErrorsAside(run, path, () => compareChecksums(run, path));
  if (comparison === undefined) return;
  if (comparison === 'damaged') noteDamaged(run, path, 'warning', 'It was copied anew; check the disk of the target.');
  if (comparison !== 'equal') return copyEntry(run, source!);
  run.figures.filesUnchanged++;
  if (metadataDifference(source!, target!, run.owners) !== undefined) await updateMetadata(run, source!);
}

async function updateMetadata(run: SyncRun, source: FileEntry): Promise<void> {
  await run.target.setMetadata(source.path, metadataOf(run, source));
  run.figures.metadataUpdated++;
}

/** Owners are a matter of root alone; links have no mode. */
export function metadataOf(run: SyncRun, { type, mode, mtimeNs, uid, gid, isImplied }: FileEntry): EntryMetadata {
  if (isImplied === true) return {};
  return { ...(type === 'symlink' ? {} : { mode }), mtimeNs, ...(run.owners ? { uid, gid } : {}) };
}

/** Copies one file or link. A source that cannot be read is a finding, and leaves the target's copy as it is. */
export async function copyEntry(run: SyncRun, entry: FileEntry): Promise<void> {
  const copied = await sourceErrorsAside(run, entry.path, async () => {
    if (entry.type !== 'symlink') return copyFile(run, entry);
    await place(run, entry.path, (at) => run.target.replaceSymlink(at, entry.linkTarget!, metadataOf(run, entry)));
    return 0;
  });
  if (copied === undefined) return;
  noteCopied(run, copied);
}

function noteCopied({ figures, progress }: SyncRun, sizeBytes: number): void {
  figures.filesCopied++;
  figures.bytesCopied += sizeBytes;
  progress.report({ phase: 'copying', files: figures.filesCopied, bytes: figures.bytesCopied });
}

/** The target gets the time from before the copy: what changed meanwhile is seen as changed by the next run. */
async function copyFile(run: SyncRun, entry: FileEntry): Promise<number> {
  let before = entry;
  for (let attempt = 1; ; attempt++) {
    const copy = (): Promise<number> => copyOnce(run, before, attempt === 1);
    // A connection that is lost costs the file that was on its way; the content can be read again.
    const mayLose = run.target.isRemote === true && run.target.triesAgain !== true;
    const bytes = await (mayLose ? tryAgain(copy, { signal: run.signal }) : copy());
    const after = await statSource(run, entry.path);
    if (after !== undefined && isSame(before, after) && bytes === after.sizeBytes) return bytes;
    if (after?.type !== 'file' || attempt === COPY_ATTEMPTS) {
      noteChanged(run, entry.path);
      return bytes;
    }
    before = after;
  }
}

/** @param isFirst What a second attempt replaces is the first one's, and not worth keeping. */
async function copyOnce(run: SyncRun, entry: FileEntry, isFirst: boolean): Promise<number> {
  let bytes = 0;
  const stream = heldStream(await fromSource(() => run.source.openRead(entry.path, { signal: run.signal })));
  async function* content(): AsyncGenerator<Uint8Array> {
    for await (const piece of sourcePieces(stream)) {
      bytes += piece.length;
      yield piece;
    }
  }
  const write = (at: ByteString): Promise<void> =>
    run.target.replace(at, content(), metadataOf(run, entry), { signal: run.signal });
  try {
    await (isFirst ? place(run, entry.path, write) : write(entry.path));
  } finally {
    stream.destroy();
  }
  return bytes;
}

/** Writes at the path, and keeps what was there if the policy says so. */
async function place(run: SyncRun, path: ByteString, write: (at: ByteString) => Promise<void>): Promise<void> {
  await (run.versions === undefined ? write(path) : run.versions.replace(path, write));
}

export function isSame(a: FileEntry, b: FileEntry): boolean {
  return a.type === b.type && a.inode === b.inode && a.sizeBytes === b.sizeBytes && a.mtimeNs === b.mtimeNs;
}

/** Undefined when the source could not be read: the finding says so. Troubles of the target are thrown. */
async function sourceErrorsAside<Result>(
  run: SyncRun,
  path: ByteString,
  work: () => Promise<Result>,
): Promise<Result | undefined> {
  try {
    return await work();
  } catch (error) {
    throwIfAborted(run.signal);
    const trouble = await troubleOf(run.source, error);
    run.failed.add(path);
    noteUnreadable(run, path, trouble);
    return undefined;
  }
}

export function noteUnreadable(run: Pick<SyncRun, 'source' | 'findings'>, path: ByteString, error: unknown): void {
  const subject = `${run.source.description}/${displayPath(path)}`;
  if (error instanceof HoldfastError && error.code === 'NotFound') {
    const message = `${subject} vanished before it could be copied`;
    run.findings.add({ code: 'source/vanished', severity: 'notice', subject, message });
    return;
  }
  run.findings.add({
    code: 'source/unreadable',
    severity: 'warning',
    subject,
    message: `${subject} could not be read; its copy in the target stays as it was: ${error instanceof Error ? error.message : String(error)}`,
    hint: "Let the worker's account read it, or exclude it.",
  });
}

function noteChanged(run: SyncRun, path: ByteString): void {
  const subject = `${run.source.description}/${displayPath(path)}`;
  run.findings.add({
    code: 'source/changed',
    severity: 'notice',
    subject,
    message: `${subject} changed while it was copied: its copy may hold parts of two moments until the next run`,
  });
}
