/** Writes an object to an SFTP server: under a temporary name, synced, then renamed; straight to its name where the account may not rename. */
import { posix } from 'node:path';
import type { InputAttributes, Stats } from 'ssh2';
import { HoldfastError, throwIfAborted } from '../common/errors.ts';
import { SftpStatus, sftpStatus } from './sftp-errors.ts';
import { exchange, LeftApart, plainRename } from './sftp-exchange.ts';
import { flushEarly, FSYNC } from './sftp-flush.ts';
import type { SftpPool } from './sftp-pool.ts';
import type { SftpSession } from './sftp-session.ts';
import { explainFailure } from './sftp-space.ts';
import { temporaryName } from './sftp-temporary.ts';
import { closeRemote, openRemote, readInto, writeAll, writePiece, type OpenFile } from './sftp-transfer.ts';
import { SftpUpload } from './sftp-upload.ts';

const POSIX_RENAME = 'posix-rename@openssh.com';

export interface SftpModes {
  file: number;
  /** Of folders that are not there yet; absent: they are not made. */
  folder?: number;
}

export interface WriteRequest {
  path: string;
  content: Uint8Array | AsyncIterable<Uint8Array>;
  existing: 'replace' | 'refuse';
  signal: AbortSignal | undefined;
  /** An earlier attempt may have succeeded unheard. */
  again: boolean;
  modes: SftpModes;
  /** Put on the file one after the other when its content is there, before it gets its name. */
  attributes?: readonly InputAttributes[];
}

/**
 * Whether the account may rename: asked with a name that is not there, which is "missing" for those who may and "denied"
 * for those who may not.
 */
export async function mayRename(session: SftpSession, folder: string): Promise<boolean> {
  const name = posix.join(folder, temporaryName());
  try {
    await rename(session, name, `${name}-2`);
  } catch (error) {
    return sftpStatus(error) !== SftpStatus.permissionDenied || (await isMissing(session, folder));
  }
  return true;
}

async function isMissing(session: SftpSession, folder: string): Promise<boolean> {
  return (await statRemote(session, folder)) === undefined;
}

/**
 * All or nothing: until the rename the object has no name. Durable where the server can sync. What takes more than one request goes on
 * where it was when its connection is lost: a stream only on a line that was cut before, because what is under way must be kept for that.
 */
export async function writeAtomic(pool: SftpPool, session: SftpSession, request: WriteRequest): Promise<void> {
  const { path, signal, modes, content } = request;
  const folder = posix.dirname(path);
  const temporary = posix.join(folder, temporaryName());
  let upload: SftpUpload | undefined;
  try {
    const file = await openNew(session, temporary, modes, signal);
    upload = new SftpUpload(file, { pool, path: temporary, mode: modes.file, signal });
    await fill(upload, temporary, request, { goesOn: content instanceof Uint8Array || pool.wasCut });
    throwIfAborted(signal);
    await publishOn(upload, temporary, request);
  } catch (error) {
    const on = upload?.file.session ?? session;
    const explained = await explainFailure(on, folder, error);
    await discard(on, temporary, error);
    throw explained;
  } finally {
    upload?.end();
  }
}

async function publishOn(upload: SftpUpload, temporary: string, request: WriteRequest): Promise<void> {
  await upload.on(
    async ({ session }, again) => {
      // It has its own name already: nobody else takes the temporary one away.
      if (again && (await lookAt(session, temporary)) === undefined) return;
      await publish(session, temporary, { ...request, again: request.again || again });
    },
    { opens: false },
  );
}

/** What could not get its own name; where the connection is gone, the next listing of somebody who may remove clears it away. */
export async function discard(session: SftpSession, temporary: string, error: unknown): Promise<void> {
  if (error instanceof LeftApart) return;
  await session.request<void>((sftp, done) => sftp.unlink(temporary, done)).catch(() => {});
}

/**
 * For an account that may only add. The name appears before its content, and what is cut stays cut: so the content is
 * there whole before the file is made, and readers compare hashes.
 */
export async function writeOnce(session: SftpSession, request: WriteRequest): Promise<void> {
  const { path, modes, signal } = request;
  const content = await collect(request.content);
  let file: OpenFile;
  try {
    file = await openNew(session, path, modes, signal);
  } catch (error) {
    if (sftpStatus(error) !== SftpStatus.failure) throw error;
    if ((await statRemote(session, path)) === undefined) throw error;
    if ((request.existing === 'replace' || request.again) && (await hasContent(session, path, content))) return;
    if (request.existing === 'refuse') throw existsAlready(path, error);
    throw new HoldfastError('AccessDenied', `this account may only add, and ${path} exists with other content`, {
      hint: 'Let the maintainer remove it, if it is what is left of an interrupted write.',
      cause: error,
    });
  }
  try {
    await fill(onlyOn(file), path, { ...request, content }, { goesOn: false });
  } catch (error) {
    throw await explainFailure(session, posix.dirname(path), error);
  }
}

/** A file that is written on one connection alone. */
function onlyOn(file: OpenFile): Pick<SftpUpload, 'file' | 'on' | 'ownAttributes' | 'noteArrived'> {
  return { file, on: (work) => work(file, false), ownAttributes: [], noteArrived: () => undefined };
}

/** Writes, syncs and closes; the file is closed in every case. `goesOn`: also with content that is under way when a connection is lost. */
async function fill(
  upload: ReturnType<typeof onlyOn>,
  path: string,
  { content, signal, attributes = [] }: Pick<WriteRequest, 'content' | 'signal' | 'attributes'>,
  { goesOn }: { goesOn: boolean },
): Promise<void> {
  const { file } = upload;
  if (content instanceof Uint8Array && content.length <= file.session.writePiece) {
    const piece = Buffer.from(content.buffer, content.byteOffset, content.byteLength);
    await finish(file, attributes, piece.length === 0 ? [] : [writePiece(file, piece, 0, signal)]);
    return;
  }
  const early = flushEarly(file.session, path);
  try {
    await writeAll(file.session.writePiece, content, {
      signal,
      keeps: goesOn && !(content instanceof Uint8Array),
      on: (work) => (goesOn ? upload.on(work) : work(file)),
      arrived(bytes, end) {
        upload.noteArrived(end);
        early.arrived(bytes);
      },
    });
  } catch (error) {
    await closeRemote(upload.file).catch(() => {});
    throw error;
  } finally {
    await early.end();
  }
  await upload.on((on) => finish(on, [...upload.ownAttributes, ...attributes]));
}

/**
 * Sets attributes, syncs and closes, after what is under way has been written. All is sent together, because a server works
 * on one file in the order in which it was asked (draft-ietf-secsh-filexfer-02, section 6.1); each failure is seen.
 */
async function finish(
  file: OpenFile,
  attributes: readonly InputAttributes[] = [],
  underWay: readonly Promise<void>[] = [],
): Promise<void> {
  const { session, handle } = file;
  const set = attributes.map((each) =>
    session.request<void>((sftp, done) => sftp.fsetstat(handle, each, done as never)),
  );
  const synced = session.has(FSYNC)
    ? session.request<void>((sftp, done) => sftp.ext_openssh_fsync(handle, done as never))
    : Promise.resolve();
  const results = await Promise.allSettled([...underWay, ...set, synced, closeRemote(file)]);
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}

/** Makes the folders above when they are not there, if it is given their mode. */
async function openNew(
  session: SftpSession,
  path: string,
  modes: SftpModes,
  signal: AbortSignal | undefined,
): Promise<OpenFile> {
  try {
    return await openRemote(session, path, 'wx', { mode: modes.file, signal });
  } catch (error) {
    if (sftpStatus(error) !== SftpStatus.noSuchFile || modes.folder === undefined) throw error;
    await makeFolder(session, posix.dirname(path), modes.folder);
    return openRemote(session, path, 'wx', { mode: modes.file, signal });
  }
}

/** With its parents; one that is there already is left as it is. */
export async function makeFolder(session: SftpSession, folder: string, mode: number): Promise<void> {
  const make = async (): Promise<void> => {
    await session.request<void>((sftp, done) => sftp.mkdir(folder, { mode } as never, done));
    // The server's umask takes the group's right to write away, which a writer of its own account needs.
    if ((mode & 0o020) !== 0) await session.request<void>((sftp, done) => sftp.chmod(folder, mode, done));
  };
  try {
    await make();
  } catch (error) {
    if (sftpStatus(error) === SftpStatus.noSuchFile) {
      const parent = posix.dirname(folder);
      if (parent === folder) throw error;
      await makeFolder(session, parent, mode);
      await make().catch((second: unknown) => ignoreExisting(session, folder, second));
    } else {
      await ignoreExisting(session, folder, error);
    }
  }
}

async function ignoreExisting(session: SftpSession, folder: string, error: unknown): Promise<void> {
  const stats = await statRemote(session, folder);
  if (stats?.isDirectory() !== true) throw error;
}

/** Gives what has a temporary name its own: at once, where the server can. */
export async function publish(
  session: SftpSession,
  temporary: string,
  request: Omit<WriteRequest, 'signal' | 'modes' | 'attributes'>,
): Promise<void> {
  const { path, existing } = request;
  if (existing === 'replace' && session.has(POSIX_RENAME)) return rename(session, temporary, path);
  // The plain rename refuses a name that is taken: with OpenSSH at the instant itself, because it makes a hard link.
  try {
    return await plainRename(session, temporary, path);
  } catch (error) {
    const there = sftpStatus(error) === undefined ? undefined : await lookAt(session, path);
    if (there === undefined) throw error;
    if (existing === 'refuse') {
      if (request.again && request.content instanceof Uint8Array && (await hasContent(session, path, request.content)))
        return;
      throw existsAlready(path, error);
    }
    // A folder is not replaced, whatever is to come.
    if (there.isDirectory()) throw error;
    return exchange(session, temporary, path);
  }
}

async function rename(session: SftpSession, from: string, to: string): Promise<void> {
  if (!session.has(POSIX_RENAME)) return plainRename(session, from, to);
  await session.request<void>((sftp, done) => sftp.ext_openssh_rename(from, to, done));
}

function existsAlready(path: string, cause: unknown): HoldfastError {
  return new HoldfastError('AlreadyExists', `${path} exists already`, { cause });
}

/** Of a link itself, also of one that leads nowhere; undefined when there is nothing. */
async function lookAt(session: SftpSession, path: string): Promise<Stats | undefined> {
  try {
    return await session.request<Stats>((sftp, done) => sftp.lstat(path, done));
  } catch (error) {
    if (sftpStatus(error) === SftpStatus.noSuchFile) return undefined;
    throw error;
  }
}

/** undefined when there is nothing. */
export async function statRemote(session: SftpSession, path: string, signal?: AbortSignal) {
  try {
    return await session.request<Stats>((sftp, done) => sftp.stat(path, done), signal);
  } catch (error) {
    if (sftpStatus(error) === SftpStatus.noSuchFile) return undefined;
    throw error;
  }
}

async function hasContent(session: SftpSession, path: string, content: Uint8Array): Promise<boolean> {
  const stats = await statRemote(session, path);
  if (stats?.size !== content.length) return false;
  const file = await openRemote(session, path, 'r');
  try {
    const stored = Buffer.allocUnsafeSlow(content.length);
    return (await readInto(file, stored, 0, undefined)) === content.length && stored.equals(content);
  } finally {
    await closeRemote(file);
  }
}

async function collect(content: Uint8Array | AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  if (content instanceof Uint8Array) return content;
  const parts: Uint8Array[] = [];
  for await (const part of content) parts.push(part);
  return Buffer.concat(parts);
}
