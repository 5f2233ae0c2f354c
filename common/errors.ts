/** What can go wrong, told once: every error holdfast raises on purpose is a HoldfastError with a code, and says what to do next. */

/**
 * Why something failed. Each code has one exit status (`cli/exit-status.ts`) and is the type of the Temporal
 * failure it becomes (`activities/to-failure.ts`).
 */
export type ErrorCode =
  | 'InvalidPolicy'
  | 'Usage'
  | 'NotBuilt'
  | 'NotFound'
  | 'AlreadyExists'
  | 'AccessDenied'
  | 'Integrity'
  | 'StorageUnreachable'
  | 'GuardRefused'
  | 'EngineUnreachable'
  | 'NoRepository'
  | 'RepositoryLocked'
  | 'WrongPassword'
  | 'Interrupted'
  | 'Unexpected';

export interface ErrorDetails {
  /** What the person can do next, as an imperative sentence. */
  hint?: string;
  /** Facts that help a program or a log reader: names and numbers, never a secret. */
  context?: Record<string, string | number | boolean>;
  cause?: unknown;
  /** Whether trying the same again, later, may succeed. Default: only for StorageUnreachable, EngineUnreachable and RepositoryLocked. */
  retryable?: boolean;
}

const RETRYABLE: ReadonlySet<ErrorCode> = new Set(['StorageUnreachable', 'EngineUnreachable', 'RepositoryLocked']);

/** The base of all errors raised on purpose. `message` is one sentence: what happened, to what. */
export class HoldfastError extends Error {
  readonly code: ErrorCode;
  readonly retryable: boolean;
  readonly hint: string | undefined;
  readonly context: Record<string, string | number | boolean>;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'HoldfastError';
    this.code = code;
    this.retryable = details.retryable ?? RETRYABLE.has(code);
    this.hint = details.hint;
    this.context = details.context ?? {};
  }
}

/** The named object, file or snapshot does not exist. */
export class NotFoundError extends HoldfastError {
  constructor(message: string, details?: ErrorDetails) {
    super('NotFound', message, details);
    this.name = 'NotFoundError';
  }
}

/** What was asked for; undefined when it is not there (NotFoundError). */
export async function ifThere<Result>(asked: Promise<Result>): Promise<Result | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof NotFoundError) return undefined;
    throw error;
  }
}

/** Stored bytes are not what they must be: a hash, a MAC or a structure does not fit. */
export class IntegrityError extends HoldfastError {
  constructor(message: string, details?: ErrorDetails) {
    super('Integrity', message, details);
    this.name = 'IntegrityError';
  }
}

/** The storage could not be reached or could not finish (network, full disk, I/O error). */
export class StorageError extends HoldfastError {
  constructor(message: string, details?: ErrorDetails) {
    super('StorageUnreachable', message, details);
    this.name = 'StorageError';
  }
}

/** The person or the worker asked to stop. */
export class InterruptedError extends HoldfastError {
  constructor(message = 'interrupted', details?: ErrorDetails) {
    super('Interrupted', message, details);
    this.name = 'InterruptedError';
  }
}

/** Throws InterruptedError when the signal has fired; call it between steps of long work. */
export function throwIfAborted(signal: { readonly aborted: boolean } | undefined): void {
  if (signal?.aborted) throw new InterruptedError();
}
