/** Walks the sources of a backup in byte order, makes the nodes, and gives what must be read to the file queue. */
import { lstatSync, readdirSync, statSync, type BigIntStats } from 'node:fs';
import { readdir } from 'node:fs/promises';
import type { ByteString } from '../common/byte-string.ts';
import { throwIfAborted } from '../common/errors.ts';
import { fromText, joinPath, toBytes } from '../files/byte-path.ts';
import { isReadFailure } from './archive-messages.ts';
import type { FileRead, ReadFailure } from './archive-messages.ts';
import type { ArchiveReport } from './archive-report.ts';
import { isUnchanged, type ChangeDetection } from './change-detection.ts';
import type { FileQueue } from './file-queue.ts';
import { OpenFolder } from './open-folder.ts';
import type { ParentFolder } from './parent-folder.ts';
import type { ParentTrees } from './parent-trees.ts';
import type { Repository } from './repository.ts';
import { identityOf, typeOf, type SourceNodes } from './source-node.ts';
import type { SourceSelection } from './source-selection.ts';
import type { SourceFolder } from './source-tree.ts';
import { encodeContent, encodeNode, encodeNodeHead, type TreeNode } from './tree-node.ts';
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

/** An entry of the sources: its node, and the beginning of that (`encodeNodeHead`) as UTF-8. */
interface WalkedEntry {
  node: TreeNode;
  head: ByteString;
  path: ByteString;
  stat: BigIntStats;
}

export class ArchiveWalk {
  readonly #options: ArchiveWalkOptions;

  constructor(options: ArchiveWalkOptions) {
    this.#options = options;
  }

  /** Walks all; when it returns, files may still be under way in the queue. */
  async run(plan: SourceFolder, parentTreeId: string | undefined): Promise<void> {
    const previous = await this.#options.parents.load(parentTreeId);
    const folder = new OpenFolder(undefined, previous);
    const device = plan.isSource ? statSync('/', { bigint: true }).dev : undefined;
    const place: Place = { path: plan.path, folder, previous, plan, inSource: plan.isSource, device };
    await this.#visitFolder(place, await this.#listNames(place, 0n));
  }

  async #visitFolder(place: Place, names: ByteString[]): Promise<void> {
    for (const name of names) {
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

  /** In byte order. Throws Node's error when the folder cannot be listed. */
  async #listNames(place: Pick<Place, 'path' | 'plan' | 'inSource'>, folderBytes: bigint): Promise<ByteString[]> {
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
    const head = fromText(encodeNodeHead(node));
    if (type === 'dir') return this.#visitSubfolder(place, { node, head, path, stat, plan });
    if (type === 'file') return this.#visitFile(place, { node, head, path, stat });
    const same = place.previous?.take(head);
    if (same === undefined) place.folder.add(node);
    else place.folder.addSame(same.text);
    return undefined;
  }

  async #visitSubfolder(place: Place, entry: WalkedEntry & { plan: SourceFolder | undefined }): Promise<void> {
    const { node, head, path, stat, plan } = entry;
    const same = place.previous?.take(head);
    const before = same ?? this.#findPrevious(place, node.name, 'dir');
    const isSource = plan?.isSource ?? false;
    // Where another file system is mounted the folder stays, empty, as restic keeps it.
    const isForeign = !isSource && this.#options.selection.isForeignFolder(stat, place.device);
    const inSource = (place.inSource && !isForeign) || isSource;
    const device = isSource ? stat.dev : place.device;
    let names: ByteString[];
    try {
      names = await this.#listNames({ path, plan, inSource }, stat.size);
    } catch (error) {
      // Without its content the folder is left out, as restic does.
      this.#options.report.unreadable(path, error);
      place.folder.differ();
      return;
    }
    const loading = this.#options.parents.load(before?.subtree);
    const previous = loading instanceof Promise ? await loading : loading;
    const folder = place.folder.addFolder(
      { name: node.name, head },
      { treeId: before?.subtree, hasSameHead: same !== undefined, folder: previous },
    );
    await this.#visitFolder({ path, folder, previous, plan, inSource, device }, names);
  }

  #visitFile(place: Place, entry: WalkedEntry): Promise<void> | undefined {
    const { report, queue, changeDetection } = this.#options;
    const { node, head, path, stat } = entry;
    const same = place.previous?.take(head);
    if (same !== undefined && this.#hasContent(same.content)) {
      place.folder.addSame(same.text);
      report.file('unmodified', path, node.size ?? 0);
      return undefined;
    }
    const before = same === undefined ? this.#findPrevious(place, node.name, 'file') : undefined;
    if (same !== undefined || (before !== undefined && isUnchanged(stat, node, before, changeDetection))) {
      if (before !== undefined && this.#hasContent(before.content)) {
        node.content = before.content;
        place.folder.add(node);
        report.file('unmodified', path, node.size ?? 0);
        return undefined;
      }
      report.missingContent(path);
    }
    const index = place.folder.addPending();
    const isNew = same === undefined && before === undefined;
    const done = (read: FileRead | ReadFailure): void => this.#finishFile(place, index, { ...entry, isNew }, read);
    return queue.add({ path, identity: identityOf(stat), done });
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

  #finishFile(
    place: Place,
    index: number,
    entry: WalkedEntry & { isNew: boolean },
    read: FileRead | ReadFailure,
  ): void {
    const { report, trees } = this.#options;
    const { path, isNew } = entry;
    const text = isReadFailure(read) ? undefined : this.#textOfRead(entry, read);
    place.folder.finishEntry(index, text, false);
    if (isReadFailure(read)) {
      // What vanished before it was opened is as if it had vanished before the walk came by.
      if (read.code !== 'ENOENT') report.unreadable(path, Object.assign(new Error(read.message), { code: read.code }));
    } else {
      report.file(isNew ? 'new' : 'changed', path, read.sizeBytes);
      if (read.changedWhileRead) report.changedWhileRead(path);
    }
    trees.settle(place.folder);
  }

  /** The node as it was when its content was read. */
  #textOfRead({ node, head, path }: WalkedEntry, read: FileRead): ByteString {
    if (read.identity === undefined && read.sizeBytes === (node.size ?? 0)) {
      return `${head},"content":${encodeContent(read.content)}}` as ByteString;
    }
    let made = node;
    const stat = read.identity === undefined ? undefined : lstatSync(toBytes(path), LSTAT);
    if (stat !== undefined && typeOf(stat) === 'file') {
      const { inode, mtimeNs, ctimeNs } = read.identity!;
      // The times are those of before the reading, so that the next backup sees what changed since.
      made = this.#options.nodes.make(path, node.name, Object.assign(stat, { ino: inode, mtimeNs, ctimeNs }));
    }
    return fromText(encodeNode({ ...made, size: read.sizeBytes, content: read.content }));
  }

  #hasContent(content: readonly string[] | null): boolean {
    return content?.every((id) => this.#options.repository.hasBlob('data', id)) ?? true;
  }
}

function isFollowed(plan: SourceFolder | undefined): boolean {
  return plan !== undefined && !(plan.isLink && plan.children.size === 0);
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
