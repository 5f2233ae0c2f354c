/** The entries of one folder of an SFTP server, with few round trips. */
import type { FileEntryWithStats } from 'ssh2';
import { SftpStatus, sftpStatus } from './sftp-errors.ts';
import type { SftpSession } from './sftp-session.ts';

/** Requests for names that are sent before the answer to the first of them is there: most folders are told in one, and the next says that this was all. */
const IN_FLIGHT = 2;

/** In the server's order, without `.` and `..`. Rejects with the server's status when there is no such folder. */
export async function readRemoteFolder(
  session: SftpSession,
  path: string,
  signal: AbortSignal | undefined,
): Promise<FileEntryWithStats[]> {
  const handle = await session.request<Buffer>((sftp, done) => sftp.opendir(path, done), signal);
  const entries: FileEntryWithStats[] = [];
  const ahead: Promise<FileEntryWithStats[]>[] = [];
  try {
    for (;;) {
      while (ahead.length < IN_FLIGHT) ahead.push(readNames(session, handle, signal));
      const names = await ahead.shift()!;
      if (names.length === 0) return entries;
      for (const entry of names) if (entry.filename !== '.' && entry.filename !== '..') entries.push(entry);
    }
  } finally {
    session.request<void>((sftp, done) => sftp.close(handle, done)).catch(() => {});
  }
}

/** Empty: there are no more. */
function readNames(
  session: SftpSession,
  handle: Buffer,
  signal: AbortSignal | undefined,
): Promise<FileEntryWithStats[]> {
  const reading = session
    // `full`: else an answer that holds nothing but the folder's own dots would look like the end.
    .request<FileEntryWithStats[]>(
      (sftp, done) => (sftp as unknown as FullListing).readdir(handle, { full: true }, done as never),
      signal,
    )
    .catch((error: unknown) => {
      if (sftpStatus(error) === SftpStatus.endOfFile) return [];
      throw error;
    });
  // Told when its turn comes.
  reading.catch(() => {});
  return reading;
}

/** The types of ssh2 leave out the option that its documentation has. */
interface FullListing {
  readdir(handle: Buffer, options: { full: true }, done: (error?: Error, list?: FileEntryWithStats[]) => void): void;
}
