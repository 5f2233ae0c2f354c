/** Reads a file of an SFTP server as a stream that outlives one lost connection. */
import { Readable } from 'node:stream';
import type { Stats } from 'ssh2';
import { ConnectionLost, translateSftpError } from './sftp-errors.ts';
import type { SftpPool } from './sftp-pool.ts';
import type { SftpSession } from './sftp-session.ts';
import { closeUnheard, type OpenFile, openRemote, readAhead } from './sftp-transfer.ts';

/** What is read of a file. `close` it, also when nothing was read: the server keeps so many files open and no more. */
export interface OpenPieces {
  pieces: AsyncIterable<Buffer>;
  close(): void;
}

/** Opens the file before it returns; after a cut it goes on, once, where it was, unless another one has its name by then. */
export async function openPieces(
  pool: SftpPool,
  session: SftpSession,
  path: string,
  signal: AbortSignal | undefined,
): Promise<OpenPieces> {
  const first = await openRemote(session, path, 'r', { signal });
  const identity = identityOf(first, signal).catch(() => undefined);
  // A generator that was never asked closes nothing; and a handle that is closed twice may be another file's by then.
  let isUnread = true;
  async function* pieces(): AsyncGenerator<Buffer> {
    if (!isUnread) return;
    isUnread = false;
    let file = first;
    let offset = 0;
    let isFresh = true;
    for (;;) {
      const current = file;
      try {
        for await (const piece of readAhead(current, offset, signal)) {
          offset += piece.length;
          isFresh = true;
          yield piece;
        }
        return;
      } catch (error) {
        // Each connection must bring it further.
        if (!(error instanceof ConnectionLost) || !isFresh) throw error;
        isFresh = false;
        const work = { repeatable: true, signal };
        const again = await pool.run(async (on) => openIdentified(on, path, signal), work);
        file = again.file;
        if (again.identity !== (await identity)) {
          closeUnheard(file);
          throw error;
        }
      } finally {
        closeUnheard(current);
      }
    }
  }
  return {
    pieces: pieces(),
    close() {
      if (isUnread) closeUnheard(first);
      isUnread = false;
    },
  };
}

async function openIdentified(session: SftpSession, path: string, signal: AbortSignal | undefined) {
  const file = await openRemote(session, path, 'r', { signal });
  return { file, identity: await identityOf(file, signal) };
}

/** What tells an open file from another one that has taken its name: SFTP has no more to tell. */
async function identityOf({ session, handle }: OpenFile, signal: AbortSignal | undefined): Promise<string> {
  const { size, mtime } = await session.request<Stats>((sftp, done) => sftp.fstat(handle, done), signal);
  return `${size} ${mtime}`;
}

/** The stream of what was opened, with the contract's errors. */
export function pieceStream(
  { pieces, close }: OpenPieces,
  path: string,
  options: { signal?: AbortSignal | undefined; onPiece?: (sizeBytes: number) => void } = {},
): Readable {
  const { signal, onPiece } = options;
  const given = { objectMode: false, ...(signal === undefined ? {} : { signal }) };
  return Readable.from(translatePieces(pieces, path, onPiece), given).once('close', close);
}

async function* translatePieces(
  pieces: AsyncIterable<Buffer>,
  path: string,
  onPiece: ((sizeBytes: number) => void) | undefined,
): AsyncGenerator<Buffer> {
  try {
    for await (const piece of pieces) {
      onPiece?.(piece.length);
      yield piece;
    }
  } catch (error) {
    throw translateSftpError(error, 'read', path);
  }
}
