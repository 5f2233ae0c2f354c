/** What an SSH account may do, asked with names that are not there: "missing" for who may, "denied" for who may not. */
import { posix } from 'node:path';
import { SftpStatus, sftpStatus } from './sftp-errors.ts';
import type { SftpSession } from './sftp-session.ts';
import { temporaryName } from './sftp-temporary.ts';
import { openRemote } from './sftp-transfer.ts';
import type { StorageRights } from './storage.ts';

/**
 * OpenSSH refuses what the options of the account forbid before it looks at the name. Permissions of files and folders
 * are not seen this way: they can forbid more.
 */
export async function probeSftpRights(
  session: SftpSession,
  root: string,
  signal: AbortSignal | undefined,
): Promise<StorageRights> {
  const missing = posix.join(root, temporaryName());
  const [write, remove] = await Promise.all([
    isAllowed(() => openRemote(session, posix.join(missing, 'object'), 'wx', { signal })),
    isAllowed(() => session.request<void>((sftp, done) => sftp.unlink(missing, done), signal)),
  ]);
  return { write, remove };
}

async function isAllowed(ask: () => Promise<unknown>): Promise<boolean> {
  try {
    await ask();
  } catch (error) {
    if (sftpStatus(error) === SftpStatus.permissionDenied) return false;
    if (sftpStatus(error) === SftpStatus.noSuchFile) return true;
    throw error;
  }
  return true;
}
