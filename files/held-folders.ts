/** The way down to one folder of a tree, held open: neighbours in the tree are reached without opening the whole way again. */
import type { ByteString } from '../common/byte-string.ts';
import { requireRelativePath } from './byte-path.ts';
import { openChildFolder, openFolderBelow, openRootFolder, type SafeFolder } from './safe-folder.ts';

/** Folders deeper than this are opened from the root each time, so that a deep tree does not use up the descriptors. */
const MAX_HELD = 48;

/** Like `openFolderBelow`: no link below the root is ever followed. */
export class HeldFolders implements Disposable {
  readonly #root: ByteString;
  /** The root first. */
  readonly #way: { path: ByteString; folder: SafeFolder }[] = [];
  #deep: { path: ByteString; folder: SafeFolder } | undefined;

  constructor(root: ByteString) {
    this.#root = root;
  }

  /**
   * The folder at a relative path (empty: the root). It stays the holder's, and open until the next call. Throws Node's
   * error, and Usage for `..` and the like.
   */
  open(path: ByteString): SafeFolder {
    const last = this.#way.at(-1);
    // File by file it is the same one.
    if (last?.path === path) return last.folder;
    if (this.#deep !== undefined && this.#deep.path !== path) this.#closeDeep();
    if (this.#deep !== undefined) return this.#deep.folder;
    requireRelativePath(path);
    const names = path === '' ? [] : (path.split('/') as ByteString[]);
    if (names.length >= MAX_HELD) {
      this.#deep = { path, folder: openFolderBelow(this.#root, path) };
      return this.#deep.folder;
    }
    this.#leaveTo(path);
    if (this.#way.length === 0) this.#way.push({ path: '' as ByteString, folder: openRootFolder(this.#root) });
    for (const name of names.slice(this.#way.length - 1)) {
      const parent = this.#way.at(-1)!;
      const folder = openChildFolder(parent.folder, name);
      this.#way.push({ path: (parent.path === '' ? name : `${parent.path}/${name}`) as ByteString, folder });
    }
    return this.#way.at(-1)!.folder;
  }

  [Symbol.dispose](): void {
    this.#closeDeep();
    for (const { folder } of this.#way.splice(0)) folder[Symbol.dispose]();
  }

  #leaveTo(path: ByteString): void {
    for (let last = this.#way.at(-1); last !== undefined; last = this.#way.at(-1)) {
      if (last.path === '' || last.path === path || path.startsWith(`${last.path}/`)) return;
      this.#way.pop()?.folder[Symbol.dispose]();
    }
  }

  #closeDeep(): void {
    this.#deep?.folder[Symbol.dispose]();
    this.#deep = undefined;
  }
}
