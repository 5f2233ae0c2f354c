import { expect, test } from 'vitest';
import { type ExitStatus, mergeStatuses, statusOfCode, statusOfError } from '../../cli/exit-status.ts';
import { HoldfastError, type ErrorCode } from '../../common/errors.ts';

test('each error code has the exit status that the language page promises', () => {
  const table: [ErrorCode, number][] = [
    ['Unexpected', 1],
    ['InvalidPolicy', 2],
    ['Usage', 2],
    ['NotBuilt', 2],
    ['AccessDenied', 4],
    ['Integrity', 5],
    ['StorageUnreachable', 6],
    ['GuardRefused', 8],
    ['EngineUnreachable', 9],
    ['NoRepository', 10],
    ['RepositoryLocked', 11],
    ['WrongPassword', 12],
    ['Interrupted', 130],
  ];
  for (const [code, status] of table) expect([code, statusOfCode(code)]).toEqual([code, status]);
});

test('what is not an error of holdfast is an unexpected failure', () => {
  expect(statusOfError(new TypeError('x is not a function'))).toBe(1);
  expect(statusOfError('thrown text')).toBe(1);
  expect(statusOfError(new HoldfastError('NoRepository', 'none'))).toBe(10);
});

test('where several apply, the first of 130, 1, 2, 12, 10, 11, 9, 4, 6, 5, 8, 3, 7 is the status', () => {
  const precedence = [130, 1, 2, 12, 10, 11, 9, 4, 6, 5, 8, 3, 7, 0] as ExitStatus[];
  for (const [index, status] of precedence.entries()) {
    expect(mergeStatuses(precedence.slice(index).toReversed())).toBe(status);
  }
  expect(mergeStatuses([])).toBe(0);
});
