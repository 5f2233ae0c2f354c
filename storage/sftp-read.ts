/** Reads a file of an SFTP server as a stream that outlives one lost connection. */
import { ConnectionLost, translateSftpError } from './sftp-errors.ts';
import type { SftpPool } from './sftp-pool.ts';
import type { SftpSession } from './sftp-session.ts';
import { closeUnheard, openRemote, readAhead } from './sftp-transfer.ts';

/** Opens the file before it returns; after a cut it goes on, once, where it was. */
export async function openPieces(
  pool: SftpPool,
  session: SftpSession,
  path: string,
  signal: AbortSignal | undefined,
): Promise<AsyncGenerator<Buffer>> {
  const first = await openRemote(session, path, 'r', { signal });
  async function* pieces(): AsyncGenerator<Buffer> {
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
        file = await pool.run((on) => openRemote(on, path, 'r', { signal }), { repeatable: true, signal });
      } finally {
        closeUnheard(current);
      }
    }
  }
  return pieces();
}

/** The pieces, with the contract's errors. */
export async function* translatePieces(pieces: AsyncIterable<Buffer>, path: string): AsyncGenerator<Buffer> {
  try {
    yield* pieces;
  } catch (error) {
    throw translateSftpError(error, 'read', path);
  }
}
