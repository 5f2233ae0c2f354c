/** Failures that all services of buckets have in common: those of the network, and those that pass. */
import { StorageError } from '../common/errors.ts';

export type StorageVerb = 'read' | 'write' | 'copy' | 'remove' | 'list';

/** Network failures, by the code of Node's system error. */
const UNREACHABLE = new Set(['ENOTFOUND', 'EAI_AGAIN', 'ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH']);

/** Whether a request with this answer (undefined: none came) may succeed when it is sent again. */
export function mayPass(status: number | undefined): boolean {
  return status === undefined || status === 408 || status === 409 || status === 429 || status >= 500;
}

/** `error.name` is the service's code; `code` that of the system. */
export function unreachableError(
  error: Error,
  verb: StorageVerb,
  what: string,
  status: number | undefined,
  code?: string,
): Error {
  const reason =
    status === undefined ? (code ?? (error.name === 'Error' ? '' : error.name)) : `${status} ${error.name}`;
  const message = `could not ${verb} ${what}${reason === '' ? '' : ` (${reason})`}`;
  if (status === 507 || /QuotaExceeded|StorageFull/.test(error.name)) {
    return new StorageError(message, { hint: 'No space is left there: free some, or raise the quota.', cause: error });
  }
  if (code !== undefined && UNREACHABLE.has(code)) {
    return new StorageError(message, { hint: 'Check the endpoint and the network, then run it again.', cause: error });
  }
  const passes = mayPass(status);
  return new StorageError(message, {
    hint: passes ? 'It may pass: run it again.' : 'Look at what the service says about this request.',
    cause: error,
    retryable: passes,
  });
}
