/** What a failed request to Google Cloud Storage means to its caller. */
import { HoldfastError, InterruptedError, NotFoundError, StorageError } from '../common/errors.ts';
import { unreachableError, type StorageVerb } from './bucket-errors.ts';

/** An answer of the service that says no. */
export class GcsResponseError extends Error {
  readonly status: number;
  /** What the service said, for a person. */
  readonly said: string;
  /** How often the request was sent: after the first time its failure may be an echo of its own success. */
  readonly attempts: number;

  constructor(status: number, reason: string, said: string, attempts: number) {
    super(said);
    this.name = reason;
    this.status = status;
    this.said = said;
    this.attempts = attempts;
  }
}

export function gcsStatusOf(error: unknown): number | undefined {
  return error instanceof GcsResponseError ? error.status : undefined;
}

/**
 * The contract's error for a failure at `what` (`gs://bucket/name`, never a secret); errors that already are of the
 * contract pass through.
 */
export function translateGcsError(error: unknown, verb: StorageVerb, what: string, signal?: AbortSignal): Error {
  if (error instanceof HoldfastError) return error;
  if (signal?.aborted === true) return new InterruptedError('interrupted', { cause: error });
  if (!(error instanceof Error)) return new StorageError(`could not ${verb} ${what}`, { cause: error });
  if (error.name === 'AbortError') return new InterruptedError('interrupted', { cause: error });
  const status = gcsStatusOf(error);
  if (status === 404 && /\bbucket\b/i.test(error.message)) {
    return new NotFoundError(`the bucket of ${what} does not exist`, {
      hint: 'Create the bucket (with uniform access, and public access prevented), or correct its name or the endpoint.',
      cause: error,
    });
  }
  if (status === 404) return new NotFoundError(`${what} does not exist`, { cause: error });
  if (status === 412) return new HoldfastError('AlreadyExists', `${what} exists already`, { cause: error });
  if (status === 401 || status === 403) {
    return new HoldfastError('AccessDenied', `this identity may not ${verb} ${what} (${status})`, {
      hint:
        status === 401
          ? 'The service does not accept these credentials: correct them, or log in anew.'
          : 'Use an identity that may, or give it a role on this bucket.',
      cause: error,
    });
  }
  const { code } = error as { code?: unknown };
  return unreachableError(error, verb, what, status, typeof code === 'string' ? code : undefined);
}
