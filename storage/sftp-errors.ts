/** What a failure of an SFTP request means to its caller. */
import { HoldfastError, InterruptedError, NotFoundError, StorageError } from '../common/errors.ts';

/** The status codes of SFTP, version 3 (draft-ietf-secsh-filexfer-02, section 7). */
export const SftpStatus = {
  endOfFile: 1,
  noSuchFile: 2,
  permissionDenied: 3,
  failure: 4,
  badMessage: 5,
  unsupported: 8,
} as const;

/** The connection is gone; what was under way may or may not have happened. */
export class ConnectionLost extends StorageError {
  constructor(place: string, cause?: unknown) {
    const reason = cause instanceof Error ? `: ${cause.message}` : '';
    super(`the connection to ${place} was lost${reason}`, {
      hint: 'Look at the network and the server, then run it again: what is complete is kept.',
      cause,
    });
    this.name = 'ConnectionLost';
  }
}

/** The status code of a server's answer; undefined for anything else. */
export function sftpStatus(error: unknown): number | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'number' ? error.code : undefined;
}

export type SftpVerb = 'read' | 'write' | 'remove' | 'list' | 'replace' | 'make' | 'move' | 'change';

/** The contract's error for a failure at `path`; errors that already are of the contract pass through. */
export function translateSftpError(error: unknown, verb: SftpVerb, path: string): Error {
  if (error instanceof HoldfastError) return error;
  if (error instanceof Error && error.name === 'AbortError')
    return new InterruptedError('interrupted', { cause: error });
  switch (sftpStatus(error)) {
    case SftpStatus.noSuchFile:
      return new NotFoundError(`${path} does not exist`, { cause: error });
    case SftpStatus.permissionDenied:
      return new HoldfastError('AccessDenied', `this account may not ${verb} ${path}`, {
        hint: 'Use the identity that may: writer adds, maintainer deletes, reader reads. Or correct the permissions on the server.',
        cause: error,
      });
    case SftpStatus.badMessage:
      // What OpenSSH says of names and paths that are too long, or that its file system does not take.
      return new HoldfastError('Usage', `the server does not take the name of ${path}, which it cannot ${verb}`, {
        hint: 'Rename it, or leave it out: it may be too long, or hold what the file system there does not take.',
        cause: error,
      });
    default:
      return new StorageError(`could not ${verb} ${path}: ${error instanceof Error ? error.message : String(error)}`, {
        hint: 'Look at the disk of the server and the permissions there, then run it again.',
        cause: error,
      });
  }
}
