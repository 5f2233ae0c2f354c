/** The tree of files in a bucket: the FileTree contract on keys and the metadata of objects. */
import type { Readable } from 'node:stream';
import type { ByteString } from '../common/byte-string.ts';
import { forEachConcurrently } from '../common/concurrency.ts';
import { HoldfastError, NotFoundError, throwIfAborted } from '../common/errors.ts';
import { parentPath, toBytes } from '../files/byte-path.ts';
import type {
  ContentChecksum,
  EntryMetadata,
  FileEntry,
  FileTree,
  KeptMetadata,
  WalkOptions,
} from '../files/file-tree.ts';
import { FOLDERS_AHEAD, listSorted, walkByListing } from '../files/walk-by-listing.ts';
import { blamingGiver } from './blame-giver.ts';
import { openedStream } from './bucket-body.ts';
import type { Bucket, BucketObject, DescribedObject } from './bucket.ts';
import { BucketEntries } from './bucket-entries.ts';
import { givenMetadata, isLink, keptInBucket, objectMetadata } from './bucket-metadata.ts';
import { putContent } from './bucket-put.ts';
import { Slots } from './slots.ts';

/** Objects that are moved at once when a folder is. */
const MOVES = 16;
/** Files that are sent in parts at a time: each takes up to 50 MiB of memory. */
const LARGE_FILES = 3;

const NOTHING = new Uint8Array(0);

/**
 * A file is an object at its path below the bucket's prefix; a symbolic link one whose content is its target; a folder an
 * empty object at its path with a slash at the end, though one is there, too, as soon as anything is below it. Modes,
 * owners and times to the nanosecond are in the objects' metadata, as rclone writes and reads them. Keys that are no path
 * are told to `onForeign` and never touched, nor is what lies below the name of a file.
 *
 * Buckets cannot move: `rename` copies on the server's side and then removes, and is not atomic. In between both names
 * are there, and a folder may be in two places in part. That a name is free of folders is asked of the service only where
 * this tree has not seen its folder; of two writers one may make a file and the other a folder of the same name.
 * The root of a whole bucket is always there and keeps no metadata. Closing it closes the bucket.
 */
export function openBucketTree(bucket: Bucket): FileTree {
  return new BucketTree(bucket);
}

class BucketTree implements FileTree {
  readonly description: string;
  readonly isRemote = true;
  readonly triesAgain = true;
  readonly modesBind = false;
  readonly renamesByRemoving = true;
  readonly #bucket: Bucket;
  readonly #entries: BucketEntries;
  readonly #large = new Slots(LARGE_FILES);

  constructor(bucket: Bucket) {
    this.#bucket = bucket;
    this.#entries = new BucketEntries(bucket);
    this.description = this.#entries.description;
  }

  walk(options: WalkOptions = {}): AsyncGenerator<FileEntry> {
    return walkByListing((folder, given) => this.#entries.listFolder(folder, given), options, FOLDERS_AHEAD);
  }

  async *list(folder: ByteString, options: WalkOptions = {}): AsyncGenerator<FileEntry> {
    yield* listSorted(await this.#entries.listFolder(folder, options), options);
  }

  stat(path: ByteString): Promise<FileEntry | undefined> {
    return this.#entries.find(path);
  }

  async openRead(path: ByteString, { signal }: { signal?: AbortSignal } = {}): Promise<Readable> {
    throwIfAborted(signal);
    const key = this.#entries.keyOf(path);
    if (path === '') throw new NotFoundError(`${this.description} is not a file`);
    const opened = await this.#bucket.get(key, undefined, signal === undefined ? {} : { signal });
    if (opened !== undefined && isLink(opened)) {
      opened.discard();
      throw new NotFoundError(`${this.#entries.display(path)} is not a file`);
    }
    return openedStream(opened);
  }

  async replace(
    path: ByteString,
    content: AsyncIterable<Uint8Array>,
    metadata: EntryMetadata,
    { signal }: { signal?: AbortSignal } = {},
  ): Promise<void> {
    throwIfAborted(signal);
    const key = this.#entries.keyOf(path);
    await this.#requirePlace(path);
    const given = await this.#withOwn(key, metadata);
    const call = {
      metadata: objectMetadata(this.#bucket.times, 'file', given),
      ...(signal === undefined ? {} : { signal }),
    };
    try {
      await blamingGiver(content, signal, (pieces) => putContent(this.#bucket, key, pieces, this.#large, call));
    } finally {
      this.#entries.seen.forget(path);
    }
  }

  async replaceSymlink(path: ByteString, target: ByteString, metadata: EntryMetadata): Promise<void> {
    const key = this.#entries.keyOf(path);
    await this.#requirePlace(path);
    const described = objectMetadata(this.#bucket.times, 'symlink', metadata, target);
    await this.#bucket.put(key, toBytes(target), { metadata: described });
    this.#entries.seen.forget(path);
  }

  async setMetadata(path: ByteString, metadata: EntryMetadata): Promise<void> {
    const key = this.#entries.keyOf(path);
    const isFolder = path === '' || this.#entries.folders.has(path);
    if (!isFolder && (await this.#changeFile(key, metadata))) return this.#entries.seen.forget(path);
    if ((await this.#entries.findFolder(path)) === undefined) throw this.#entries.absent(path);
    await this.#mark(path, metadata);
  }

  /** false: there is no such file. */
  async #changeFile(key: string, metadata: EntryMetadata): Promise<boolean> {
    try {
      await this.#bucket.changeMetadata(key, (object) =>
        objectMetadata(this.#bucket.times, isLink(object) ? 'symlink' : 'file', metadata),
      );
      return true;
    } catch (error) {
      if (error instanceof NotFoundError) return false;
      throw error;
    }
  }

  async makeFolder(path: ByteString, metadata: EntryMetadata): Promise<void> {
    this.#entries.check(path);
    if (path === '') {
      const root = await this.#entries.findFolder(path);
      if (root !== undefined && Object.keys(metadata).length === 0) return;
      if (root === undefined) await this.#requireFreeRoot();
      return this.#mark(path, metadata);
    }
    await this.#requireFolder(parentPath(path));
    const isThere = await this.#isFolder(path);
    if (!isThere && (await this.#bucket.head(this.#entries.keyOf(path))) !== undefined) throw this.#taken(path);
    if (isThere && Object.keys(metadata).length === 0) return;
    await this.#mark(path, metadata, { isNew: !isThere });
    if (!isThere) this.#entries.folders.add(path);
  }

  async remove(path: ByteString): Promise<void> {
    const key = this.#entries.keyOf(path);
    this.#requireNoRoot(path);
    if ((await this.#bucket.head(key)) !== undefined) {
      this.#entries.seen.forget(path);
      return this.#removeObject(key);
    }
    if ((await this.#entries.findFolder(path)) === undefined) throw this.#entries.absent(path);
    if (await this.#entries.isFilled(path)) {
      throw new HoldfastError('AlreadyExists', `${this.#entries.display(path)} is a folder that is not empty`, {
        hint: 'Remove what is in it first.',
      });
    }
    await this.#removeObject(this.#entries.folderKeyOf(path));
    this.#entries.folders.remove(path);
  }

  async rename(from: ByteString, to: ByteString): Promise<void> {
    const [key, toKey] = [this.#entries.keyOf(from), this.#entries.keyOf(to)];
    for (const path of [from, to]) this.#requireNoRoot(path);
    if (to.startsWith(`${from}/`)) throw intoItself(this.#entries.display(from));
    const object = await this.#bucket.head(key);
    if (object === undefined && (await this.#entries.findFolder(from)) === undefined) throw this.#entries.absent(from);
    if (from === to) return;
    await this.#makeParents(to);
    if (object === undefined) return this.#renameFolder(from, to);
    if (await this.#isFolder(to)) throw this.#taken(to);
    await this.#bucket.copy(object, toKey);
    this.#entries.seen.forget(to);
    await this.#removeObject(key);
    this.#entries.seen.forget(from);
  }

  async #renameFolder(from: ByteString, to: ByteString): Promise<void> {
    const isTaken = (await this.#bucket.head(this.#entries.keyOf(to))) !== undefined;
    if (isTaken || (await this.#entries.isFilled(to))) throw this.#taken(to);
    const [key, toKey] = [this.#entries.folderKeyOf(from), this.#entries.folderKeyOf(to)];
    this.#entries.folders.clear();
    this.#entries.seen.clear();
    // What somebody adds meanwhile is not copied, and must not be removed.
    const copied: string[] = [];
    await forEachConcurrently(this.#bucket.list(key), MOVES, async (object) => {
      await this.#copyObject(object, toKey + object.key.slice(key.length));
      copied.push(object.key);
    });
    await forEachConcurrently(copied, MOVES, (each) => this.#removeObject(each));
  }

  /** A service that keeps objects in folders of a disk copies none of those that stand for a folder. */
  async #copyObject(object: BucketObject, toKey: string): Promise<void> {
    if (!object.key.endsWith('/') || object.sizeBytes > 0) return this.#bucket.copy(object, toKey);
    const { metadata } = object.metadata === undefined ? ((await this.#bucket.head(object.key)) ?? {}) : object;
    await this.#bucket.put(toKey, NOTHING, { metadata: metadata ?? {} });
  }

  refuses({ path, type }: FileEntry): string | undefined {
    return this.#entries.refuses(path, type === 'dir');
  }

  keeps(entry: FileEntry): KeptMetadata {
    return keptInBucket(entry);
  }

  checksums(path: ByteString, options?: { signal?: AbortSignal }): Promise<ContentChecksum[]> {
    return this.#bucket.checksums(this.#entries.keyOf(path), options);
  }

  async close(): Promise<void> {
    this.#bucket.close();
  }

  /** Gone already is what was wanted. */
  async #removeObject(key: string): Promise<void> {
    try {
      await this.#bucket.remove(key);
    } catch (error) {
      if (!(error instanceof NotFoundError)) throw error;
    }
  }

  /** Puts the folder's own object, with what an older one says of what is not given. */
  async #mark(path: ByteString, metadata: EntryMetadata, { isNew } = { isNew: false }): Promise<void> {
    const key = this.#entries.folderKeyOf(path);
    if (key === '') return;
    const isWhole = (['mode', 'uid', 'gid', 'mtimeNs'] as const).every((name) => metadata[name] !== undefined);
    const old = isWhole || isNew ? undefined : await this.#bucket.head(key);
    const all = { ...(old === undefined ? {} : givenMetadata(old)), ...metadata };
    await this.#bucket.put(key, NOTHING, { metadata: objectMetadata(this.#bucket.times, 'dir', all) });
  }

  /** What is replaced keeps its mode and owners where nothing else is said. */
  async #withOwn(key: string, metadata: EntryMetadata): Promise<EntryMetadata> {
    if (metadata.mode !== undefined && metadata.uid !== undefined && metadata.gid !== undefined) return metadata;
    const old: DescribedObject | undefined = await this.#bucket.head(key);
    if (old === undefined || isLink(old)) return metadata;
    const { mtimeNs: _, ...own } = givenMetadata(old);
    return { ...own, ...metadata };
  }

  /** Throws NotFound where the folder of a file or link to come is not there, AlreadyExists where a folder has its name. */
  async #requirePlace(path: ByteString): Promise<void> {
    this.#requireNoRoot(path);
    await this.#requireFolder(parentPath(path));
    if (await this.#isFolder(path)) throw this.#taken(path);
  }

  async #requireFolder(folder: ByteString): Promise<void> {
    if (this.#entries.folders.has(folder)) return;
    if (folder !== '') {
      await this.#requireFolder(parentPath(folder));
      if ((await this.#bucket.head(this.#entries.keyOf(folder))) !== undefined)
        throw new NotFoundError(`${this.#entries.display(folder)} is not a folder`);
    }
    await this.#entries.noteFolder(folder);
  }

  /** Asks where it is not known that there is none. */
  async #isFolder(path: ByteString): Promise<boolean> {
    if (this.#entries.folders.isFolder(path) === false) return false;
    if ((await this.#entries.findFolder(path)) !== undefined) return true;
    this.#entries.folders.remove(path);
    return false;
  }

  async #makeParents(path: ByteString): Promise<void> {
    const parent = parentPath(path);
    if (parent === '' || this.#entries.folders.has(parent)) return;
    await this.#makeParents(parent);
    if (await this.#isFolder(parent)) return;
    if ((await this.#bucket.head(this.#entries.keyOf(parent))) !== undefined) throw this.#taken(parent);
    await this.#mark(parent, {}, { isNew: true });
    this.#entries.folders.add(parent);
  }

  /** An object that has the name of the root, or of a folder above it, would have it in its place. */
  async #requireFreeRoot(): Promise<void> {
    const parts = this.#bucket.prefix.split('/').filter((part) => part !== '');
    const keys = parts.map((_, index) => parts.slice(0, index + 1).join('/'));
    const found = await Promise.all(keys.map((key) => this.#headIfAllowed(key)));
    const index = found.findIndex((object) => object !== undefined);
    if (index < 0) return;
    const what = `${this.#bucket.name}/${keys[index]!}`;
    throw new HoldfastError('AlreadyExists', `${what} is an object, where ${this.description} needs a folder`, {
      hint: 'Choose another prefix or path, or move it away.',
    });
  }

  /** Who may use nothing but the prefix is not shown what is above it. */
  async #headIfAllowed(key: string): Promise<DescribedObject | undefined> {
    try {
      return await this.#bucket.head(key);
    } catch (error) {
      if ((error as Partial<HoldfastError>).code === 'AccessDenied') return undefined;
      throw error;
    }
  }

  #taken(path: ByteString): HoldfastError {
    return new HoldfastError('AlreadyExists', `${this.#entries.display(path)} is there, and is something else`, {
      hint: 'Remove or rename it first.',
    });
  }

  #requireNoRoot(path: ByteString): void {
    if (path !== '') return;
    throw new HoldfastError('Usage', `${this.description} is the root of its tree, which stays`, {
      hint: 'Give the path of one of its entries.',
    });
  }
}

function intoItself(what: string): HoldfastError {
  return new HoldfastError('Usage', `${what} cannot be moved into itself`, { hint: 'Move it somewhere else.' });
}
