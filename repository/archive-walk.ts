/** Goes through the scanned sources in byte order, compares them with the parent snapshot, and gives what must be read to the file queue. */
import { lstatSync } from 'node:fs';
import type { ByteString } from '../common/byte-string.ts';
import { throwIfAborted } from '../common/errors.ts';
import { fromText, joinPath, toBytes } from '../files/byte-path.ts';
import { entryStatOf, toStatTime } from '../files/entry-stat.ts';
import { isReadFailure } from './archive-messages.ts';
import type { FileIdentity, FileRead, ReadFailure } from './archive-messages.ts';
import type { ArchiveReport } from './archive-report.ts';
import { isUnchanged, type ChangeDetection } from './change-detection.ts';
import type { FileQueue } from './file-queue.ts';
import { OpenFolder } from './open-folder.ts';
import type { ParentFolder } from './parent-folder.ts';
import type { ParentTrees } from './parent-trees.ts';
import type { Repository } from './repository.ts';
import type { ScannedEntry, ScannedFolder } from './packed-folders.ts';
import { isSystemError, typeOf } from './source-node.ts';
import type { SourceScan } from './source-scan.ts';
import { decodeNodeText, encodeContent, encodeNode, type TreeNode } from './tree-node.ts';
import type { TreeSaver } from './tree-saver.ts';

export interface ArchiveWalkOptions {
  repository: Repository;
  scan: SourceScan;
  parents: ParentTrees;
  queue: FileQueue;
  trees: TreeSaver;
  report: ArchiveReport;
  changeDetection?: ChangeDetection | undefined;
  /** Lets other work of the thread go on, when it is time. */
  breathe: () => Promise<void> | undefined;
  signal?: AbortSignal | undefined;
}

/** Where the walk is: a folder of the scan, in the snapshot and in the parent snapshot. */
interface Place {
  path: ByteString;
  folder: OpenFolder;
  previous: ParentFolder | undefined;
}

/** A file that is being read. */
interface ReadEntry {
  path: ByteString;
  name: ByteString;
  head: ByteString;
  identity: FileIdentity;
  isNew: boolean;
}

export class ArchiveWalk {
  readonly #options: ArchiveWalkOptions;

  constructor(options: ArchiveWalkOptions) {
    this.#options = options;
  }

  /** Walks all; when it returns, files may still be under way in the queue. Throws Node's error when the root cannot be listed. */
  async run(parentTreeId: string | undefined): Promise<void> {
    const previous = await this.#options.parents.load(parentTreeId);
    const scanned = await this.#options.scan.next();
    const { failure } = scanned.notes;
    if (failure !== undefined) throw Object.assign(new Error(failure.message), failure);
    const path = '/' as ByteString;
    await this.#visitFolder({ path, folder: new OpenFolder(undefined, previous), previous }, scanned);
  }

  async #visitFolder(place: Place, scanned: ScannedFolder): Promise<void> {
    const { report, breathe, signal, trees } = this.#options;
    for (const path of scanned.notes.excluded) report.excluded(path);
    for (const { path, error } of scanned.notes.unreadable) report.unreadable(path, error);
    for (let entry = scanned.next(); entry !== undefined; entry = scanned.next()) {
      const pause = breathe();
      if (pause !== undefined) {
        await pause;
        throwIfAborted(signal);
      }
      const work = this.#visit(place, entry);
      if (work !== undefined) await work;
    }
    trees.settle(place.folder);
  }

  /** Returns a promise only where there is something to wait for: most entries are done at once. */
  #visit(place: Place, entry: ScannedEntry): Promise<void> | undefined {
    if (entry.kind === 'dir') return this.#visitSubfolder(place, entry);
    if (entry.kind === 'file') return this.#visitFile(place, entry);
    const same = place.previous?.take(entry.head);
    if (same !== undefined) place.folder.addSame(same.text);
    else place.folder.addText(`${entry.head},"content":null}` as ByteString);
    return undefined;
  }

  async #visitSubfolder(place: Place, { name, head }: ScannedEntry): Promise<void> {
    const path = joinPath(place.path, name);
    const same = place.previous?.take(head);
    const before = same ?? this.#findPrevious(place, name, 'dir');
    const next = this.#options.scan.next();
    const scanned = next instanceof Promise ? await next : next;
    const { failure } = scanned.notes;
    if (failure !== undefined) {
      // Without its content the folder is left out, as restic does.
      this.#options.report.unreadable(path, failure);
      place.folder.differ();
      return;
    }
    const loading = this.#options.parents.load(before?.subtree);
    const previous = loading instanceof Promise ? await loading : loading;
    const folder = place.folder.addFolder(
      { name, head },
      { treeId: before?.subtree, hasSameHead: same !== undefined, folder: previous },
    );
    await this.#visitFolder({ path, folder, previous }, scanned);
  }

  #visitFile(place: Place, entry: ScannedEntry): Promise<void> | undefined {
    const { report, queue, changeDetection } = this.#options;
    const { name, head, sizeBytes } = entry;
    const path = joinPath(place.path, name);
    const same = place.previous?.take(head);
    if (same !== undefined && this.#hasContent(same.content)) {
      place.folder.addSame(same.text);
      report.file('unmodified', path, sizeBytes);
      return undefined;
    }
    const { identity } = entry;
    const before = same === undefined ? this.#findPrevious(place, name, 'file') : undefined;
    if (same !== undefined || (before !== undefined && isUnchanged(identity, before, changeDetection))) {
      if (before !== undefined && this.#hasContent(before.content)) {
        place.folder.addText(fileText(head, before.content));
        report.file('unmodified', path, sizeBytes);
        return undefined;
      }
      report.missingContent(path);
    }
    const index = place.folder.addPending();
    const isNew = same === undefined && before === undefined;
    const done = (read: FileRead | ReadFailure): void =>
      this.#finishFile(place.folder, index, { path, name, head, identity, isNew }, read);
    return queue.add({ path, identity, done });
  }

  /** The parent snapshot's entry of this name and type. */
  #findPrevious(place: Place, name: ByteString, type: 'file' | 'dir'): TreeNode | undefined {
    place.folder.differ();
    const { previous } = place;
    if (previous === undefined) return undefined;
    try {
      const node = previous.find(name);
      return node?.type === type ? node : undefined;
    } catch (error) {
      this.#options.parents.refuse(previous.treeId, error);
      place.previous = undefined;
      return undefined;
    }
  }

  #finishFile(folder: OpenFolder, index: number, entry: ReadEntry, read: FileRead | ReadFailure): void {
    const { report, trees } = this.#options;
    const { path, isNew } = entry;
    folder.finishEntry(index, isReadFailure(read) ? undefined : this.#textOfRead(entry, read), false);
    if (isReadFailure(read)) {
      // What vanished before it was opened is as if it had vanished before the scan came by.
      if (read.code !== 'ENOENT') report.unreadable(path, Object.assign(new Error(read.message), { code: read.code }));
    } else {
      report.file(isNew ? 'new' : 'changed', path, read.sizeBytes);
      if (read.changedWhileRead) report.changedWhileRead(path);
    }
    trees.settle(folder);
  }

  /** The node as it was when its content was read. */
  #textOfRead({ name, head, path, identity }: ReadEntry, read: FileRead): ByteString {
    if (read.identity === undefined && read.sizeBytes === identity.sizeBytes) return fileText(head, read.content);
    const node =
      (read.identity && this.#lookAgain(path, name, read.identity)) ??
      decodeNodeText(toBytes(fileText(head, [])).toString('utf8'));
    return fromText(encodeNode({ ...node, size: read.sizeBytes, content: read.content }));
  }

  /** undefined: it is no longer there, or is something else; what was seen first has to do. */
  #lookAgain(
    path: ByteString,
    name: ByteString,
    { inode, mtimeNs, ctimeNs }: NonNullable<FileRead['identity']>,
  ): TreeNode | undefined {
    try {
      const stat = entryStatOf(lstatSync(toBytes(path), { bigint: true }));
      if (typeOf(stat) !== 'file') return undefined;
      // The times are those of before the reading, so that the next backup sees what changed since.
      return this.#options.scan.nodes.make(path, name, {
        ...stat,
        inode,
        mtime: toStatTime(mtimeNs),
        ctime: toStatTime(ctimeNs),
      });
    } catch (error) {
      if (isSystemError(error)) return undefined;
      throw error;
    }
  }

  #hasContent(content: readonly string[] | null): boolean {
    return content?.every((id) => this.#options.repository.hasBlob('data', id)) ?? true;
  }
}

function fileText(head: ByteString, content: readonly string[] | null): ByteString {
  return `${head},"content":${encodeContent(content)}}` as ByteString;
}
