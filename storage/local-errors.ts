/** What a failed system call on a local storage means to its caller. */
import { HoldfastError, InterruptedError, NotFoundError, StorageError } from '../common/errors.ts';

const DENIED = new Set(['EACCES', 'EPERM', 'EROFS']);
const ABSENT = new Set(['ENOENT', 'ENOTDIR']);

/** The code of a Node system error; undefined for anything else. */
export function systemErrorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** The contract's error for a failure at `path`; errors that already are of the contract pass through. */
export function translateLocalError(error: unknown, verb: 'read' | 'write' | 'remove' | 'list', path: string): Error {
  if (error instanceof HoldfastError) return error;
  const code = systemErrorCode(error);
  if (code === 'ABORT_ERR' || (error instanceof Error && error.name === 'AbortError')) {
    return new InterruptedError('interrupted', { cause: error });
  }
  if (code !== undefined && ABSENT.has(code)) return new NotFoundError(`${path} does not exist`, { cause: error });
  if (code === 'EEXIST') return new HoldfastError('AlreadyExists', `${path} exists already`, { cause: error });
  if (code !== undefined && DENIED.has(code)) {
    return new HoldfastError('AccessDenied', `this account may not ${verb} ${path} (${code})`, {
      hint: 'Run it as the account that owns the storage, or correct the permissions.',
      cause: error,
    });
  }
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new StorageError(`no space is left to write ${path} (${code})`, {
      hint: 'Free space on the disk, then run it again.',
      cause: error,
    });
  }
  return new StorageError(`could not ${verb} ${path}${code === undefined ? '' : ` (${code})`}`, {
    hint: 'Look at the disk and the mount, then run it again.',
    cause: error,
  });
}
