/** Makes new snapshots of those whose trees or blobs are missing, with all that is left of them (as restic's `repair snapshots`). */
import type { ByteString } from '../common/byte-string.ts';
import { IntegrityError, NotFoundError, throwIfAborted } from '../common/errors.ts';
import { silentProgress, type Progress } from '../common/progress.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import { displayPath } from '../files/byte-path.ts';
import { sha256Hex } from './crypto.ts';
import { plainSize } from './plain-size.ts';
import type { Repository } from './repository.ts';
import { decodeTree, encodeTree, type TreeNode } from './tree-node.ts';
import { TreeReader } from './tree-reader.ts';

/** What restic marks a repaired snapshot with, as long as its original is there, too. */
const REPAIRED_TAG = 'repaired';

export interface RepairSnapshotsOptions {
  /** Removes the originals, once the new ones are saved. */
  forget: boolean;
  dryRun: boolean;
  /** Told of the originals before they are removed. */
  beforeRemoval?: (snapshots: readonly Snapshot[]) => Promise<void>;
  signal?: AbortSignal;
  progress?: Progress;
}

export interface RepairedSnapshot {
  snapshot: Snapshot;
  /** `rewritten`: some of it is lost. `lost`: not even its root can be read, and there is no new one. */
  outcome: 'sound' | 'rewritten' | 'lost';
  /** Absent in a dry run. */
  newId?: string;
  /** Sentences, each of a path; what several snapshots share is told of the first one. */
  changes: string[];
}

/**
 * Files lose the blobs that no pack holds; a folder whose tree cannot be read becomes an empty one; the rest is as it
 * was. A blob counts as there when the index names it: damaged packs are to be repaired before. The caller holds the
 * exclusive lock (for a dry run a shared one will do). New trees come first, then the index, the new snapshots, and only
 * then, with `forget`, the originals go.
 */
export async function repairSnapshots(
  repository: Repository,
  snapshots: readonly Snapshot[],
  options: RepairSnapshotsOptions,
): Promise<RepairedSnapshot[]> {
  const { signal, dryRun, progress = silentProgress } = options;
  const call = signal === undefined ? {} : { signal };
  await repository.loadIndex(call);
  const rewriter = new TreeRewriter(repository, options);
  const planned: { repaired: RepairedSnapshot; tree: string | undefined }[] = [];
  for (const snapshot of snapshots) {
    progress.report({ phase: 'reading trees', files: planned.length, totalFiles: snapshots.length });
    const { tree, changes } = await rewriter.rewriteRoot(snapshot.tree);
    const outcome = tree === undefined ? 'lost' : tree === snapshot.tree ? 'sound' : 'rewritten';
    planned.push({ repaired: { snapshot, outcome, changes }, tree });
  }
  if (!dryRun) await save(repository, planned, options);
  return planned.map(({ repaired }) => repaired);
}

async function save(
  repository: Repository,
  planned: readonly { repaired: RepairedSnapshot; tree: string | undefined }[],
  { forget, signal, beforeRemoval }: RepairSnapshotsOptions,
): Promise<void> {
  const call = signal === undefined ? {} : { signal };
  await repository.flush(call);
  await repository.saveIndex(call);
  for (const { repaired, tree } of planned) {
    if (repaired.outcome !== 'rewritten' || tree === undefined) continue;
    const { id, ...snapshot } = repaired.snapshot;
    const tags = forget ? snapshot.tags : [...new Set([...(snapshot.tags ?? []), REPAIRED_TAG])];
    const document = { ...snapshot, tree, original: id, ...(tags === undefined ? {} : { tags }) };
    repaired.newId = await repository.saveSnapshot(document, call);
  }
  if (!forget) return;
  const originals = planned.flatMap(({ repaired }) => (repaired.outcome === 'sound' ? [] : [repaired.snapshot]));
  if (originals.length > 0) await beforeRemoval?.(originals);
  for (const { id } of originals) await repository.removeSnapshot(id, call);
}

class TreeRewriter {
  readonly #repository: Repository;
  readonly #reader: TreeReader;
  readonly #options: RepairSnapshotsOptions;
  /** The ids of trees by the ids they had; undefined: it cannot be read. */
  readonly #rewritten = new Map<string, string | undefined>();
  #changes: string[] = [];

  constructor(repository: Repository, options: RepairSnapshotsOptions) {
    this.#repository = repository;
    this.#reader = new TreeReader(repository);
    this.#options = options;
  }

  /** The id of the new root, the same one when nothing had to be changed; undefined: the root cannot be read. */
  async rewriteRoot(id: string): Promise<{ tree: string | undefined; changes: string[] }> {
    this.#changes = [];
    return { tree: await this.#rewrite(id, '' as ByteString), changes: this.#changes };
  }

  async #rewrite(id: string, path: ByteString): Promise<string | undefined> {
    if (this.#rewritten.has(id)) return this.#rewritten.get(id);
    throwIfAborted(this.#options.signal);
    const nodes = await this.#load(id, path);
    let result: string | undefined;
    if (nodes !== undefined) {
      const kept: TreeNode[] = [];
      let changed = false;
      for (const node of nodes) {
        const repaired = await this.#repair(node, `${path}/${node.name}` as ByteString);
        changed ||= repaired !== node;
        if (repaired !== undefined) kept.push(repaired);
      }
      // A tree that is sound keeps its id, however it was encoded.
      result = changed ? await this.#save(kept) : id;
    }
    this.#rewritten.set(id, result);
    return result;
  }

  async #load(id: string, path: ByteString): Promise<TreeNode[] | undefined> {
    try {
      return decodeTree(await this.#reader.load(id, this.#options.signal));
    } catch (error) {
      if (!(error instanceof IntegrityError || error instanceof NotFoundError)) throw error;
      this.#tell(path, path === '' ? 'cannot be read' : 'is an empty folder now: its content cannot be read');
      return undefined;
    }
  }

  /** The same node when it is sound; undefined when nothing can be made of it. */
  async #repair(node: TreeNode, path: ByteString): Promise<TreeNode | undefined> {
    if (node.type === 'dir') return this.#repairFolder(node, path);
    if (node.type === 'file') return this.#repairFile(node, path);
    if (node.type !== '' && node.type !== 'irregular') return node;
    this.#tell(path, 'is left out: nothing is known of what it was');
    return undefined;
  }

  async #repairFolder(node: TreeNode, path: ByteString): Promise<TreeNode> {
    if (node.subtree === undefined) this.#tell(path, 'is an empty folder now: it names no content');
    const subtree = node.subtree === undefined ? undefined : await this.#rewrite(node.subtree, path);
    if (subtree !== undefined && subtree === node.subtree) return node;
    return { ...node, subtree: subtree ?? (await this.#save([])) };
  }

  #repairFile(node: TreeNode, path: ByteString): TreeNode {
    const wanted = node.content ?? [];
    const content: string[] = [];
    let size = 0;
    for (const id of wanted) {
      const location = this.#repository.findBlob('data', id);
      if (location === undefined) continue;
      content.push(id);
      size += plainSize(location);
    }
    const lost = wanted.length - content.length;
    if (lost > 0) this.#tell(path, `has lost ${lost} of ${wanted.length} blobs, and ${(node.size ?? 0) - size} bytes`);
    else if (size !== (node.size ?? 0)) this.#tell(path, `has ${size} bytes, not ${node.size ?? 0}`);
    else return node;
    const { size: _, ...rest } = node;
    return { ...rest, size, content };
  }

  async #save(nodes: readonly TreeNode[]): Promise<string> {
    const content = encodeTree(nodes);
    if (this.#options.dryRun) return sha256Hex(content);
    const { signal } = this.#options;
    return (await this.#repository.saveBlob('tree', content, signal === undefined ? {} : { signal })).id;
  }

  #tell(path: ByteString, what: string): void {
    this.#changes.push(`${displayPath(path) || '/'} ${what}`);
  }
}
