/** What a failed system call on a tree of files means to its caller. */
import { HoldfastError, InterruptedError, NotFoundError, StorageError } from '../common/errors.ts';

/** The code of a Node system error; undefined for anything else. */
export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** Whether nothing is at a path; a link or a file where a folder was expected counts, because links are not followed. */
export function isAbsence(error: unknown): boolean {
  const code = errorCode(error);
  return code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP';
}

/** @param subject The path, for the message. Errors that already are HoldfastErrors pass through. */
export function translateFileError(error: unknown, verb: string, subject: string): Error {
  if (error instanceof HoldfastError) return error;
  if (error instanceof Error && error.name === 'AbortError') return new InterruptedError(undefined, { cause: error });
  const code = errorCode(error);
  // Not of a system call: a defect, or of whoever gave the content.
  if (code === undefined) return error instanceof Error ? error : new Error(String(error));
  if (isAbsence(error)) {
    return new NotFoundError(`could not ${verb} ${subject}: it does not exist, or is behind a symbolic link`, {
      cause: error,
    });
  }
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
    return new HoldfastError('AccessDenied', `this account may not ${verb} ${subject} (${code})`, {
      hint: 'Run as an account that may, or correct the permissions.',
      cause: error,
    });
  }
  if (code === 'EEXIST' || code === 'ENOTEMPTY' || code === 'EISDIR') {
    return somethingThere(verb, subject, error);
  }
  if (code === 'ENAMETOOLONG' || code === 'EILSEQ') {
    return new HoldfastError(
      'Usage',
      `the system does not take the name of ${subject}, which it cannot ${verb} (${code})`,
      {
        hint: 'Rename it, or leave it out: it may be too long, or hold what the file system does not take.',
        cause: error,
      },
    );
  }
  const full = code === 'ENOSPC' || code === 'EDQUOT';
  return new StorageError(`could not ${verb} ${subject} (${code})`, {
    hint: full ? 'Free space on the disk, then run it again.' : 'Look at the disk and the mount, then run it again.',
    cause: error,
  });
}

/** What is at the path, or where the path leads, is of another kind than what was to come, or is not empty. */
export function somethingThere(verb: string, subject: string, cause: unknown): HoldfastError {
  const code = errorCode(cause);
  const told = code === undefined ? '' : ` (${code})`;
  return new HoldfastError('AlreadyExists', `could not ${verb} ${subject}: something else is there${told}`, {
    hint: 'Remove what is there first.',
    cause,
  });
}
