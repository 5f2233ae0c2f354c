/** Entries with what of their metadata a sync's target can keep: by this alone both sides are compared. */
import type { ByteString } from '../common/byte-string.ts';
import type { FileEntry, FileTree } from '../files/file-tree.ts';

export function asKept({ target }: { target: FileTree }, entry: FileEntry): FileEntry {
  return target.keeps === undefined ? entry : { ...entry, ...target.keeps(entry) };
}

/** Of the source, as the plan's entries have it. */
export async function statSource(
  trees: { source: FileTree; target: FileTree },
  path: ByteString,
): Promise<FileEntry | undefined> {
  const entry = await trees.source.stat(path);
  return entry && asKept(trees, entry);
}
