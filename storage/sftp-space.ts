/** Whether a write failed for want of space: SFTP, version 3, has no status for that, and servers say no more than "Failure". */
import { StorageError } from '../common/errors.ts';
import { formatBytes } from '../common/sizes.ts';
import { SftpStatus, sftpStatus } from './sftp-errors.ts';
import type { SftpSession } from './sftp-session.ts';

const STATVFS = 'statvfs@openssh.com';

/** With less than this the disk counts as full: others may have made a little room since. */
const LEAST_FREE_BYTES = 4 * 1024 * 1024;

/** As statvfs(3) has them, of what is there for an account that is not root. */
interface DiskFigures {
  f_frsize: number;
  f_blocks: number;
  f_bavail: number;
  /** 0 on file systems that count no files. */
  f_files: number;
  f_favail: number;
}

/**
 * A StorageError with the figures, where a failure without a reason met a disk that is full; else the failure itself (a quota is
 * told by nobody). Ask before what was written is removed. `folder`: on that disk.
 */
export async function explainFailure(session: SftpSession, folder: string, error: unknown): Promise<unknown> {
  if (sftpStatus(error) !== SftpStatus.failure || !session.has(STATVFS)) return error;
  const disk = await session
    .request<DiskFigures>((sftp, done) => sftp.ext_openssh_statvfs(folder, done as never))
    .catch(() => undefined);
  if (disk === undefined) return error;
  const freeBytes = disk.f_bavail * disk.f_frsize;
  const hasNames = disk.f_files === 0 || disk.f_favail > 0;
  if (freeBytes >= LEAST_FREE_BYTES && hasNames) return error;
  const figures =
    freeBytes < LEAST_FREE_BYTES
      ? `${formatBytes(freeBytes)} of ${formatBytes(disk.f_blocks * disk.f_frsize)} free`
      : `0 of ${disk.f_files} files free`;
  return new StorageError(`no space is left on ${session.place} (${figures})`, {
    hint: 'Free space on the disk of the server, then run it again.',
    cause: error,
  });
}
