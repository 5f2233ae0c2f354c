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
  readonly #held: HeldFolders;
  readonly #report: (path: ByteString, message: string) => void;
  /** The way down to where the walk is. */
  readonly #stack: RestoredFolder[] = [];
  readonly #made: RestoredFolder[] = [];

  /** @param report Told of what cannot be made or set, with the path below the target. */
  constructor(root: SafeFolder, report: (path: ByteString, message: string) => void) {
    this.#held = new HeldFolders(root.entry(SELF));
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
    this.#held[Symbol.dispose]();
  }

  #leaveTo(path: ByteString): void {
    for (let top = this.#stack.at(-1); top !== undefined; top = this.#stack.at(-1)) {
      if (top.path === path || path.startsWith(`${top.path}/`)) return;
      this.#stack.pop();
    }
  }

  #makeOne(folder: RestoredFolder): void {
    try {
      const parent = this.#held.open(parentPath(folder.path));
      const path = toBytes(parent.entry(baseName(folder.path)));
      try {
        // Nobody else looks in before its mode is set.
        mkdirSync(path, { mode: 0o700 });
      } catch (error) {
        if (errorCode(error) !== 'EEXIST' || !lstatSync(path).isDirectory()) throw error;
      }
      folder.state = 'made';
      this.#made.push(folder);
    } catch (error) {
      folder.state = 'failed';
      this.#report(
        folder.path,
        `the folder could not be made, and nothing in it (${errorCode(error) ?? String(error)})`,
      );
    }
  }

  #finishOne(native: NativeMetadata, path: ByteString, node: TreeNode, owners: boolean): void {
    try {
      const folder = this.#held.open(path);
      const self = folder.entry(SELF);
      const place = { path: `${self}/.` as ByteString, self };
      for (const message of applyMetadata(native, place, node, owners)) this.#report(path, message);
    } catch (error) {
      this.#report(path, `the folder's metadata could not be restored (${errorCode(error) ?? String(error)})`);
    }
  }
}
