/** What stands below a restore's target and is not in the snapshot: found first, deleted last, and never anything elsewhere. */
import { lstatSync, readdirSync, rmdirSync, unlinkSync, type BigIntStats } from 'node:fs';
import type { ByteString } from '../common/byte-string.ts';
import { IntegrityError, throwIfAborted } from '../common/errors.ts';
import { baseName, displayPath, isEntryName, joinPath, parentPath, toBytes } from '../files/byte-path.ts';
import { errorCode, isAbsence } from '../files/file-errors.ts';
import { HeldFolders } from '../files/held-folders.ts';
import type { SafeFolder } from '../files/safe-folder.ts';
import type { Repository } from './repository.ts';
import type { RestoreReport } from './restore-report.ts';
import type { RestoreSelection } from './restore-selection.ts';
import type { RestoreStart } from './restore-walk.ts';
import { decodeTree, type TreeNode } from './tree-node.ts';
import { TreeReader } from './tree-reader.ts';

/** An entry that is to go. */
export interface ExtraEntry {
  /** Below the target. */
  path: ByteString;
  isFolder: boolean;
  /** Of a file. */
  sizeBytes: number;
}

export interface ExtrasOptions {
  repository: Repository;
  start: RestoreStart;
  selection: RestoreSelection;
  root: SafeFolder;
  report: RestoreReport;
  signal: AbortSignal | undefined;
}

const SELF = '' as ByteString;

/**
 * By restic's rule: in every folder of the snapshot that is restored, or that something is restored into, what the
 * snapshot does not have there and the patterns take, with all that is in it; the entries of a folder before it. Throws
 * Integrity when a tree cannot be read or holds a name that no folder can have: then nobody knows what belongs there, and
 * nothing may be deleted. What is mounted below the target, and links, are not looked into.
 */
export async function findExtras(options: ExtrasOptions): Promise<ExtraEntry[]> {
  const { start, root } = options;
  using held = new HeldFolders(root.entry(SELF));
  const search = new ExtrasSearch(options, held);
  if (start.treeId !== undefined) await search.visit(start.prefix, SELF, start.treeId);
  return search.extras;
}

class ExtrasSearch {
  readonly extras: ExtraEntry[] = [];
  readonly #options: ExtrasOptions;
  readonly #held: HeldFolders;
  readonly #trees: TreeReader;

  constructor(options: ExtrasOptions, held: HeldFolders) {
    this.#options = options;
    this.#held = held;
    this.#trees = new TreeReader(options.repository);
  }

  /** Whether something in the folder is restored. */
  async visit(snapshotPath: ByteString, path: ByteString, treeId: string): Promise<boolean> {
    const { signal, selection } = this.#options;
    throwIfAborted(signal);
    const nodes = decodeTree(await this.#trees.load(treeId, signal));
    let restores = false;
    for (const node of nodes) {
      if (!isEntryName(node.name)) {
        throw new IntegrityError(
          `the snapshot's folder ${displayPath(snapshotPath) || '/'} holds an entry that no folder can have`,
          { hint: 'Restore without --delete, and do not trust this repository.' },
        );
      }
      const childPath = `${snapshotPath}/${node.name}` as ByteString;
      if (selection.takes(childPath, node)) restores = true;
      if (node.type !== 'dir' || node.subtree === undefined || !selection.descends(childPath)) continue;
      if (await this.visit(childPath, joinPath(path, node.name), node.subtree)) restores = true;
    }
    if (restores) this.#lookInto(snapshotPath, path, new Set(nodes.map(({ name }) => name)));
    return restores;
  }

  #lookInto(snapshotPath: ByteString, path: ByteString, expected: ReadonlySet<ByteString>): void {
    for (const name of this.#namesIn(path)) {
      if (expected.has(name)) continue;
      // Its node, as far as patterns ask for one.
      if (!this.#options.selection.takes(`${snapshotPath}/${name}` as ByteString, UNKNOWN)) continue;
      this.#collect(joinPath(path, name));
    }
  }

  /** The entry, and first all that is in it. false: it has to stay. */
  #collect(path: ByteString): boolean {
    throwIfAborted(this.#options.signal);
    const stats = this.#statsOf(path);
    if (stats === undefined) return false;
    const isFolder = stats.isDirectory();
    if (isFolder) {
      if (stats.dev !== this.#statsOf(parentPath(path))?.dev) {
        this.#options.report.addProblem(
          'restore/not-deleted',
          path,
          'something is mounted there, which is not deleted',
        );
        return false;
      }
      const whole = this.#namesIn(path).map((name) => this.#collect(joinPath(path, name)));
      if (whole.includes(false)) return false;
    }
    this.extras.push({ path, isFolder, sizeBytes: stats.isFile() ? Number(stats.size) : 0 });
    return true;
  }

  #namesIn(path: ByteString): ByteString[] {
    try {
      return readdirSync(toBytes(this.#held.open(path).entry(SELF)), 'latin1').toSorted() as ByteString[];
    } catch (error) {
      // It is still to be made, or a link stands in its place.
      if (isAbsence(error)) return [];
      throw error;
    }
  }

  #statsOf(path: ByteString): BigIntStats | undefined {
    try {
      const system = this.#held.open(parentPath(path)).entry(baseName(path));
      return lstatSync(toBytes(path === '' ? (`${system}/.` as ByteString) : system), { bigint: true });
    } catch (error) {
      if (isAbsence(error)) return undefined;
      throw error;
    }
  }
}

const UNKNOWN: TreeNode = {
  name: SELF,
  type: 'file',
  mtime: '',
  atime: '',
  ctime: '',
  uid: 0,
  gid: 0,
  content: null,
};

/** In the order of `findExtras`. A folder into which something came meanwhile stays. */
export function deleteExtras(
  extras: readonly ExtraEntry[],
  { root, report, signal }: Pick<ExtrasOptions, 'root' | 'report' | 'signal'>,
): void {
  using held = new HeldFolders(root.entry(SELF));
  for (const { path, isFolder, sizeBytes } of extras) {
    throwIfAborted(signal);
    try {
      const entry = toBytes(held.open(parentPath(path)).entry(baseName(path)));
      if (isFolder) rmdirSync(entry);
      else unlinkSync(entry);
      report.deleted(path, isFolder, sizeBytes);
    } catch (error) {
      const code = errorCode(error);
      if (code === undefined) throw error;
      if (code !== 'ENOENT') report.addProblem('restore/not-deleted', path, `it could not be deleted (${code})`);
    }
  }
}
