/** The tree of a folder on an SSH server: the FileTree contract over SFTP, version 3. */
import { posix } from 'node:path';
import { Readable } from 'node:stream';
import type { Stats } from 'ssh2';
import type { ByteString } from '../common/byte-string.ts';
import { HoldfastError, ifThere, NotFoundError } from '../common/errors.ts';
import { requireEntryPath, requireMove, requireRelativePath, toText } from '../files/byte-path.ts';
import type { EntryMetadata, FileEntry, FileTree, KeptMetadata, WalkOptions } from '../files/file-tree.ts';
import { FOLDERS_AHEAD, listSorted, walkByListing } from '../files/walk-by-listing.ts';
import { blamingGiver } from './blame-giver.ts';
import { openSftpPool, type SftpPoolOptions } from './open-sftp-pool.ts';
import { createCounts } from './counting.ts';
import { tryAgain } from './retrying.ts';
import { RemoteEntries, type SftpTreeSettings } from './sftp-entries.ts';
import { translateSftpError, type SftpVerb } from './sftp-errors.ts';
import { keptTime, remoteAttributes } from './sftp-entry.ts';
import { readRemoteFolder } from './sftp-folder.ts';
import type { SftpPool } from './sftp-pool.ts';
import { openPieces, type OpenPieces, pieceStream } from './sftp-read.ts';
import { unsayable, whyUnsayable, whyUnsayableTarget } from './sftp-names.ts';
import type { SftpSession } from './sftp-session.ts';
import { temporaryName } from './sftp-temporary.ts';
import { closeUnheard, openRemote, readInto, type OpenFile } from './sftp-transfer.ts';
import { discard, mayRename, publish, writeAtomic } from './sftp-write.ts';
import type { SftpPlace, StorageIdentity, StorageSurroundings } from './storage-location.ts';
import type { StorageCounts, StorageRole } from './storage.ts';

const LSETSTAT = 'lsetstat@openssh.com';
/** Files up to this are read whole, by two requests. */
const WHOLE_BYTES = 256 * 1024;

export interface SftpTreeOptions extends SftpPoolOptions {
  role: StorageRole;
  /** What is asked of the tree is added to these. */
  counts?: StorageCounts;
}

/**
 * Connects. Names must be UTF-8, as ssh2 knows no others: entries that are not are told to `onForeign`, and refused.
 * SFTP has whole seconds, and no times of links without `lsetstat@openssh.com`; owners are numbers, and kept where the
 * account is root. It has no call that begins at a folder which is held open: each folder is looked at before it is first
 * used, so that links are not followed, but who swaps one for a link afterwards is not noticed. Throws AccessDenied
 * (unknown server, refused login; an account that may only add files, unless it is to read alone), StorageError.
 */
export async function openSftpTree(
  place: SftpPlace,
  identity: StorageIdentity,
  surroundings: StorageSurroundings,
  { role, counts = createCounts(), ...options }: SftpTreeOptions,
): Promise<FileTree> {
  const { pool, user, name } = await openSftpPool(place, identity, surroundings, options);
  const description = name.replace(/(?<=[^/])\/+$/, '');
  try {
    return await tryAgain(
      async () => {
        try {
          return await pool.run(async (session) => {
            if (role !== 'reader' && !(await mayRename(session, place.path))) throw onlyAdds(description);
            return new SftpTree(pool, {
              description,
              onRetry: surroundings.onRetry,
              counts,
              root: place.path === '' ? '.' : place.path,
              isRoot: user === 'root',
              hasLinkTimes: session.has(LSETSTAT),
            });
          }, NOT_ABORTED);
        } catch (error) {
          throw translateSftpError(error, 'read', description);
        }
      },
      { onRetry: surroundings.onRetry },
    );
  } catch (error) {
    await pool.close();
    throw error;
  }
}

const NOT_ABORTED = { repeatable: true, signal: undefined };

function onlyAdds(description: string): HoldfastError {
  return new HoldfastError(
    'AccessDenied',
    `this account of ${description} may only add files, and a sync has to replace, rename and remove them`,
    {
      hint: 'Give the location an identity that may rename for its writer and maintainer, or back up into a repository, for which adding is enough.',
    },
  );
}

class SftpTree implements FileTree {
  readonly description: string;
  readonly isRemote = true;
  readonly modesBind: boolean;
  readonly #pool: SftpPool;
  readonly #settings: SftpTreeSettings;
  readonly #entries: RemoteEntries;

  constructor(pool: SftpPool, settings: SftpTreeSettings) {
    this.description = settings.description;
    this.modesBind = !settings.isRoot;
    this.#pool = pool;
    this.#settings = settings;
    this.#entries = new RemoteEntries(settings);
  }

  walk(options: WalkOptions = {}): AsyncGenerator<FileEntry> {
    return walkByListing((folder, given) => this.#readFolder(folder, given), options, FOLDERS_AHEAD);
  }

  async *list(folder: ByteString, options: WalkOptions = {}): AsyncGenerator<FileEntry> {
    yield* listSorted(await this.#readFolder(folder, options), options);
  }

  async stat(path: ByteString): Promise<FileEntry | undefined> {
    this.#settings.counts.stats += 1;
    return ifThere(this.#call('read', path, undefined, (session) => this.#entries.look(session, path)));
  }

  async openRead(path: ByteString, { signal }: { signal?: AbortSignal } = {}): Promise<Readable> {
    const { counts } = this.#settings;
    counts.reads += 1;
    const opened = await this.#call('read', path, signal, async (session) => {
      await this.#entries.requireParents(session, path);
      return this.#openFile(session, path, signal);
    });
    const onPiece = (bytes: number): void => void (counts.bytesRead += bytes);
    return pieceStream(opened, this.#entries.display(path), { signal, onPiece });
  }

  async replace(
    path: ByteString,
    content: AsyncIterable<Uint8Array>,
    metadata: EntryMetadata,
    { signal }: { signal?: AbortSignal } = {},
  ): Promise<void> {
    requireEntryPath(path);
    this.#requireSayable(path);
    const request = { path: this.#entries.path(path), existing: 'replace' as const, signal, again: false };
    const write = async (session: SftpSession, pieces: AsyncIterable<Uint8Array>): Promise<void> => {
      await this.#entries.requireParents(session, path);
      const mode = metadata.mode ?? (await this.#modeOf(session, path));
      // Until it has its own mode, nobody else reads it.
      const modes = { file: mode === undefined ? 0o644 : 0o600 };
      const attributes = remoteAttributes(
        'file',
        mode === undefined ? metadata : { ...metadata, mode },
        this.#entries.account,
      );
      await this.#entries.come(session, path, 'file', () =>
        writeAtomic(this.#pool, session, { ...request, content: pieces, modes, attributes }),
      );
    };
    await blamingGiver(
      content,
      signal,
      (pieces) => this.#call('write', path, signal, (session) => write(session, pieces), { repeatable: false }),
      (bytes) => (this.#settings.counts.bytesWritten += bytes),
    );
  }

  async replaceSymlink(path: ByteString, target: ByteString, metadata: EntryMetadata): Promise<void> {
    requireEntryPath(path);
    const why = whyUnsayableTarget(target);
    if (why !== undefined) throw unsayable(this.#entries.display(path), why);
    const linkTarget = toText(target)!;
    await this.#call('write', path, undefined, async (session) => {
      await this.#entries.requireParents(session, path);
      const temporary = posix.join(posix.dirname(this.#entries.path(path)), temporaryName());
      await session.request<void>((sftp, done) => sftp.symlink(linkTarget, temporary, done));
      try {
        await this.#entries.setAttributes(session, temporary, 'symlink', metadata);
        await this.#entries.come(session, path, 'symlink', () => this.#publish(session, temporary, path, false));
      } catch (error) {
        await discard(session, temporary, error);
        throw error;
      }
    });
  }

  async setMetadata(path: ByteString, metadata: EntryMetadata): Promise<void> {
    await this.#call('change', path, undefined, async (session) => {
      await this.#entries.requireParents(session, path);
      const { type } = await this.#entries.require(session, path);
      await this.#entries.setAttributes(session, this.#entries.path(path), type, metadata);
    });
  }

  async makeFolder(path: ByteString, metadata: EntryMetadata): Promise<void> {
    await this.#call('make', path, undefined, async (session) => {
      if (path === '') await this.#entries.makeRoot(session, metadata.mode);
      else await this.#entries.makeOne(session, path, metadata.mode);
      await this.#entries.setAttributes(session, this.#entries.path(path), 'dir', metadata);
    });
  }

  async remove(path: ByteString): Promise<void> {
    requireEntryPath(path);
    await this.#call('remove', path, undefined, async (session, again) => {
      await this.#entries.requireParents(session, path);
      const entry = await this.#entries.look(session, path);
      // An earlier attempt was not answered: if it is gone, that one did it.
      if (entry === undefined && again) return;
      if (entry === undefined) throw this.#entries.absent(path);
      if (entry.type === 'dir') return this.#entries.removeFolder(session, path);
      await session.request<void>((sftp, done) => sftp.unlink(this.#entries.path(path), done));
    });
  }

  async rename(from: ByteString, to: ByteString): Promise<void> {
    requireMove(from, to);
    this.#requireSayable(to);
    await this.#call('move', from, undefined, async (session, again) => {
      await this.#entries.requireParents(session, from);
      const entry = await this.#entries.look(session, from);
      if (entry === undefined && again && (await this.#entries.look(session, to)) !== undefined) return;
      if (entry === undefined) throw this.#entries.absent(from);
      // A server that cannot replace at once would have to remove what is at the new path first, and that is this one.
      if (to === from) return;
      await this.#entries.makeParents(session, to);
      if (entry.type === 'dir') await this.#entries.requireNoFile(session, to);
      await this.#entries.come(session, to, entry.type, () =>
        this.#publish(session, this.#entries.path(from), to, again),
      );
      this.#entries.forget();
    });
  }

  refuses({ path, type, linkTarget }: FileEntry): string | undefined {
    const why = whyUnsayable(path);
    return why === undefined && type === 'symlink' && linkTarget !== undefined ? whyUnsayableTarget(linkTarget) : why;
  }

  keeps({ type, mode, mtimeNs, uid, gid }: FileEntry): KeptMetadata {
    const { isRoot, hasLinkTimes } = this.#settings;
    const time = type === 'symlink' && !hasLinkTimes ? 0n : keptTime(mtimeNs);
    return { mode, mtimeNs: time, ...(isRoot ? { uid, gid } : { uid: 0, gid: 0 }) };
  }

  async close(): Promise<void> {
    this.#entries.forget();
    await this.#pool.close();
  }

  #requireSayable(path: ByteString): void {
    const why = whyUnsayable(path);
    if (why !== undefined) throw unsayable(this.#entries.display(path), why);
  }

  async #publish(session: SftpSession, from: string, to: ByteString, again: boolean): Promise<void> {
    const request = { path: this.#entries.path(to), content: EMPTY, existing: 'replace' as const, again };
    await publish(session, from, request);
  }

  /** Repeatable work is tried again when the connection or the server fails in a way that may pass. */
  async #call<Result>(
    verb: SftpVerb,
    path: ByteString,
    signal: AbortSignal | undefined,
    work: (session: SftpSession, again: boolean) => Promise<Result>,
    { repeatable } = { repeatable: true },
  ): Promise<Result> {
    requireRelativePath(path);
    this.#requireSayable(path);
    if (verb !== 'read' && verb !== 'list') this.#entries.noteChange();
    // Whoever reads knows what it is.
    if (verb !== 'read')
      this.#settings.counts[verb === 'list' ? 'lists' : verb === 'remove' ? 'removes' : 'writes'] += 1;
    const attempt = async (failures: number): Promise<Result> => {
      try {
        const run = (session: SftpSession, again: boolean) => work(session, again || failures > 0);
        return await this.#pool.run(run, { repeatable, signal });
      } catch (error) {
        throw translateSftpError(error, verb, this.#entries.display(path));
      }
    };
    return repeatable ? tryAgain(attempt, { signal, onRetry: this.#settings.onRetry }) : attempt(0);
  }

  async #readFolder(folder: ByteString, options: WalkOptions): Promise<FileEntry[]> {
    const { signal } = options;
    return this.#call('list', folder, signal, async (session) => {
      if (folder !== '') await this.#entries.requireParents(session, folder);
      // Asked at once: the answers come in order, and what is no folder is not believed.
      const [listed, own] = await Promise.allSettled([
        readRemoteFolder(session, this.#entries.path(folder), signal),
        folder === '' ? undefined : this.#entries.look(session, folder),
      ]);
      if (own.status === 'rejected') throw own.reason;
      if (folder !== '' && own.value?.type !== 'dir') throw this.#entries.absent(folder);
      if (listed.status === 'rejected') throw listed.reason;
      this.#entries.rememberFolder(folder);
      return this.#entries.entriesOf(session, folder, listed.value, options);
    });
  }

  /** Asked for at once: what it is, and its handle, which is closed unless it is a file. */
  async #openFile(session: SftpSession, path: ByteString, signal: AbortSignal | undefined): Promise<OpenPieces> {
    const at = this.#entries.path(path);
    const [entry, opened] = await Promise.allSettled([
      this.#entries.look(session, path),
      openRemote(session, at, 'r', { signal }),
    ]);
    const file = opened.status === 'fulfilled' ? opened.value : undefined;
    const isFile = entry.status === 'fulfilled' && entry.value?.type === 'file';
    const isSmall = isFile && entry.value!.sizeBytes <= WHOLE_BYTES;
    if (file !== undefined && !(isFile && isSmall)) closeUnheard(file);
    if (entry.status === 'rejected') throw entry.reason;
    if (!isFile) throw new NotFoundError(`${this.#entries.display(path)} is not a file`);
    if (opened.status === 'rejected') throw opened.reason;
    if (!isSmall) return openPieces(this.#pool, session, at, signal);
    const content = await readWhole(opened.value, entry.value!.sizeBytes, signal);
    // It was replaced between the two: what was opened has another size.
    if (content === undefined) return openPieces(this.#pool, session, at, signal);
    return { pieces: Readable.from(content.length > 0 ? [content] : []), close: () => undefined };
  }

  /** Of the file that will be replaced; undefined when there is none. */
  async #modeOf(session: SftpSession, path: ByteString): Promise<number | undefined> {
    const entry = await this.#entries.look(session, path);
    return entry?.type === 'file' ? entry.mode : undefined;
  }
}

const EMPTY = new Uint8Array(0);

/** undefined: it has another size. */
async function readWhole(
  file: OpenFile,
  sizeBytes: number,
  signal: AbortSignal | undefined,
): Promise<Buffer | undefined> {
  try {
    const target = Buffer.allocUnsafeSlow(sizeBytes);
    const { session, handle } = file;
    const [{ size }, read] = await Promise.all([
      session.request<Stats>((sftp, done) => sftp.fstat(handle, done), signal),
      readInto(file, target, 0, signal),
    ]);
    return size === sizeBytes && read === sizeBytes ? target : undefined;
  } finally {
    closeUnheard(file);
  }
}
