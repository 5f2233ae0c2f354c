/** Writing a new file so that it is on the disk when the call returns. */
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { ByteString } from '../common/byte-string.ts';
import { untilAborted } from '../common/concurrency.ts';
import { throwIfAborted } from '../common/errors.ts';
import { giveBack } from '../common/lent-memory.ts';
import { toBytes } from './byte-path.ts';

export interface DurableWriteOptions {
  signal?: AbortSignal;
  /** Lessened by the umask; default 0666. */
  mode?: number;
  /** Puts the metadata on the file, after its content and before it is made durable. */
  finish?: () => Promise<void>;
}

/**
 * Creates the file, writes all of the content and syncs it. Throws Node's error, `EEXIST` when
 * something has the name; InterruptedError soon after the signal, also while the content keeps it waiting. A part may
 * be left: the caller removes it.
 */
export async function writeFileDurably(
  path: ByteString,
  content: AsyncIterable<Uint8Array>,
  options: DurableWriteOptions = {},
): Promise<void> {
  throwIfAborted(options.signal);
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  const handle = await open(toBytes(path), flags, options.mode ?? 0o666);
  try {
    await writePieces(handle, untilAborted(content, options.signal));
    await options.finish?.();
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Writes all of the content where the handle stands; pieces that were lent are given back. */
export async function writePieces(handle: FileHandle, content: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const piece of content) {
    for (let offset = 0; offset < piece.length;) {
      const { bytesWritten } = await handle.write(piece, offset, piece.length - offset);
      offset += bytesWritten;
    }
    giveBack(piece);
  }
}
