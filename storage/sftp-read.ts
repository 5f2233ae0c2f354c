/** Reads a file of an SFTP server as a stream that outlives lost connections. */
import { Readable } from 'node:stream';
import type { Stats } from 'ssh2';
import { backOff, MAX_ATTEMPTS } from './backoff.ts';
import { ConnectionLost, translateSftpError } from './sftp-errors.ts';
import type { HeldConnection, SftpPool } from './sftp-pool.ts';
import type { SftpSession } from './sftp-session.ts';
import { closeUnheard, type OpenFile, openRemote, readAhead } from './sftp-transfer.ts';

/** What is read of a file. `close` it, also when nothing was read: the server keeps so many files open and no more. */
export interface OpenPieces {
  pieces: AsyncIterable<Buffer>;
  close(): void;
}

/** Opens the file before it returns; after a cut it goes on where it was, as long as one of five connections brings it further, unless another one has its name by then. */
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
    let file: OpenFile | undefined = first;
    let held: HeldConnection | undefined;
    let offset = 0;
    let failures = 0;
    let lost: ConnectionLost | undefined;
    const leave = (): void => {
      if (file !== undefined) closeUnheard(file);
      held?.release();
      [file, held] = [undefined, undefined];
    };
    try {
      for (;;) {
        try {
          if (lost !== undefined) {
            held = await pool.hold(lost, signal);
            file = await openRemote(held.session, path, 'r', { signal });
            if ((await identityOf(file, signal)) !== (await identity)) throw new OtherFile(lost);
          }
          for await (const piece of readAhead(file!, offset, signal)) {
            offset += piece.length;
            failures = 0;
            yield piece;
          }
          return;
        } catch (error) {
          if (error instanceof OtherFile) throw error.lost;
          // One of five connections must bring it further.
          if (!(error instanceof ConnectionLost) || (failures += 1) >= MAX_ATTEMPTS) throw error;
          lost = error;
          leave();
          if (failures > 1) await backOff(failures - 1, error, { signal });
        }
      }
    } finally {
      leave();
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

/** Another one has its name by now. */
class OtherFile extends Error {
  readonly lost: ConnectionLost;

  constructor(lost: ConnectionLost) {
    super(lost.message);
    this.lost = lost;
  }
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
