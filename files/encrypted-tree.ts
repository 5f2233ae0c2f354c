/** A tree of files kept in rclone's crypt format in another tree: names and contents are encrypted on the way in, and authenticated on the way out. */
import { Readable } from 'node:stream';
import type { ByteString } from '../common/byte-string.ts';
import { HoldfastError, NotFoundError } from '../common/errors.ts';
import { baseName, displayPath, isRelativePath, joinPath, parentPath, requireRelativePath } from './byte-path.ts';
import { decryptContent, encryptContent, plainSizeBytes, type CryptKeys } from './crypt-content.ts';
import { createNameCipher, type NameCipher, type NameMode } from './crypt-names.ts';
import type { EntryMetadata, FileEntry, FileTree, KeptMetadata, WalkOptions } from './file-tree.ts';
import { FOLDERS_AHEAD, listSorted, sortForWalk, walkByListing } from './walk-by-listing.ts';

const EMPTY = '' as ByteString;
/** What file systems take; the format itself would take longer ones. */
const LONGEST_NAME_BYTES = 255;
/** Names up to this stay within it in every mode: a sync asks for every entry. */
const ALWAYS_SHORT_NAME_BYTES = 100;
/** Folders whose encrypted paths are remembered; beyond this the memory starts anew. */
const REMEMBERED_FOLDERS = 1000;

export interface CryptSettings {
  keys: CryptKeys;
  names: NameMode;
}

/**
 * Keeps modes, owners and times on the stored files, as rclone does, and no symbolic links (`refuses`), which the format
 * does not have. Entries whose names do not decrypt are passed over, and told to `onForeign`. A walk holds the entries of
 * the folders on the way down, because encrypted names have another order. Closing it closes the inner tree.
 */
export function openEncryptedTree(inner: FileTree, { keys, names }: CryptSettings): FileTree {
  return new EncryptedTree(inner, keys.dataKey, createNameCipher(names, keys));
}

/** Where the entry of a path lies in the inner tree. */
type Kind = 'file' | 'dir';

class EncryptedTree implements FileTree {
  readonly description: string;
  readonly isRemote: boolean;
  readonly triesAgain: boolean;
  readonly modesBind?: boolean;
  readonly keeps?: (entry: FileEntry) => KeptMetadata;
  readonly #inner: FileTree;
  readonly #dataKey: Uint8Array;
  readonly #names: NameCipher;
  readonly #folders = new Map<ByteString, ByteString>();

  constructor(inner: FileTree, dataKey: Uint8Array, names: NameCipher) {
    this.description = inner.description;
    this.isRemote = inner.isRemote ?? false;
    this.triesAgain = inner.triesAgain ?? false;
    if (inner.modesBind !== undefined) this.modesBind = inner.modesBind;
    if (inner.keeps !== undefined) this.keeps = (entry) => inner.keeps!(entry);
    this.#inner = inner;
    this.#dataKey = dataKey;
    this.#names = names;
  }

  walk(options: WalkOptions = {}): AsyncGenerator<FileEntry> {
    const ahead = this.isRemote ? FOLDERS_AHEAD : 0;
    return walkByListing((folder, given) => this.#listSorted(folder, given), options, ahead);
  }

  async *list(folder: ByteString, options: WalkOptions = {}): AsyncGenerator<FileEntry> {
    yield* listSorted(await this.#listSorted(folder, options), options);
  }

  /** The last one first. */
  async #listSorted(folder: ByteString, { signal, onError, onForeign }: WalkOptions): Promise<FileEntry[]> {
    const found = new Map<ByteString, FileEntry>();
    const stored = this.#inner.list(this.#storedPath(folder, 'dir'), {
      ...(signal === undefined ? {} : { signal }),
      ...(onForeign === undefined ? {} : { onForeign }),
      ...(onError === undefined
        ? {}
        : { onError: (path, error) => onError(this.#plainPath(folder, path) ?? path, error) }),
    });
    for await (const entry of stored) {
      const path = this.#plainPath(folder, entry.path, entry.type);
      // Without encryption of names a file and a folder may come to one name: the first one is the entry.
      if (path === undefined || found.has(path)) onForeign?.(entry.path, 'its name cannot be decrypted');
      else found.set(path, toPlain(entry, path));
    }
    return sortForWalk(found.values());
  }

  async stat(path: ByteString): Promise<FileEntry | undefined> {
    const found = await this.#find(path);
    return found && toPlain(found, path);
  }

  async openRead(path: ByteString, options: { signal?: AbortSignal } = {}): Promise<Readable> {
    const stored = await this.#inner.openRead(this.#storedPath(path, 'file'), options);
    // Whoever reads gets its errors; before that nobody listens.
    stored.on('error', () => undefined);
    const what = `${this.description}/${displayPath(path)}`;
    const plain = Readable.from(decryptContent(this.#dataKey, stored as AsyncIterable<Uint8Array>, what), {
      objectMode: false,
      ...options,
    });
    return plain.once('close', () => stored.destroy());
  }

  async replace(
    path: ByteString,
    content: AsyncIterable<Uint8Array>,
    metadata: EntryMetadata,
    options: { signal?: AbortSignal } = {},
  ): Promise<void> {
    await this.#inner.replace(
      this.#storedPath(path, 'file'),
      encryptContent(this.#dataKey, content),
      metadata,
      options,
    );
  }

  async replaceSymlink(path: ByteString): Promise<void> {
    throw new HoldfastError('Usage', `${this.description}/${displayPath(path)} cannot be a symbolic link`, {
      hint: 'An encrypted tree keeps files and folders: leave the link out.',
    });
  }

  async setMetadata(path: ByteString, metadata: EntryMetadata): Promise<void> {
    await this.#inner.setMetadata(await this.#existing(path), metadata);
  }

  async makeFolder(path: ByteString, metadata: EntryMetadata): Promise<void> {
    await this.#inner.makeFolder(this.#storedPath(path, 'dir'), metadata);
  }

  async remove(path: ByteString): Promise<void> {
    await this.#inner.remove(await this.#existing(path));
  }

  async rename(from: ByteString, to: ByteString): Promise<void> {
    const found = await this.#require(from);
    await this.#inner.rename(found.path, this.#storedPath(to, kindOf(found)));
  }

  refuses(entry: FileEntry): string | undefined {
    if (entry.type === 'symlink') return 'an encrypted copy keeps no symbolic links';
    const name = baseName(entry.path);
    if (this.#inner.refuses === undefined && name.length <= ALWAYS_SHORT_NAME_BYTES) return undefined;
    const stored = this.#names.encrypt(name, kindOf(entry));
    if (stored.length > LONGEST_NAME_BYTES)
      return `its encrypted name would be longer than ${LONGEST_NAME_BYTES} bytes`;
    return this.#inner.refuses?.({ ...entry, path: this.#storedPath(entry.path, kindOf(entry)) });
  }

  async close(): Promise<void> {
    this.#folders.clear();
    await this.#inner.close();
  }

  /** The stored path of what is there. */
  async #existing(path: ByteString): Promise<ByteString> {
    const asFile = this.#storedPath(path, 'file');
    return asFile === this.#storedPath(path, 'dir') ? asFile : (await this.#require(path)).path;
  }

  async #require(path: ByteString): Promise<FileEntry> {
    const found = await this.#find(path);
    if (found === undefined) throw new NotFoundError(`${this.description}/${displayPath(path)} does not exist`);
    return found;
  }

  /** The stored entry of a path, with its stored path; a file before a folder where both have the name. */
  async #find(path: ByteString): Promise<FileEntry | undefined> {
    const [ofFile, ofFolder] = [this.#storedPath(path, 'file'), this.#storedPath(path, 'dir')];
    // A folder's name may fit where that of a file is too long once encrypted; where neither does, the other tree says so.
    const isFolderAtMost = !isRelativePath(ofFile) && isRelativePath(ofFolder);
    const asFile = isFolderAtMost ? undefined : await this.#inner.stat(ofFile);
    if (asFile !== undefined && (asFile.type === 'file' || path === '')) return asFile;
    const asDir = await this.#inner.stat(ofFolder);
    return asDir?.type === 'dir' ? asDir : undefined;
  }

  #storedPath(path: ByteString, kind: Kind): ByteString {
    requireRelativePath(path);
    if (path === '') return EMPTY;
    if (kind === 'file')
      return joinPath(this.#storedPath(parentPath(path), 'dir'), this.#names.encrypt(baseName(path), kind));
    const known = this.#folders.get(path);
    if (known !== undefined) return known;
    const stored = joinPath(this.#storedPath(parentPath(path), 'dir'), this.#names.encrypt(baseName(path), kind));
    if (this.#folders.size >= REMEMBERED_FOLDERS) this.#folders.clear();
    this.#folders.set(path, stored);
    return stored;
  }

  /** undefined: not one of ours. Without a type it is taken for either. */
  #plainPath(folder: ByteString, storedPath: ByteString, type?: FileEntry['type']): ByteString | undefined {
    const stored = baseName(storedPath);
    const kinds: Kind[] = type === undefined ? ['file', 'dir'] : type === 'file' || type === 'dir' ? [type] : [];
    for (const kind of kinds) {
      const name = this.#names.decrypt(stored, kind);
      if (name !== undefined) return joinPath(folder, name);
    }
    return undefined;
  }
}

function kindOf({ type }: FileEntry): Kind {
  return type === 'dir' ? 'dir' : 'file';
}

function toPlain(entry: FileEntry, path: ByteString): FileEntry {
  return entry.type === 'file'
    ? { ...entry, path, sizeBytes: plainSizeBytes(entry.sizeBytes) ?? -1 }
    : { ...entry, path };
}
