/** Walks the sources of a backup in byte order, makes the nodes, and gives what must be read to the file queue. */
import { lstatSync, readdirSync, statSync, type BigIntStats } from 'node:fs';
import { readdir } from 'node:fs/promises';
import type { ByteString } from '../common/byte-string.ts';
import { throwIfAborted } from '../common/errors.ts';
import { joinPath, toBytes } from '../files/byte-path.ts';
import { isReadFailure } from './archive-messages.ts';
import type { FileRead, ReadFailure } from './archive-messages.ts';
import type { ArchiveReport } from './archive-report.ts';
import { isUnchanged, type ChangeDetection } from './change-detection.ts';
import type { FileQueue } from './file-queue.ts';
import { OpenFolder } from './open-folder.ts';
import type { ParentFolder, ParentTrees } from './parent-trees.ts';
import type { Repository } from './repository.ts';
import { identityOf, typeOf, type SourceNodes } from './source-node.ts';
import type { SourceSelection } from './source-selection.ts';
import type { SourceFolder } from './source-tree.ts';
import type { TreeNode } from './tree-node.ts';
import type { TreeSaver } from './tree-saver.ts';

/** A folder whose own size is beyond this has thousands of entries: listing it would hold the thread up. */
const LARGE_FOLDER_BYTES = 65_536n;

export interface ArchiveWalkOptions {
  repository: Repository;
  parents: ParentTrees;
  nodes: SourceNodes;
  selection: SourceSelection;
  queue: FileQueue;
  trees: TreeSaver;
  report: ArchiveReport;
  changeDetection?: ChangeDetection | undefined;
  /** Lets other work of the thread go on, when it is time. */
  breathe: () => Promise<void> | undefined;
  signal?: AbortSignal | undefined;
}

/** Trees of the parent snapshot that are read ahead in each folder on the way. */
const TREES_AHEAD = 6;

/** Where the walk is: a folder on disk, in the snapshot and in the parent snapshot. */
interface Place {
  path: ByteString;
  folder: OpenFolder;
  previous: ParentFolder | undefined;
  /** Of a folder that is, or leads to, a source; absent further down. */
  plan: SourceFolder | undefined;
  /** Inside a source: everything is backed up, not only what the plan names. */
  inSource: boolean;
  /** The device a source is on, for `oneFileSystem`. */
  device: bigint | undefined;
}

export class ArchiveWalk {
  readonly #options: ArchiveWalkOptions;

  constructor(options: ArchiveWalkOptions) {
    this.#options = options;
  }

  /** Walks all; when it returns, files may still be under way in the queue. */
  async run(plan: SourceFolder, parentTreeId: string | undefined): Promise<void> {
    const folder = new OpenFolder(undefined, undefined, undefined);
    const previous = await this.#options.parents.load(parentTreeId);
    const device = plan.isSource ? statSync('/', { bigint: true }).dev : undefined;
    const place: Place = { path: plan.path, folder, previous, plan, inSource: plan.isSource, device };
    await this.#visitFolder(place, await this.#listNames(place, 0n));
  }

  async #visitFolder(place: Place, names: ByteString[]): Promise<void> {
    const ahead = this.#readAhead(place.previous, names);
    for (const name of names) {
      ahead.next();
      const pause = this.#options.breathe();
      if (pause !== undefined) {
        await pause;
        throwIfAborted(this.#options.signal);
      }
      const work = this.#visit(place, name, joinPath(place.path, name));
      if (work !== undefined) await work;
    }
    this.#options.trees.settle(place.folder);
  }

  /** Keeps the parent's trees of the next few subfolders on their way: each step is for one name. */
  *#readAhead(previous: ParentFolder | undefined, names: ByteString[]): Generator<void> {
    const wanted = names.map((name) => subtreeOf(previous?.get(name)));
    let begun = 0;
    let ahead = 0;
    for (const own of wanted) {
      while (begun < wanted.length && ahead < TREES_AHEAD) {
        const treeId = wanted[begun++];
        if (treeId === undefined) continue;
        this.#options.parents.readAhead(treeId);
        ahead++;
      }
      yield;
      if (own === undefined) continue;
      // Taken by now, unless the subfolder is gone or excluded.
      this.#options.parents.forget(own);
      ahead--;
    }
  }

  /** In byte order. Throws Node's error when the folder cannot be listed. */
  async #listNames(place: Place, folderBytes: bigint): Promise<ByteString[]> {
    const { path, plan, inSource } = place;
    if (!inSource) return [...(plan?.children.keys() ?? [])].toSorted();
    const names = await listFolder(path, folderBytes);
    // What a marker file excludes stays away, but for sources that are named in their own right.
    return this.#options.selection.keepNames(path, names, plan?.children).toSorted();
  }

  /** Returns a promise only where there is something to wait for: most entries are done at once. */
  #visit(place: Place, name: ByteString, path: ByteString): Promise<void> | undefined {
    const { selection, report } = this.#options;
    const plan = place.plan?.children.get(name);
    if (plan === undefined && selection.excludesPath(path)) return undefined;
    let stat: BigIntStats | undefined;
    try {
      // Above a source, and most often at it, a link stands for what it points to; within one it is itself.
      stat = isFollowed(plan) ? statSync(toBytes(path), LSTAT) : lstatSync(toBytes(path), LSTAT);
      // It vanished since its folder was listed.
      if (stat === undefined) return undefined;
      if (plan === undefined && selection.excludesEntry(path, stat, place.device)) return undefined;
      return this.#visitEntry(place, name, path, stat, plan);
    } catch (error) {
      if (!isSystemError(error)) throw error;
      report.unreadable(path, error);
      return undefined;
    }
  }

  #visitEntry(
    place: Place,
    name: ByteString,
    path: ByteString,
    stat: BigIntStats,
    plan: SourceFolder | undefined,
  ): Promise<void> | undefined {
    const type = typeOf(stat);
    // restic leaves sockets out: a program makes its own anew.
    if (type === 'socket' || type === undefined) return undefined;
    const isAbove = plan !== undefined && !plan.isSource && !place.inSource;
    const node = this.#options.nodes.make(path, name, stat, { ignoreAttributes: isAbove });
    if (type === 'dir') return this.#visitSubfolder(place, node, path, stat, plan);
    if (type === 'file') return this.#visitFile(place, node, path, stat);
    place.folder.add(node);
    return undefined;
  }

  async #visitSubfolder(
    place: Place,
    node: TreeNode,
    path: ByteString,
    stat: BigIntStats,
    plan: SourceFolder | undefined,
  ): Promise<void> {
    const before = place.previous?.get(node.name);
    const folder = new OpenFolder(node, place.folder, before);
    const isSource = plan?.isSource ?? false;
    // Where another file system is mounted the folder stays, empty, as restic keeps it.
    const isForeign = !isSource && this.#options.selection.isForeignFolder(stat, place.device);
    const inSource = (place.inSource && !isForeign) || isSource;
    const device = isSource ? stat.dev : place.device;
    const inner: Place = { path, folder, previous: undefined, plan, inSource, device };
    let names: ByteString[];
    try {
      names = await this.#listNames(inner, stat.size);
    } catch (error) {
      // Without its content the folder is left out, as restic does.
      this.#options.report.unreadable(path, error);
      return;
    }
    inner.previous = await this.#options.parents.load(subtreeOf(before));
    place.folder.addPending(node);
    await this.#visitFolder(inner, names);
  }

  #visitFile(place: Place, node: TreeNode, path: ByteString, stat: BigIntStats): Promise<void> | undefined {
    const { report, queue } = this.#options;
    const before = place.previous?.get(node.name);
    const previous = before?.type === 'file' ? before : undefined;
    if (previous !== undefined && isUnchanged(stat, node, previous, this.#options.changeDetection)) {
      if (this.#hasContent(previous)) {
        node.content = previous.content;
        place.folder.add(node);
        report.file('unmodified', path, node.size ?? 0);
        return undefined;
      }
      report.missingContent(path);
    }
    const index = place.folder.addPending(node);
    const done = (read: FileRead | ReadFailure): void => this.#finishFile(place, index, path, read, previous);
    return queue.add({ path, identity: identityOf(stat), done });
  }

  #finishFile(
    place: Place,
    index: number,
    path: ByteString,
    read: FileRead | ReadFailure,
    previous: TreeNode | undefined,
  ): void {
    const { report, trees } = this.#options;
    const node = isReadFailure(read) ? undefined : this.#nodeOfRead(place.folder.entries[index]!, path, read);
    place.folder.entries[index] = node;
    if (isReadFailure(read)) {
      // What vanished before it was opened is as if it had vanished before the walk came by.
      if (read.code !== 'ENOENT') report.unreadable(path, Object.assign(new Error(read.message), { code: read.code }));
    } else if (node !== undefined) {
      report.file(previous === undefined ? 'new' : 'changed', path, read.sizeBytes);
      if (read.changedWhileRead) report.changedWhileRead(path);
    }
    trees.settle(place.folder);
  }

  /** The node as it was when its content was read; undefined when it has vanished since it changed. */
  #nodeOfRead(node: TreeNode, path: ByteString, read: FileRead): TreeNode | undefined {
    let made = node;
    if (read.identity !== undefined) {
      const stat = lstatSync(toBytes(path), LSTAT);
      if (stat !== undefined && typeOf(stat) === 'file') {
        const { inode, mtimeNs, ctimeNs } = read.identity;
        // The times are those of before the reading, so that the next backup sees what changed since.
        made = this.#options.nodes.make(path, node.name, Object.assign(stat, { ino: inode, mtimeNs, ctimeNs }));
      }
    }
    made.size = read.sizeBytes;
    made.content = read.content;
    return made;
  }

  #hasContent(previous: TreeNode): boolean {
    return (previous.content ?? []).every((id) => this.#options.repository.hasBlob('data', id));
  }
}

function isFollowed(plan: SourceFolder | undefined): boolean {
  return plan !== undefined && !(plan.isLink && plan.children.size === 0);
}

function subtreeOf(node: TreeNode | undefined): string | undefined {
  return node?.type === 'dir' ? node.subtree : undefined;
}

const LSTAT = { bigint: true, throwIfNoEntry: false } as const;

async function listFolder(path: ByteString, folderBytes: bigint): Promise<ByteString[]> {
  const bytes = toBytes(path);
  const names = folderBytes > LARGE_FOLDER_BYTES ? await readdir(bytes, 'latin1') : readdirSync(bytes, 'latin1');
  return names as ByteString[];
}

function isSystemError(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error;
}
