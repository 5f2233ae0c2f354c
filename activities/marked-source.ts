/** Folders of a source elsewhere that say by a file in them that their content stays out: looked for while they are listed. */
import type { Readable } from 'node:stream';
import type { ByteString } from '../common/byte-string.ts';
import type { SourceSettings } from '../domain/action.ts';
import { baseName, fromText, joinPath, toBytes } from '../files/byte-path.ts';
import { keptBeside, parseMarkers, type ExcludeMarkers, type Marker } from '../files/exclude-markers.ts';
import type { FileEntry, FileTree, WalkOptions } from '../files/file-tree.ts';
import { passTree } from '../files/pass-tree.ts';
import { FOLDERS_AHEAD, sortForWalk, walkByListing } from '../files/walk-by-listing.ts';

/**
 * The tree, and what to ask for its marked folders while it is walked: they are known once the walk has listed them. Of a
 * folder of this machine the tree as it is, and no markers: there the disk is asked.
 *
 * @param directory Before whose paths the markers are asked for.
 */
export function markedSource(
  tree: FileTree,
  directory: string,
  settings: Pick<SourceSettings, 'excludeIfPresent' | 'excludeCaches'>,
): { source: FileTree; markers?: ExcludeMarkers } {
  if (tree.isRemote !== true) return { source: tree };
  const wanted = parseMarkers(settings);
  const root = fromText(directory);
  const marked = new Map<ByteString, ReadonlySet<ByteString>>();
  const markers: ExcludeMarkers = { isEmpty: wanted.length === 0, keptIn: (folder) => marked.get(folder) };
  if (markers.isEmpty) return { source: tree, markers };
  const list = async (folder: ByteString, options: WalkOptions): Promise<FileEntry[]> => {
    const entries: FileEntry[] = [];
    for await (const entry of tree.list(folder, { ...options, include: () => true })) entries.push(entry);
    const kept = keptBeside(await presentIn(tree, wanted, entries, options));
    if (kept === undefined) marked.delete(joinPath(root, folder));
    else marked.set(joinPath(root, folder), kept);
    return sortForWalk(entries);
  };
  return { markers, source: { ...passTree(tree), walk: (options) => walkByListing(list, options, FOLDERS_AHEAD) } };
}

/** A marker that cannot be read does not count. */
async function presentIn(
  tree: FileTree,
  wanted: readonly Marker[],
  entries: readonly FileEntry[],
  options: WalkOptions,
): Promise<Marker[]> {
  const present: Marker[] = [];
  for (const marker of wanted) {
    const entry = entries.find(({ path }) => baseName(path) === marker.name);
    if (entry === undefined) continue;
    if (marker.header === '' || (await beginsWith(tree, entry, marker.header, options))) present.push(marker);
  }
  return present;
}

async function beginsWith(
  tree: FileTree,
  { path, type }: FileEntry,
  header: ByteString,
  { signal, onError }: WalkOptions,
): Promise<boolean> {
  if (type !== 'file') return false;
  try {
    const start = await readStart(await tree.openRead(path, signal && { signal }), header.length);
    return start.equals(toBytes(header));
  } catch (error) {
    if (onError === undefined || signal?.aborted === true) throw error;
    onError(path, error);
    return false;
  }
}

async function readStart(stream: Readable, length: number): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  let read = 0;
  for await (const piece of stream as AsyncIterable<Uint8Array>) {
    pieces.push(piece);
    read += piece.length;
    // Leaving the loop ends the stream.
    if (read >= length) break;
  }
  return Buffer.concat(pieces).subarray(0, length);
}
