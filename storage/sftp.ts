/** The SFTP backend: objects are files below a folder of an SSH server. */
import { posix } from 'node:path';
import type { Stats } from 'ssh2';
import { NotFoundError, throwIfAborted } from '../common/errors.ts';
import { checkObjectName } from './object-name.ts';
import { openSftpPool, type SftpPoolOptions } from './open-sftp-pool.ts';
import { translateSftpError, type SftpVerb } from './sftp-errors.ts';
import { probeSftpRights } from './sftp-rights.ts';
import { listRemote } from './sftp-list.ts';
import type { SftpPool } from './sftp-pool.ts';
import { openPieces, pieceStream } from './sftp-read.ts';
import type { SftpSession } from './sftp-session.ts';
import { closeUnheard, openRemote, readInto } from './sftp-transfer.ts';
import { makeFolder, mayRename, statRemote, writeAtomic, writeOnce, type SftpModes } from './sftp-write.ts';
import type { SftpPlace, StorageIdentity, StorageSurroundings } from './storage-location.ts';
import type { ByteRange, CallOptions, ObjectEntry, Storage, StorageRole, WriteOptions } from './storage.ts';

export interface SftpStorageOptions extends SftpPoolOptions {
  role: StorageRole;
}

/**
 * Connects, and finds out what the account may do. Throws AccessDenied (unknown server, refused login), StorageError
 * (not reachable), NotFound (no file of known hosts).
 */
export async function openSftpStorage(
  place: SftpPlace,
  identity: StorageIdentity,
  surroundings: StorageSurroundings,
  options: SftpStorageOptions,
): Promise<Storage> {
  const { pool, name } = await openSftpPool(place, identity, surroundings, options);
  try {
    return await pool.run((session) => storageOf(pool, session, { name, root: place.path, role: options.role }), {
      repeatable: true,
      signal: undefined,
    });
  } catch (error) {
    await pool.close();
    throw translateSftpError(error, 'read', name);
  }
}

async function storageOf(
  pool: SftpPool,
  session: SftpSession,
  { name, root, role }: { name: string; root: string; role: StorageRole },
): Promise<Storage> {
  const [modes, isAtomic] = await Promise.all([
    modesOf(session, root),
    role === 'reader' ? true : mayRename(session, root),
  ]);

  function pathOf(object: string): string {
    checkObjectName(object);
    return posix.join(root, object);
  }

  async function call<Result>(
    verb: SftpVerb,
    path: string,
    signal: AbortSignal | undefined,
    work: (session: SftpSession, again: boolean) => Promise<Result>,
    repeatable = true,
  ): Promise<Result> {
    throwIfAborted(signal);
    try {
      return await pool.run(work, { repeatable, signal });
    } catch (error) {
      throw translateSftpError(error, verb, `${name}: ${path}`);
    }
  }

  return {
    description: name,
    capabilities: { atomicWrites: isAtomic },
    list: (prefix, options) =>
      listRemote({ pool, root, prefix, signal: options?.signal, removesAbandoned: role !== 'reader' && isAtomic }),
    async read(object, range, { signal }: CallOptions = {}) {
      const path = pathOf(object);
      return call('read', path, signal, (on) => readRemote(on, path, range, signal));
    },
    async openRead(object, { signal }: CallOptions = {}) {
      const path = pathOf(object);
      const opened = await call('read', path, signal, async (on) => openPieces(pool, on, path, signal));
      return pieceStream(opened, `${name}: ${path}`);
    },
    async write(object, content, { existing = 'replace', signal }: WriteOptions = {}) {
      const path = pathOf(object);
      const request = { path, content, existing, signal, modes };
      const write = (on: SftpSession, again: boolean): Promise<void> =>
        isAtomic ? writeAtomic(pool, on, { ...request, again }) : writeOnce(on, { ...request, again });
      // A stream is read once.
      const repeatable = content instanceof Uint8Array;
      await call('write', path, signal, write, repeatable);
    },
    async remove(object, { signal }: CallOptions = {}) {
      const path = pathOf(object);
      await call('remove', path, signal, (on, again) => removeRemote(on, path, again, signal));
    },
    async stat(object, { signal }: CallOptions = {}) {
      const path = pathOf(object);
      const stats = await call('read', path, signal, (on) => statRemote(on, path, signal));
      return stats?.isFile() === true ? entryOf(object, stats) : undefined;
    },
    async makeFolders(folders, { signal }: CallOptions = {}) {
      await Promise.all(
        folders.map((folder) =>
          call('write', pathOf(folder), signal, (on) => makeFolder(on, pathOf(folder), modes.folder)),
        ),
      );
    },
    probeRights: ({ signal }: CallOptions = {}) =>
      call('read', root, signal, (on) => probeSftpRights(on, root, signal)),
    close: () => pool.close(),
  };
}

/** New files and folders are open to whom the root is open to, as with restic; a root that is new to its owner alone. */
async function modesOf(session: SftpSession, root: string): Promise<Required<SftpModes>> {
  const stats = await statRemote(session, root);
  const group = stats === undefined ? 0 : stats.mode & 0o070;
  return { file: 0o400 | (group & 0o040), folder: 0o700 | group };
}

function entryOf(name: string, stats: { size: number; mtime: number }): ObjectEntry {
  return { name, sizeBytes: stats.size, modifiedAt: new Date(stats.mtime * 1000) };
}

async function readRemote(
  session: SftpSession,
  path: string,
  range: ByteRange | undefined,
  signal: AbortSignal | undefined,
): Promise<Buffer> {
  const file = await openRemote(session, path, 'r', { signal });
  try {
    // A range beyond the end must not take memory that nothing fills.
    const isSmall = range !== undefined && range.length <= session.readPiece;
    const size = isSmall
      ? Number.MAX_SAFE_INTEGER
      : (await session.request<Stats>((sftp, done) => sftp.fstat(file.handle, done), signal)).size;
    const offset = Math.min(range?.offset ?? 0, size);
    const target = Buffer.allocUnsafeSlow(Math.min(range?.length ?? size, size - offset));
    return target.subarray(0, await readInto(file, target, offset, signal));
  } finally {
    closeUnheard(file);
  }
}

/** When an earlier attempt was not answered, and the object is gone, it was that attempt. */
async function removeRemote(
  session: SftpSession,
  path: string,
  again: boolean,
  signal: AbortSignal | undefined,
): Promise<void> {
  try {
    await session.request<void>((sftp, done) => sftp.unlink(path, done), signal);
  } catch (error) {
    const translated = translateSftpError(error, 'remove', path);
    if (!again || !(translated instanceof NotFoundError)) throw error;
  }
}
