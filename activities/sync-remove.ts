/** Removes from a sync's target what the source no longer has, and then sets right what the removals touched. */
import type { ByteString } from '../common/byte-string.ts';
import { forEachConcurrently } from '../common/concurrency.ts';
import { HoldfastError, throwIfAborted } from '../common/errors.ts';
import { displayPath, parentPath } from '../files/byte-path.ts';
import type { FileEntry } from '../files/file-tree.ts';
import { requireSource } from './source-error.ts';
import { CONCURRENT_FILES_ELSEWHERE, copyEntry, metadataOf, removeOrKeep, type SyncRun } from './sync-copy.ts';

/**
 * Removes the given paths (the topmost of what goes) with all below them, in one walk of the target. The source is asked for
 * each once more: what vanished only while it was walked, or is there again, stays, and when all of it is gone the run fails.
 */
export async function removeEntries(
  run: SyncRun,
  tops: ReadonlySet<ByteString>,
  include: (entry: FileEntry) => boolean,
): Promise<void> {
  if (tops.size === 0) return;
  const opened: FileEntry[] = [];
  let top: ByteString | undefined;
  for await (const entry of run.target.walk({ signal: run.signal, include })) {
    while (opened.length > 0 && !isBelow(entry.path, opened.at(-1)!.path)) await removeFolder(run, opened.pop()!);
    if (top === undefined || !isBelow(entry.path, top)) top = await nextTop(run, tops, entry.path);
    if (top === undefined) continue;
    if (entry.type === 'dir') opened.push(entry);
    else await removeFile(run, entry);
  }
  while (opened.length > 0) await removeFolder(run, opened.pop()!);
}

async function nextTop(run: SyncRun, tops: ReadonlySet<ByteString>, path: ByteString): Promise<ByteString | undefined> {
  if (!tops.has(path) || (await run.source.stat(path)) !== undefined) return undefined;
  await requireSource(run.source, run.sourceRoot);
  return path;
}

function isBelow(path: ByteString, folder: ByteString): boolean {
  return path.startsWith(`${folder}/`);
}

async function removeFile(run: SyncRun, entry: FileEntry): Promise<void> {
  throwIfAborted(run.signal);
  await keepFolderTime(run, entry.path);
  await removeOrKeep(run, entry.path);
  run.progress.report({ phase: 'removing', files: run.figures.filesRemoved });
}

async function removeFolder(run: SyncRun, entry: FileEntry): Promise<void> {
  throwIfAborted(run.signal);
  await keepFolderTime(run, entry.path);
  await removeEmptied(run, entry.path);
}

/** The folder above stays as the source has it: removing from it touches its time. */
export async function keepFolderTime(run: SyncRun, path: ByteString): Promise<void> {
  const folder = parentPath(path);
  if (folder === '' || run.folders.has(folder)) return;
  const source = await run.source.stat(folder);
  if (source?.type !== 'dir') return openForRemoval(run, folder);
  run.folders.set(folder, metadataOf(run, source));
  if (!run.overrides) await run.target.setMetadata(folder, { mode: source.mode | 0o700 });
}

/** A folder that goes itself only has to let its content be removed. */
async function openForRemoval(run: SyncRun, folder: ByteString): Promise<void> {
  const entry = run.overrides ? undefined : await run.target.stat(folder);
  if (entry !== undefined && (entry.mode & 0o700) !== 0o700)
    await run.target.setMetadata(folder, { mode: entry.mode | 0o700 });
}

/** Sets modes and times of the folders that were written into, the inner ones first: a mode may close what lies below. */
export async function settleFolders(run: Pick<SyncRun, 'folders' | 'target' | 'signal'>): Promise<void> {
  const { folders, target, signal } = run;
  if (target.setMetadataOfAll !== undefined)
    return target.setMetadataOfAll(
      [...folders].toSorted(([a], [b]) => (a < b ? 1 : -1)),
      { signal },
    );
  const levels = [...Map.groupBy(folders, ([path]) => depthOf(path))].toSorted(([a], [b]) => b - a);
  for (const [, level] of levels)
    await forEachConcurrently(
      level,
      target.isRemote === true ? CONCURRENT_FILES_ELSEWHERE : 1,
      async ([path, metadata]) => {
        throwIfAborted(signal);
        await target.setMetadata(path, metadata);
      },
    );
}

/** Of the root 0. */
function depthOf(path: ByteString): number {
  return path === '' ? 0 : path.split('/').length;
}

/** Files whose place was a folder come in once the removals have emptied it. */
export async function placeDeferred(run: SyncRun): Promise<void> {
  for (const entry of run.deferred) {
    throwIfAborted(run.signal);
    if (await removeEmptied(run, entry.path)) await copyEntry(run, entry);
  }
}

async function removeEmptied(run: SyncRun, path: ByteString): Promise<boolean> {
  try {
    await run.target.remove(path);
    return true;
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error;
    // A folder that is there only as long as something lies in it has gone with the last of that.
    if (error.code === 'NotFound') return true;
    if (error.code !== 'AlreadyExists') throw error;
    noteKeptFolder(run, path);
    return false;
  }
}

/** What is excluded, or not the sync's own, is not touched; a folder that holds some stays. */
function noteKeptFolder(run: SyncRun, path: ByteString): void {
  const subject = `${run.target.description}/${displayPath(path)}`;
  const message = `${subject} is no longer in the source, but holds files that are excluded or not the sync's own, which it leaves alone`;
  run.findings.add({ code: 'sync/kept-folder', severity: 'notice', subject, message });
}
