/** Moves within a sync's target what was renamed in its source, once it is proven to be the same content. */
import type { ByteString } from '../common/byte-string.ts';
import { HoldfastError, throwIfAborted } from '../common/errors.ts';
import type { RenameCandidate } from '../domain/sync-renames.ts';
import { parentPath } from '../files/byte-path.ts';
import type { FileEntry } from '../files/file-tree.ts';
import { compareContent, isProvenByChecksum } from './compare-content.ts';
import { troubleOf } from './source-error.ts';
import { isSame, metadataOf, type SyncRun } from './sync-copy.ts';
import { asKept, statSource } from './kept-entry.ts';
import { keepFolderTime } from './sync-remove.ts';

/** What comes from a server in an answer or two: larger files are sent again, unless the server knows their checksum. */
const SMALL_FILE_BYTES = 1024 * 1024;

export interface SyncRenames {
  /** Whether the file with this path in the source was probably renamed. */
  has(path: ByteString): boolean;
  /** Whether one of them was moved into the folder, or below it. */
  leadInto(folder: ByteString): boolean;
  /** Whether the target has the file now, moved from where it was; false: it is to be copied. */
  take(run: SyncRun, entry: FileEntry): Promise<boolean>;
}

/** @param readsCheaply Reading from the target costs no more than writing to it. */
export function openSyncRenames(
  candidates: ReadonlyMap<ByteString, RenameCandidate>,
  { readsCheaply }: { readsCheaply: boolean },
): SyncRenames {
  const folders = new Set<ByteString>();
  for (const path of candidates.keys())
    for (let above = parentPath(path); above !== '' && !folders.has(above); above = parentPath(above))
      folders.add(above);
  return {
    has: (path) => candidates.has(path),
    leadInto: (folder) => folders.has(folder),
    async take(run, entry) {
      const from = candidates.get(entry.path)?.from;
      if (from === undefined || !(await isCandidate(run, entry, from))) return false;
      const isRead = readsCheaply || entry.sizeBytes <= SMALL_FILE_BYTES;
      if (!(await isProven(run, entry, from, isRead))) return false;
      await move(run, entry, from);
      return true;
    },
  };
}

/** Since the plan was made both may have changed, or the source may have the old name again. */
async function isCandidate(run: SyncRun, { path, sizeBytes, mtimeNs }: FileEntry, from: ByteString): Promise<boolean> {
  const [there, oldInSource, newThere] = await Promise.all([
    run.target.stat(from),
    run.source.stat(from),
    run.target.stat(path),
  ]);
  if (oldInSource !== undefined || newThere !== undefined) return false;
  return there?.type === 'file' && there.sizeBytes === sizeBytes && asKept(run, there).mtimeNs === mtimeNs;
}

async function isProven(run: SyncRun, entry: FileEntry, from: ByteString, isRead: boolean): Promise<boolean> {
  try {
    const equal = isRead
      ? (await compareContent(run, entry.path, from)) === 'equal'
      : await isProvenByChecksum(run, entry.path, from);
    if (!equal) return false;
    const after = await statSource(run, entry.path);
    return after !== undefined && isSame(entry, after);
  } catch (error) {
    throwIfAborted(run.signal);
    // The copy that follows says what is wrong with the source, and finds a target that was gone meanwhile.
    if (!(error instanceof HoldfastError && error.code === 'NotFound')) await troubleOf(run.source, error);
    return false;
  }
}

async function move(run: SyncRun, entry: FileEntry, from: ByteString): Promise<void> {
  await keepFolderTime(run, from);
  await run.target.rename(from, entry.path);
  await run.target.setMetadata(entry.path, metadataOf(run, entry));
  run.figures.filesRenamed = (run.figures.filesRenamed ?? 0) + 1;
}
