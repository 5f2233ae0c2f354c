/** Entries of a tree on an SSH server, by requests on one session: looked at, made and removed without following links. */
import { posix } from 'node:path';
import type { FileEntryWithStats, Stats } from 'ssh2';
import type { ByteString } from '../common/byte-string.ts';
import { forEachConcurrently } from '../common/concurrency.ts';
import { HoldfastError, NotFoundError } from '../common/errors.ts';
import type { OnRetry } from '../common/progress.ts';
import { displayPath, fromText, joinPath, parentPath, toText } from '../files/byte-path.ts';
import type { EntryMetadata, FileEntry, FileType, WalkOptions } from '../files/file-tree.ts';
import { typeOfMode } from '../files/file-type.ts';
import { sortForWalk } from '../files/walk-by-listing.ts';
import { remoteAttributes, remoteEntry } from './sftp-entry.ts';
import { SftpStatus, sftpStatus, translateSftpError, type SftpVerb } from './sftp-errors.ts';
import { readRemoteFolder } from './sftp-folder.ts';
import { removeAbandoned } from './sftp-list.ts';
import type { SftpSession } from './sftp-session.ts';
import { isGarbled } from './sftp-names.ts';
import { isTemporary } from './sftp-temporary.ts';
import { makeFolder, statRemote } from './sftp-write.ts';
import type { StorageCounts } from './storage.ts';

/** Entries of a folder that are looked at at once, where its listing does not say all. */
const LOOKS = 32;
/** Of folders for which none was asked. */
const NEW_FOLDER_MODE = 0o755;
/** Folders remembered as being none but folders; beyond this the memory starts anew. */
const KNOWN_FOLDERS = 10_000;

export interface SftpTreeSettings {
  description: string;
  root: string;
  /** The account may give files away, and no mode keeps it from anything. */
  isRoot: boolean;
  hasLinkTimes: boolean;
  onRetry: OnRetry | undefined;
  /** What is asked of the tree is added to these. */
  counts: StorageCounts;
}

export class RemoteEntries {
  readonly #settings: SftpTreeSettings;
  readonly #folders = new Set<ByteString>();
  #isChanged = false;

  constructor(settings: SftpTreeSettings) {
    this.#settings = settings;
  }

  /** From now on what killed processes left goes when it is listed: who only plans, or may not write here, removes nothing. */
  noteChange(): void {
    this.#isChanged = true;
  }

  /** What was looked at may have changed. */
  forget(): void {
    this.#folders.clear();
  }

  async entriesOf(
    session: SftpSession,
    folder: ByteString,
    listed: readonly FileEntryWithStats[],
    { onError, onForeign }: WalkOptions,
  ): Promise<FileEntry[]> {
    const entries: FileEntry[] = [];
    await forEachConcurrently(listed, LOOKS, async (item) => {
      const path = joinPath(folder, fromText(item.filename));
      if (isTemporary(item.filename)) {
        if (this.#isChanged) removeAbandoned(session, this.path(path), item);
        return;
      }
      if (isGarbled(item.filename)) {
        onForeign?.(path, 'its name is not UTF-8, which SFTP cannot say here');
        return;
      }
      try {
        const isTold = item.attrs.mode !== undefined && typeOfMode(item.attrs.mode) !== undefined;
        const entry = isTold
          ? await this.withTarget(session, remoteEntry(path, item.attrs))
          : await this.look(session, path);
        if (entry?.linkTarget !== undefined && isGarbled(toText(entry.linkTarget) ?? '')) {
          onForeign?.(path, 'its target is not UTF-8, which SFTP cannot say here');
        } else if (entry !== undefined) entries.push(entry);
      } catch (error) {
        // What vanished between the listing and the look is not there, and no error.
        if (sftpStatus(error) === SftpStatus.noSuchFile) return;
        const translated = translateSftpError(error, 'read', this.display(path));
        if (onError === undefined || sftpStatus(error) === undefined) throw translated;
        onError(path, translated);
      }
    });
    return sortForWalk(entries);
  }

  /** undefined when absent; of the root, what a link there leads to. */
  async look(session: SftpSession, path: ByteString): Promise<FileEntry | undefined> {
    if (path !== '') await this.requireParents(session, path);
    try {
      const at = this.path(path);
      const stats = await session.request<Stats>((sftp, done) =>
        path === '' ? sftp.stat(at, done) : sftp.lstat(at, done),
      );
      return await this.withTarget(session, remoteEntry(path, stats));
    } catch (error) {
      if (sftpStatus(error) === SftpStatus.noSuchFile) return undefined;
      throw error;
    }
  }

  async require(session: SftpSession, path: ByteString): Promise<FileEntry> {
    const entry = await this.look(session, path);
    if (entry === undefined) throw this.absent(path);
    return entry;
  }

  async withTarget(session: SftpSession, entry: FileEntry): Promise<FileEntry> {
    if (entry.type !== 'symlink') return entry;
    const target = await session.request<string>((sftp, done) => sftp.readlink(this.path(entry.path), done));
    return { ...entry, linkTarget: fromText(target) };
  }

  /** Each folder on the way is one, and no link: asked once. */
  async requireParents(session: SftpSession, path: ByteString): Promise<void> {
    const parent = parentPath(path);
    if (parent === '' || this.#folders.has(parent)) return;
    await this.requireParents(session, parent);
    const stats = await session.request<Stats>((sftp, done) => sftp.lstat(this.path(parent), done));
    if (!stats.isDirectory()) throw this.absent(path);
    this.rememberFolder(parent);
  }

  async makeParents(session: SftpSession, path: ByteString): Promise<void> {
    const parent = parentPath(path);
    if (parent === '' || this.#folders.has(parent)) return;
    await this.makeParents(session, parent);
    await this.makeOne(session, parent);
  }

  /** Without a mode nobody else may write into it, whatever the server's umask is. */
  async makeOne(session: SftpSession, path: ByteString, mode = NEW_FOLDER_MODE): Promise<void> {
    await this.requireParents(session, path);
    try {
      await session.request<void>((sftp, done) => sftp.mkdir(this.path(path), { mode }, done));
    } catch (error) {
      if (sftpStatus(error) === undefined) throw error;
      const entry = await this.look(session, path);
      if (entry === undefined) throw error;
      if (entry.type !== 'dir') throw somethingThere('make', this.display(path), error);
    }
    this.rememberFolder(path);
  }

  /** With the folders above, into which nobody else may write. */
  async makeRoot(session: SftpSession, mode = NEW_FOLDER_MODE): Promise<void> {
    const at = this.path('' as ByteString);
    try {
      await makeFolder(session, at, mode & NEW_FOLDER_MODE);
    } catch (error) {
      if (sftpStatus(error) === undefined || !(await isBlocked(session, at))) throw error;
      throw somethingThere('make', this.display('' as ByteString), error);
    }
  }

  /**
   * Does what makes or moves an entry of this type to a path. SFTP has no status for what is in the way there.
   */
  async come(session: SftpSession, path: ByteString, type: FileType, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (sftpStatus(error) === undefined || sftpStatus(error) === SftpStatus.permissionDenied) throw error;
      const there = await this.look(session, path);
      if (there === undefined || (type !== 'dir' && there.type !== 'dir')) throw error;
      throw somethingThere(type === 'dir' ? 'move' : 'write', this.display(path), error);
    }
  }

  /** Where a folder is to come. */
  async requireNoFile(session: SftpSession, path: ByteString): Promise<void> {
    const there = await this.look(session, path);
    if (there !== undefined && there.type !== 'dir') throw somethingThere('move', this.display(path), undefined);
  }

  async removeFolder(session: SftpSession, path: ByteString): Promise<void> {
    const at = this.path(path);
    this.#folders.delete(path);
    try {
      await session.request<void>((sftp, done) => sftp.rmdir(at, done));
    } catch (error) {
      if (sftpStatus(error) !== SftpStatus.failure) throw error;
      // SFTP has no status for a folder that is not empty.
      const isEmpty = (await readRemoteFolder(session, at, undefined)).length === 0;
      throw isEmpty ? error : somethingThere('remove', this.display(path), error);
    }
  }

  async setAttributes(session: SftpSession, at: string, type: FileType, metadata: EntryMetadata): Promise<void> {
    // Without the extension a link's own metadata cannot be reached: what it leads to must not be changed.
    if (type === 'symlink' && !this.#settings.hasLinkTimes) return;
    for (const attributes of remoteAttributes(type, metadata, this.account)) {
      await session.request<void>((sftp, done) =>
        type === 'symlink' ? sftp.ext_openssh_lsetstat(at, attributes, done) : sftp.setstat(at, attributes, done),
      );
    }
  }

  get account(): { givesAway: boolean } {
    return { givesAway: this.#settings.isRoot };
  }

  rememberFolder(path: ByteString): void {
    if (this.#folders.size >= KNOWN_FOLDERS) this.#folders.clear();
    this.#folders.add(path);
  }

  /** As the server takes it. */
  path(path: ByteString): string {
    return path === '' ? this.#settings.root : posix.join(this.#settings.root, toText(path)!);
  }

  display(path: ByteString): string {
    return path === '' ? this.#settings.description : `${this.#settings.description}/${displayPath(path)}`;
  }

  absent(path: ByteString): NotFoundError {
    return new NotFoundError(`${this.display(path)} does not exist, or is behind a symbolic link`);
  }
}

/** Whether the first of a folder and the folders above that is there is none. */
async function isBlocked(session: SftpSession, folder: string): Promise<boolean> {
  for (let at = folder; ; at = posix.dirname(at)) {
    const stats = await statRemote(session, at);
    if (stats !== undefined) return !stats.isDirectory();
    if (posix.dirname(at) === at) return false;
  }
}

function somethingThere(verb: SftpVerb, subject: string, cause: unknown): HoldfastError {
  return new HoldfastError('AlreadyExists', `could not ${verb} ${subject}: something else is there`, {
    hint: 'Remove what is there first.',
    cause,
  });
}
