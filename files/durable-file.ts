/** Writing a new file so that it is on the disk when the call returns. */
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { ByteString } from '../common/byte-string.ts';
import { InterruptedError, throwIfAborted } from '../common/errors.ts';
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
    await writeContent(handle, content, options.signal);
    await options.finish?.();
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function writeContent(
  handle: FileHandle,
  content: AsyncIterable<Uint8Array>,
  signal?: AbortSignal,
): Promise<void> {
  const iterator = content[Symbol.asyncIterator]();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(new InterruptedError());
  // Nobody waits for it when the content ends first.
  aborted.catch(() => undefined);
  signal?.addEventListener('abort', onAbort);
  let finished = false;
  try {
    throwIfAborted(signal);
    for (;;) {
      const step = await Promise.race([iterator.next(), aborted]);
      if (step.done === true) break;
      await writeAll(handle, step.value);
    }
    finished = true;
  } finally {
    signal?.removeEventListener('abort', onAbort);
    // Not awaited: a source that hangs in a read would hang here too.
    if (!finished) void iterator.return?.()?.catch(() => undefined);
  }
}

async function writeAll(handle: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let offset = 0; offset < chunk.length;) {
    const { bytesWritten } = await handle.write(chunk, offset, chunk.length - offset);
    offset += bytesWritten;
  }
}
