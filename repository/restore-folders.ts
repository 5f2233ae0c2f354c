/** The folders of a restore: made when the first entry in them is, finished (mode, times) when nothing changes in them any more. */
import { lstatSync, mkdirSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import type { ByteString } from '../common/byte-string.ts';
import { throwIfAborted } from '../common/errors.ts';
import { baseName, parentPath, toBytes } from '../files/byte-path.ts';
import { errorCode } from '../files/file-errors.ts';
import type { NativeMetadata } from '../files/native-metadata.ts';
import { HeldFolders } from '../files/held-folders.ts';
import type { SafeFolder } from '../files/safe-folder.ts';
import { applyMetadata } from './apply-metadata.ts';
import { problemCodeOf } from './restore-messages.ts';
import type { RestoreReport } from './restore-report.ts';
import type { TreeNode } from './tree-node.ts';

interface RestoredFolder {
  /** Below the target. */
  path: ByteString;
  node: TreeNode;
  state: 'wanted' | 'made' | 'failed';
}

/** How long folders are finished in a row before others get their turn. */
const SLICE_MS = 5;

const SELF = '' as ByteString;

export class RestoreFolders implements Disposable {
  /** Absent when there is nothing yet, which is so in a dry run alone. */
  readonly #held: HeldFolders | undefined;
  readonly #dryRun: boolean;
  readonly #report: RestoreReport;
  /** The way down to where the walk is. */
  readonly #stack: RestoredFolder[] = [];
  readonly #made: RestoredFolder[] = [];

  /**
   * @param root Absent in a dry run into a folder that is not there.
   * @param dryRun Folders are counted, and nothing is made.
   */
  constructor(root: SafeFolder | undefined, dryRun: boolean, report: RestoreReport) {
    this.#dryRun = dryRun;
    this.#held = root === undefined ? undefined : new HeldFolders(root.entry(SELF));
    this.#report = report;
  }

  get count(): number {
    return this.#made.length;
  }

  /** The walk has come to this folder: its parents stay on the way, all others are left. */
  enter(path: ByteString, node: TreeNode): void {
    this.#leaveTo(parentPath(path));
    this.#stack.push({ path, node, state: 'wanted' });
  }

  /** Makes the folder, and those above it, if they are not yet there. false: one of them cannot be made. */
  make(path: ByteString): boolean {
    this.#leaveTo(path);
    for (const folder of this.#stack) {
      if (folder.state === 'wanted') this.#makeOne(folder);
      if (folder.state === 'failed') return false;
    }
    return true;
  }

  /** Gives all folders their metadata, the deepest first, so that no change in one touches the times of another. */
  async finish(native: NativeMetadata, owners: boolean, signal?: AbortSignal): Promise<void> {
    let sliceStart = performance.now();
    for (const { path, node } of this.#made.toReversed()) {
      throwIfAborted(signal);
      this.#finishOne(native, path, node, owners);
      if (performance.now() - sliceStart < SLICE_MS) continue;
      await setImmediate();
      sliceStart = performance.now();
    }
  }

  [Symbol.dispose](): void {
    this.#held?.[Symbol.dispose]();
  }

  #leaveTo(path: ByteString): void {
    for (let top = this.#stack.at(-1); top !== undefined; top = this.#stack.at(-1)) {
      if (top.path === path || path.startsWith(`${top.path}/`)) return;
      this.#stack.pop();
    }
  }

  #makeOne(folder: RestoredFolder): void {
    try {
      const isNew = this.#held === undefined || makeFolder(this.#held, folder.path, this.#dryRun);
      folder.state = 'made';
      this.#made.push(folder);
      this.#report.tellFolder(isNew ? 'restored' : 'unchanged', folder.path);
    } catch (error) {
      folder.state = 'failed';
      const code = errorCode(error) ?? String(error);
      this.#report.addProblem(
        problemCodeOf(code),
        folder.path,
        `the folder could not be made, and nothing in it (${code})`,
      );
    }
  }

  #tell(path: ByteString, message: string): void {
    this.#report.addProblem('restore/unwritable', path, message);
  }

  #finishOne(native: NativeMetadata, path: ByteString, node: TreeNode, owners: boolean): void {
    try {
      const folder = this.#held!.open(path);
      const self = folder.entry(SELF);
      const place = { path: `${self}/.` as ByteString, self };
      for (const message of applyMetadata(native, place, node, owners)) this.#tell(path, message);
    } catch (error) {
      this.#tell(path, `the folder's metadata could not be restored (${errorCode(error) ?? String(error)})`);
    }
  }
}

/** false: it was there. Throws Node's error, also where something else stands. */
function makeFolder(held: HeldFolders, folder: ByteString, dryRun: boolean): boolean {
  if (dryRun) return isAbsent(held, folder);
  const path = toBytes(held.open(parentPath(folder)).entry(baseName(folder)));
  try {
    // Nobody else looks in before its mode is set.
    mkdirSync(path, { mode: 0o700 });
    return true;
  } catch (error) {
    if (errorCode(error) !== 'EEXIST' || !lstatSync(path).isDirectory()) throw error;
    return false;
  }
}

/** Throws `ENOTDIR` where something else stands. */
function isAbsent(held: HeldFolders, folder: ByteString): boolean {
  try {
    held.open(folder);
    return false;
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error;
    return true;
  }
}
