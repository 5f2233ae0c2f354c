/** Writing a new file so that it is on the disk when the call returns. */
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { ByteString } from '../common/byte-string.ts';
import { untilAborted } from '../common/concurrency.ts';
import { throwIfAborted } from '../common/errors.ts';
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
    for await (const chunk of untilAborted(content, options.signal)) await writeAll(handle, chunk);
    await options.finish?.();
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function writeAll(handle: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let offset = 0; offset < chunk.length;) {
    const { bytesWritten } = await handle.write(chunk, offset, chunk.length - offset);
    offset += bytesWritten;
  }
}
