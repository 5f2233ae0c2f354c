/** What a failed request to S3 means to its caller. */
import { HoldfastError, InterruptedError, NotFoundError, StorageError } from '../common/errors.ts';
import { unreachableError, type StorageVerb } from './bucket-errors.ts';

/** What to do about a refusal, by the code that S3 gives for it. */
const REFUSALS: Readonly<Record<string, string>> = {
  InvalidAccessKeyId: 'The service does not know this access key: correct the credentials.',
  SignatureDoesNotMatch: 'The secret access key does not belong to this access key: correct the credentials.',
  ExpiredToken: 'The session has expired: get new credentials.',
  InvalidToken: 'The session token is not valid here: get new credentials.',
  RequestTimeTooSkewed: 'The clock of this machine is wrong: set it.',
};

/** Asking again at another place or with other settings is what helps: not a matter of time. */
const WRONG_REGION = new Set([
  'PermanentRedirect',
  'AuthorizationHeaderMalformed',
  'IllegalLocationConstraintException',
]);

/** Of services that keep objects in folders of a disk: one where a folder would have to be, or a folder where it would. */
const OBSTRUCTIONS = new Set(['ExistingObjectIsDirectory', 'ObjectParentIsFile']);

/** Whether something else has the object's place: no matter of time. */
export function isObstructed(error: unknown): boolean {
  return OBSTRUCTIONS.has((error as Partial<Error> | undefined)?.name ?? '');
}

interface ServiceError extends Error {
  $metadata?: { httpStatusCode?: number; attempts?: number };
  code?: unknown;
}

/** The HTTP status of a failed request; undefined when no answer came. HEAD has no other sign of what went wrong. */
export function httpStatusOf(error: unknown): number | undefined {
  return (error as ServiceError | undefined)?.$metadata?.httpStatusCode;
}

/** An answer to HEAD names no reason: the client then calls it unknown, or by its status. */
function reasonOf(status: number, name: string): string {
  return /^(Unknown|\d+)$/.test(name) ? String(status) : `${status} ${name}`;
}

function hintOfRefusal(name: string): string {
  return name === 'AccessDenied'
    ? 'Use an identity that may, or extend its policy for this bucket and prefix.'
    : 'Check the credentials, and that the policy of this identity allows it for this bucket and prefix.';
}

/** How often the client sent the request: after the first time its failure may be an echo of its own success. */
export function attemptsOf(error: unknown): number {
  return (error as ServiceError | undefined)?.$metadata?.attempts ?? 1;
}

/**
 * The contract's error for a failure at `what` (`s3://bucket/key`, never a secret); errors that already are of the
 * contract pass through.
 */
export function translateS3Error(error: unknown, verb: StorageVerb, what: string, signal?: AbortSignal): Error {
  if (error instanceof HoldfastError) return error;
  if (signal?.aborted === true) return new InterruptedError('interrupted', { cause: error });
  if (!(error instanceof Error)) return new StorageError(`could not ${verb} ${what}`, { cause: error });
  const status = httpStatusOf(error);
  const { name, code } = error as ServiceError;
  if (name === 'AbortError') return new InterruptedError('interrupted', { cause: error });
  if (name === 'NoSuchBucket') {
    return new NotFoundError(`the bucket of ${what} does not exist`, {
      hint: 'Create the bucket (private, without public access), or correct its name, the endpoint or the region.',
      cause: error,
    });
  }
  if (WRONG_REGION.has(name) || status === 301) {
    return new HoldfastError('Usage', `${what} is in another region (${name})`, {
      hint: 'Give the region of the bucket.',
      cause: error,
    });
  }
  if (status === 404) return new NotFoundError(`${what} does not exist`, { cause: error });
  if (status === 412) return new HoldfastError('AlreadyExists', `${what} exists already`, { cause: error });
  if (isObstructed(error)) {
    return new HoldfastError(
      'AlreadyExists',
      `${what} has a folder in its place, or a file where its folder would be`,
      {
        hint: 'Remove or rename what is there.',
        cause: error,
      },
    );
  }
  if (name === 'CredentialsProviderError') {
    return new HoldfastError('AccessDenied', `no credentials are found to ${verb} ${what}`, {
      hint: 'Name them in the identities of the Location, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE.',
      cause: error,
    });
  }
  if (status === 401 || status === 403) {
    return new HoldfastError('AccessDenied', `this identity may not ${verb} ${what} (${reasonOf(status, name)})`, {
      hint: REFUSALS[name] ?? hintOfRefusal(name),
      cause: error,
    });
  }
  return unreachableError(error, verb, what, status, typeof code === 'string' ? code : undefined);
}
