/** What a tree in a bucket has seen of its folders: with it most writes need no look before. */
import type { ByteString } from '../common/byte-string.ts';
import { baseName, parentPath } from '../files/byte-path.ts';

/** Beyond this the memory starts anew. */
const MOST_FOLDERS = 50_000;

export class KnownFolders {
  /** By the path, the names of the folders in it; undefined: there are none. */
  readonly #folders = new Map<ByteString, Set<ByteString> | undefined>();

  has(folder: ByteString): boolean {
    return this.#folders.has(folder);
  }

  /** undefined: that is not known. */
  isFolder(path: ByteString): boolean | undefined {
    if (!this.#folders.has(parentPath(path))) return undefined;
    return this.#folders.get(parentPath(path))?.has(baseName(path)) === true;
  }

  /** `names`: of all folders that lie in it. */
  see(folder: ByteString, names: readonly ByteString[]): void {
    if (this.#folders.size >= MOST_FOLDERS) this.#folders.clear();
    this.#folders.set(folder, names.length === 0 ? undefined : new Set(names));
  }

  /** A new one, in which nothing is. */
  add(folder: ByteString): void {
    const parent = parentPath(folder);
    const siblings = this.#folders.get(parent);
    if (siblings !== undefined) siblings.add(baseName(folder));
    else if (this.#folders.has(parent)) this.#folders.set(parent, new Set([baseName(folder)]));
    this.see(folder, []);
  }

  remove(folder: ByteString): void {
    this.#folders.delete(folder);
    this.#folders.get(parentPath(folder))?.delete(baseName(folder));
  }

  clear(): void {
    this.#folders.clear();
  }
}
