/** Entries of a tree in a bucket: found by lists and looks, with what is kept of them in the metadata of their objects. */
import type { ByteString } from '../common/byte-string.ts';
import { forEachConcurrently } from '../common/concurrency.ts';
import { HoldfastError, NotFoundError, throwIfAborted } from '../common/errors.ts';
import { displayPath, fromBytes, fromText, joinPath, requireRelativePath, toText } from '../files/byte-path.ts';
import type { FileEntry, WalkOptions } from '../files/file-tree.ts';
import { sortForWalk } from '../files/walk-by-listing.ts';
import type { Bucket, BucketObject, DescribedObject } from './bucket.ts';
import { entryOfObject, entryOfUnmarked, isLink, linkTargetIn } from './bucket-metadata.ts';
import { whyNoEntry, whyNoKey } from './bucket-names.ts';
import { describeBucket } from './bucket-storage.ts';
import { KnownFolders } from './known-folders.ts';
import { collectBody } from './resume-body.ts';
import { SeenEntries } from './seen-entries.ts';

/** Objects of a folder that are looked at at once. */
const LOOKS = 32;

/** By their names in the folder. */
interface Listing {
  files: Map<string, BucketObject>;
  folders: Set<string>;
  /** Of the folders, as far as the list has them. */
  markers: Map<string, BucketObject>;
}

export class BucketEntries {
  readonly description: string;
  readonly folders = new KnownFolders();
  readonly seen = new SeenEntries();
  readonly #bucket: Bucket;
  /** What all keys begin with. */
  readonly #root: string;

  constructor(bucket: Bucket) {
    this.description = describeBucket(bucket);
    this.#bucket = bucket;
    this.#root = bucket.prefix === '' ? '' : `${bucket.prefix}/`;
  }

  display(path: ByteString): string {
    return path === '' ? this.description : `${this.description}/${displayPath(path)}`;
  }

  /** Of a file or link. Throws Usage for a path that no entry can have. */
  keyOf(path: ByteString): string {
    this.check(path);
    return this.#root + toText(path)!;
  }

  /** Of a folder's marker; empty: that of a whole bucket, which has none. Throws Usage like `keyOf`. */
  folderKeyOf(path: ByteString): string {
    this.check(path);
    return path === '' ? this.#root : `${this.#root}${toText(path)!}/`;
  }

  check(path: ByteString): void {
    requireRelativePath(path);
    const why = this.refuses(path, false);
    if (why === undefined) return;
    throw new HoldfastError('Usage', `${this.display(path)} cannot be kept: ${why}`, { hint: 'Rename it.' });
  }

  /** Why no entry can have this path, in a few words; undefined: one can. */
  refuses(path: ByteString, isFolder: boolean): string | undefined {
    return whyNoKey(this.#root, path, isFolder);
  }

  absent(path: ByteString): NotFoundError {
    return new NotFoundError(`${this.display(path)} does not exist`);
  }

  /** A file has the name, where a file and a folder both have it. */
  async find(path: ByteString): Promise<FileEntry | undefined> {
    const object = path === '' ? undefined : await this.#bucket.head(this.keyOf(path));
    return object === undefined ? this.findFolder(path) : this.#entryOfFile(path, object);
  }

  async findFolder(path: ByteString): Promise<FileEntry | undefined> {
    const key = this.folderKeyOf(path);
    if (key === '') return entryOfUnmarked(path);
    for await (const first of this.#bucket.list(key, { atMost: 1 })) {
      // The key that ends with the slash comes before all that go on.
      const marker = first.key === key ? await this.#described(first) : undefined;
      return marker === undefined ? entryOfUnmarked(path) : entryOfObject(path, 'dir', marker);
    }
    return undefined;
  }

  /** Whether the folder has anything but its own marker below it, be it one of its entries or not. */
  async isFilled(path: ByteString): Promise<boolean> {
    const key = this.folderKeyOf(path);
    for await (const object of this.#bucket.list(key, { atMost: 2 })) if (object.key !== key) return true;
    return false;
  }

  /** The last one in byte order first. Throws NotFound. */
  async listFolder(folder: ByteString, options: WalkOptions = {}): Promise<FileEntry[]> {
    const { onError, signal } = options;
    const { files, folders, markers } = await this.#readFolder(folder, options);
    const entries: FileEntry[] = [];
    await forEachConcurrently([...files.keys(), ...folders], LOOKS, async (name) => {
      throwIfAborted(signal);
      const path = joinPath(folder, fromText(name));
      const file = files.get(name);
      try {
        const entry = await (file === undefined
          ? this.#entryOfFolder(path, markers.get(name))
          : this.#entryOfListed(path, file, signal));
        if (entry !== undefined) entries.push(entry);
      } catch (error) {
        if (onError === undefined || (error as Partial<HoldfastError>).code !== 'AccessDenied') throw error;
        onError(path, error);
      }
    });
    return sortForWalk(entries);
  }

  /** Sees which folders lie in it. Throws NotFound. */
  async noteFolder(folder: ByteString): Promise<void> {
    await this.#readFolder(folder, {});
  }

  async #readFolder(folder: ByteString, { signal, onForeign }: WalkOptions): Promise<Listing> {
    const key = this.folderKeyOf(folder);
    const found: Listing = { files: new Map(), folders: new Set(), markers: new Map() };
    const tell = (name: string, why: string): void => onForeign?.(joinPath(folder, fromText(name)), why);
    let isThere = key === '';
    for await (const page of this.#bucket.listFolder(key, signal === undefined ? {} : { signal })) {
      throwIfAborted(signal);
      isThere ||= page.objects.length > 0 || page.folders.length > 0;
      for (const object of page.objects) {
        const name = object.key.slice(key.length);
        if (name.endsWith('/')) found.markers.set(name.slice(0, -1), object);
        else if (object.key !== key) found.files.set(name, object);
        else if (object.sizeBytes > 0)
          onForeign?.(`${folder}/` as ByteString, 'a folder has no content, but its object has');
      }
      for (const each of page.folders) found.folders.add(each.slice(key.length, -1));
    }
    if (!isThere) throw this.absent(folder);
    for (const name of [...found.files.keys(), ...found.folders]) {
      const why = whyNoEntry(name);
      if (why !== undefined) tell(name, why);
      if (why !== undefined && !found.files.delete(name)) found.folders.delete(name);
    }
    for (const name of found.files.keys())
      if (found.folders.delete(name)) tell(`${name}/`, 'a file has the name of this folder');
    this.folders.see(
      folder,
      [...found.folders].map((name) => fromText(name)),
    );
    return found;
  }

  async #entryOfFolder(path: ByteString, listed: BucketObject | undefined): Promise<FileEntry> {
    const isUnmarked = listed === undefined && this.#bucket.listsMetadata;
    const marker = isUnmarked ? undefined : await this.#described(listed ?? { key: this.folderKeyOf(path) });
    return marker === undefined ? entryOfUnmarked(path) : entryOfObject(path, 'dir', marker);
  }

  /** undefined: it vanished since it was listed. */
  async #entryOfListed(
    path: ByteString,
    listed: BucketObject,
    signal: AbortSignal | undefined,
  ): Promise<FileEntry | undefined> {
    const seen = this.seen.find(path, listed);
    if (seen !== undefined) return seen;
    const object = await this.#described(listed, signal);
    if (object === undefined) return undefined;
    const entry = await this.#entryOfFile(path, object, signal);
    // What the list itself says needs no memory, but for a target that was read.
    const isDear = listed.metadata === undefined || entry?.type === 'symlink';
    if (entry !== undefined && isDear) this.seen.add(entry, object);
    return entry;
  }

  async #entryOfFile(path: ByteString, object: DescribedObject, signal?: AbortSignal): Promise<FileEntry | undefined> {
    if (!isLink(object)) return entryOfObject(path, 'file', object);
    const entry = entryOfObject(path, 'symlink', object);
    const target = linkTargetIn(object.metadata);
    if (target !== undefined) return { ...entry, linkTarget: fromText(target) };
    try {
      const opened = await this.#bucket.get(object.key, undefined, signal === undefined ? {} : { signal });
      const content = opened === undefined ? Buffer.alloc(0) : await collectBody(opened.pieces, opened.sizeBytes);
      return { ...entry, linkTarget: fromBytes(content) };
    } catch (error) {
      if (error instanceof NotFoundError) return undefined;
      throw error;
    }
  }

  async #described(
    listed: Pick<BucketObject, 'key'> & Partial<BucketObject>,
    signal?: AbortSignal,
  ): Promise<DescribedObject | undefined> {
    if (listed.metadata !== undefined) return listed as DescribedObject;
    return this.#bucket.head(listed.key, signal === undefined ? {} : { signal });
  }
}
