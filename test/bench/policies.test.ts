import { expect, test } from 'vitest';
import { judgePolicies } from '../../bench/policies-report.ts';

const MiB = 1024 * 1024;

test('judges each command by what it may take', () => {
  const cost = { wallSeconds: 0.4, peakBytes: 251 * MiB };
  const judged = judgePolicies([
    { name: 'validate', policies: 1, ...cost },
    { name: 'validate', policies: 1000, ...cost },
    { name: 'apply, nothing to do', policies: 500, wallSeconds: 9 },
  ]);
  expect(judged).toEqual([
    { step: 'validate of 1', figure: 'seconds', limit: 0.3, value: 0.4 },
    { step: 'validate of 1000', figure: 'seconds', limit: 1.5, value: 0.4 },
    { step: 'validate of 1000', figure: 'bytes', limit: 250 * MiB, value: 251 * MiB },
    { step: 'apply of 500, nothing to do', figure: 'seconds', limit: 10, value: 9 },
  ]);
});
