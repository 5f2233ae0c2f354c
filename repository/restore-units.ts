/** What a restore has to do, piece by piece: the snapshot's entries as the walk meets them, some small ones together. */
import type { ByteString } from '../common/byte-string.ts';
import { loadNativeCtr } from './native-cipher.ts';
import { loadNativeDecompressor } from './native-zstd.ts';
import { plainSize } from './plain-size.ts';
import type { Repository } from './repository.ts';
import type { RestoreRequest } from './restore.ts';
import { BIG_FILE_BYTES } from './restore-big-file.ts';
import { type LocatedBlob, locateContent } from './restore-blobs.ts';
import type { RestoreFolders } from './restore-folders.ts';
import type { LinkPlace, PlacedNode, RestoreLinks } from './restore-links.ts';
import type { RestoredNode, RestoreEntry, RestoreFolderEntries } from './restore-messages.ts';
import type { OwnerMap } from './restore-owners.ts';
import type { RestoreReport } from './restore-report.ts';
import type { RestoreSelection } from './restore-selection.ts';
import { placeOf, walkFrom, type RestoreStart } from './restore-walk.ts';
import type { TreeNode } from './tree-node.ts';
import { TreeReader } from './tree-reader.ts';

/** Entries of some folders, restored together. */
export interface BatchUnit {
  kind: 'batch';
  temporary: ByteString;
  folders: RestoreFolderEntries[];
  /** Of each entry, in the order of the folders. */
  contents: LocatedBlob[][];
}

/** A file that is written in parts. */
export interface FileUnit {
  kind: 'file';
  place: LinkPlace;
  entry: RestoreEntry;
  content: LocatedBlob[];
  sizeBytes: number;
}

export interface RestoreUnitsOptions {
  repository: Repository;
  request: RestoreRequest;
  selection: RestoreSelection;
  start: RestoreStart;
  owners: OwnerMap;
  report: RestoreReport;
  folders: RestoreFolders;
  links: RestoreLinks;
  nextTemporary: () => ByteString;
  /** Places have to be looked at: something may be there. */
  compares: boolean;
}

/** A batch is done in some milliseconds, and needs little memory. */
const MAX_BATCH_ENTRIES = 128;
const MAX_BATCH_BYTES = 4 * 1024 * 1024;

const RESTORABLE = new Set(['file', 'symlink', 'fifo', 'dev', 'chardev']);

export class RestoreUnits {
  readonly #options: RestoreUnitsOptions;

  constructor(options: RestoreUnitsOptions) {
    this.#options = options;
  }

  newBatch(): BatchUnit {
    return { kind: 'batch', temporary: this.#options.nextTemporary(), folders: [], contents: [] };
  }

  /** In tree order, but that a batch comes when it is full; folders are made on the way, and hard links noted. */
  all(): AsyncGenerator<BatchUnit | FileUnit> {
    return this.of(this.#taken());
  }

  /** Of these entries, whose folders are there. */
  async *of(entries: AsyncIterable<PlacedNode> | Iterable<PlacedNode>): AsyncGenerator<BatchUnit | FileUnit> {
    const { request } = this.#options;
    let batch = this.newBatch();
    let bytes = 0;
    for await (const { place, node } of entries) {
      const entry: RestoreEntry = { name: place.name, node: this.#neededOf(node) };
      const content = this.#locate(place, node);
      if (content === undefined) continue;
      const sizeBytes = sizeOf(content);
      if (this.#options.compares) entry.sizes = content.map((blob) => plainSize(blob));
      if (sizeBytes > BIG_FILE_BYTES && request.dryRun !== true) {
        yield { kind: 'file', place, entry, content, sizeBytes };
        continue;
      }
      const last = batch.folders.at(-1);
      if (last?.folder === place.folder) last.entries.push(entry);
      else batch.folders.push({ folder: place.folder, entries: [entry] });
      batch.contents.push(content);
      bytes += sizeBytes;
      if (batch.contents.length < MAX_BATCH_ENTRIES && bytes < MAX_BATCH_BYTES) continue;
      yield batch;
      batch = this.newBatch();
      bytes = 0;
    }
    if (batch.folders.length > 0) yield batch;
  }

  /** What is selected and neither a folder nor a link to an entry before it; the folders around it are there when it comes. */
  async *#taken(): AsyncGenerator<PlacedNode> {
    const { repository, request, selection, start, report, owners, folders, links } = this.#options;
    const walk = walkFrom(repository, start, {
      signal: request.signal,
      trees: new TreeReader(repository, loadNativeDecompressor(), loadNativeCtr(repository.key.encrypt)),
      descend: (path) => selection.descends(path),
      onError: (path, error) => report.addWalkProblem(path, error),
    });
    for await (const { path, node } of walk) {
      const place = placeOf(start, path);
      if (node.type === 'dir') folders.enter(place.path, owners.mapped(node));
      if (!selection.takes(path, node)) continue;
      if (node.type === 'dir') folders.make(place.path);
      // A socket means nothing without the program that listens on it.
      else if (node.type === 'socket') continue;
      else if (!RESTORABLE.has(node.type)) report.addProblem('restore/left-out', place.path, `it is a "${node.type}"`);
      else if (folders.make(place.folder) && !links.takes(place, node)) yield { place, node };
    }
  }

  /** undefined, and told: it cannot be restored. */
  #locate({ path }: LinkPlace, { type, content, size = 0 }: TreeNode): LocatedBlob[] | undefined {
    const { repository, report } = this.#options;
    const located = locateContent(repository, type === 'file' ? (content ?? []) : []);
    if (located === undefined) {
      report.addProblem('restore/damaged', path, 'part of its content is in no pack of the index');
      return undefined;
    }
    const sizeBytes = sizeOf(located);
    // It is restored all the same: it may be all that there is.
    if (type === 'file' && sizeBytes !== size)
      report.addProblem('restore/damaged', path, `its blobs have ${sizeBytes} bytes, the file ${size}`);
    return located;
  }

  /** What a thread must know of a node: the rest would only cost its way there. */
  #neededOf(node: TreeNode): RestoredNode {
    const { type, mtime, atime } = node;
    const { uid, gid } = this.#options.owners.mapped(node);
    // Nothing but a file has content, whatever a hostile tree says.
    const content = type === 'file' ? node.content : null;
    const needed: RestoredNode = { type, mtime, atime, uid, gid, content };
    if (node.mode !== undefined) needed.mode = node.mode;
    if (node.linktarget !== undefined) needed.linktarget = node.linktarget;
    if (node.extended_attributes !== undefined) needed.extended_attributes = node.extended_attributes;
    if (node.device !== undefined) needed.device = node.device;
    return needed;
  }
}

/** Plain bytes. */
export function sizeOf(content: readonly LocatedBlob[]): number {
  return content.reduce((sum, blob) => sum + plainSize(blob), 0);
}
