/** Lets the server's disk work while a large file is still on its way, so that the sync at its end has little left to do. */
import type { SftpSession } from './sftp-session.ts';
import { closeUnheard, openRemote, type OpenFile } from './sftp-transfer.ts';

export const FSYNC = 'fsync@openssh.com';

/** Bytes that have arrived since the last flush before the next one begins. */
const FLUSH_EVERY_BYTES = 64 * 1024 * 1024;

export interface EarlyFlush {
  /** Tells that so many bytes more have arrived. */
  arrived(bytes: number): void;
  /** Ends it: the file may be closed and renamed. */
  end(): Promise<void>;
}

/**
 * A server's process does one request after the other, and would write nothing while it flushes: so this runs on a session
 * of its own, on a descriptor of its own. It promises nothing: what counts is the sync of the descriptor that wrote.
 */
export function flushEarly(session: SftpSession, path: string): EarlyFlush {
  let pending = 0;
  let flushing: Promise<void> | undefined;
  let file: OpenFile | undefined;
  let ended = !session.has(FSYNC);
  async function flush(): Promise<void> {
    try {
      file ??= await openRemote(await session.flusher(), path, 'r');
      const { handle } = file;
      if (!ended) await file.session.request<void>((sftp, done) => sftp.ext_openssh_fsync(handle, done as never));
    } catch {
      // No second session, or a file that this account may not read: the sync at the end does all of it.
      ended = true;
    } finally {
      flushing = undefined;
    }
  }
  return {
    arrived(bytes) {
      pending += bytes;
      if (ended || flushing !== undefined || pending < FLUSH_EVERY_BYTES) return;
      pending = 0;
      flushing = flush();
    },
    async end() {
      ended = true;
      await flushing;
      if (file !== undefined) closeUnheard(file);
    },
  };
}
