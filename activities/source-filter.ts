/** Which entries of a source directory belong to it: the policy's excludes, marker files, sizes and file systems, for a walk. */
import type { ByteString } from '../common/byte-string.ts';
import type { SourceSettings } from '../domain/action.ts';
import { fromText, joinPath, parentPath } from '../files/byte-path.ts';
import { createExcludeMarkers, type ExcludeMarkers } from '../files/exclude-markers.ts';
import type { FileEntry } from '../files/file-tree.ts';
import { compilePatterns } from '../files/patterns.ts';

export interface SourceFilter {
  /** For `FileTree.walk` of the source: false leaves an entry, and all below it, out. */
  ofSource(entry: FileEntry): boolean;
  /**
   * For the walk of a copy of the source: only what the paths tell. Excluded paths are seen on neither side, so that a
   * mirror does not remove what somebody keeps there.
   */
  ofCopy(entry: FileEntry): boolean;
  /** Nothing is ever left out, on neither side. */
  readonly choosesAll: boolean;
}

/**
 * Patterns are matched against absolute paths of the source. `include` (`**`: all) chooses files; folders stay where
 * something below them could be chosen.
 *
 * @param directory Absolute.
 * @param device Of the directory, for `oneFileSystem`.
 * @param markers Default: those of the settings, in folders of this machine.
 */
export function createSourceFilter(
  settings: SourceSettings,
  directory: string,
  device: bigint | undefined,
  include: readonly string[] = ['**'],
  markers: ExcludeMarkers = createExcludeMarkers(settings),
): SourceFilter {
  const root = fromText(directory);
  const excluded = compilePatterns(settings.exclude);
  const included = compilePatterns(include);
  const all = included.isEmpty || include.includes('**');
  const isKept = rememberMarkers(markers, root);
  const byPath = (entry: FileEntry): boolean => {
    const path = joinPath(root, entry.path);
    if (excluded.matches(path)) return false;
    return all || included.matches(path) || (entry.type === 'dir' && included.mayMatchBelow(path));
  };
  const byEntry = (entry: FileEntry): boolean => {
    if (entry.type === 'dir') return true;
    const { excludeLargerThanBytes, oneFileSystem } = settings;
    if (excludeLargerThanBytes !== undefined && entry.sizeBytes > excludeLargerThanBytes) return false;
    return !oneFileSystem || device === undefined || entry.device === device;
  };
  const isUnlimited = settings.excludeLargerThanBytes === undefined && !settings.oneFileSystem;
  return {
    ofSource: (entry) => byPath(entry) && byEntry(entry) && isKept(entry.path),
    ofCopy: byPath,
    choosesAll: excluded.isEmpty && all && isUnlimited && markers.isEmpty,
  };
}

/** A walk asks for the entries of one folder in a row, and comes back to those above it. */
function rememberMarkers(
  markers: ReturnType<typeof createExcludeMarkers>,
  root: ByteString,
): (path: ByteString) => boolean {
  if (markers.isEmpty) return () => true;
  const folders: { path: ByteString; kept: ReadonlySet<ByteString> | undefined }[] = [];
  return (path) => {
    const folder = parentPath(path);
    while (folders.length > 0 && !isWithin(folder, folders.at(-1)!.path)) folders.pop();
    let current = folders.at(-1);
    if (current?.path !== folder) {
      current = { path: folder, kept: markers.keptIn(joinPath(root, folder)) };
      folders.push(current);
    }
    return (
      current.kept === undefined || current.kept.has(path.slice(folder === '' ? 0 : folder.length + 1) as ByteString)
    );
  };
}

function isWithin(path: ByteString, folder: ByteString): boolean {
  return folder === '' || path === folder || path.startsWith(`${folder}/`);
}
