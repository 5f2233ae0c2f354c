/** Exit statuses: the number the shell sees for each outcome, and which one wins when several apply. */
import { HoldfastError, type ErrorCode } from '../common/errors.ts';

/** The statuses of `holdfast`, as the policy language's page promises them. */
export const ExitStatus = {
  done: 0,
  unexpected: 1,
  usage: 2,
  unreadableSource: 3,
  accessDenied: 4,
  integrity: 5,
  storageUnreachable: 6,
  needsAttention: 7,
  refused: 8,
  engineUnreachable: 9,
  noRepository: 10,
  repositoryLocked: 11,
  wrongPassword: 12,
  interrupted: 130,
} as const;

export type ExitStatus = (typeof ExitStatus)[keyof typeof ExitStatus];

const STATUS_OF_CODE: Record<ErrorCode, ExitStatus> = {
  InvalidPolicy: ExitStatus.usage,
  Usage: ExitStatus.usage,
  NotBuilt: ExitStatus.usage,
  // What the person named is not there: a snapshot, a path, a policy.
  NotFound: ExitStatus.usage,
  // Nothing is ever overwritten: the refusal protects what exists.
  AlreadyExists: ExitStatus.refused,
  AccessDenied: ExitStatus.accessDenied,
  Integrity: ExitStatus.integrity,
  StorageUnreachable: ExitStatus.storageUnreachable,
  GuardRefused: ExitStatus.refused,
  EngineUnreachable: ExitStatus.engineUnreachable,
  NoRepository: ExitStatus.noRepository,
  RepositoryLocked: ExitStatus.repositoryLocked,
  WrongPassword: ExitStatus.wrongPassword,
  Interrupted: ExitStatus.interrupted,
  Unexpected: ExitStatus.unexpected,
};

/** What decides first stands first. */
const PRECEDENCE: readonly ExitStatus[] = [130, 1, 2, 12, 10, 11, 9, 4, 6, 5, 8, 3, 7, 0];

export function statusOfCode(code: ErrorCode): ExitStatus {
  return STATUS_OF_CODE[code];
}

/** The status of anything thrown; what is not a HoldfastError was not foreseen. */
export function statusOfError(error: unknown): ExitStatus {
  return error instanceof HoldfastError ? statusOfCode(error.code) : ExitStatus.unexpected;
}

/** The one status of a command of which several things are true; none: done. */
export function mergeStatuses(statuses: Iterable<ExitStatus>): ExitStatus {
  const met = new Set(statuses);
  return PRECEDENCE.find((status) => met.has(status)) ?? ExitStatus.done;
}
