/** Replaces an entry on a server that has no call for it: the old one is put aside, and put back where the new one cannot take its place. */
import { posix } from 'node:path';
import { StorageError } from '../common/errors.ts';
import { sftpStatus } from './sftp-errors.ts';
import type { SftpSession } from './sftp-session.ts';
import { temporaryName } from './sftp-temporary.ts';

/** The name is free now, and its old and new content have others: none of these may be removed. */
export class LeftApart extends StorageError {
  constructor(path: string, { old, next }: { old: string; next: string }, cause: unknown) {
    super(`${path} could not be replaced, and what was there could not be put back`, {
      hint: `Look at the permissions and the disk of the server, then rename ${old} (what was there) or ${next} (what was to come) to ${path}. A writer removes names that begin with .tmp- a day later.`,
      cause,
      // Another try would find the name free, and say nothing of these two.
      retryable: false,
    });
    this.name = 'LeftApart';
  }
}

/** SFTP's own: where the new name is taken, servers refuse it. */
export async function plainRename(session: SftpSession, from: string, to: string): Promise<void> {
  await session.request<void>((sftp, done) => sftp.rename(from, to, done));
}

/**
 * For a moment the name is not there. Throws the server's refusal, and then all is as it was, or LeftApart; where the
 * connection is cut in between, both contents keep their temporary names.
 */
export async function exchange(session: SftpSession, from: string, path: string): Promise<void> {
  const old = posix.join(posix.dirname(path), temporaryName());
  await plainRename(session, path, old);
  try {
    await plainRename(session, from, path);
  } catch (error) {
    await plainRename(session, old, path).catch((second: unknown) => {
      throw sftpStatus(second) === undefined ? error : new LeftApart(path, { old, next: from }, error);
    });
    throw error;
  }
  // Under its temporary name it is seen by nobody, and goes with the next listing of who may remove.
  await session.request<void>((sftp, done) => sftp.unlink(old, done)).catch(() => {});
}
