import { expect, test } from 'vitest';
import { createStyle } from '../../cli/output.ts';
import { errorDocument, renderError } from '../../cli/report-error.ts';
import { HoldfastError } from '../../common/errors.ts';

const plain = createStyle(false);

test('an expected error is a sentence and what to do, and has no stack even with -v', () => {
  const error = new HoldfastError('NoRepository', 'there is no repository at local:/x', { hint: 'mount the disk' });
  const text = 'error: there is no repository at local:/x\n  → mount the disk';
  expect(renderError(error, plain, 'never')).toBe(text);
  expect(renderError(error, plain, 'unexpected')).toBe(text);
  expect(renderError(error, plain, 'always')).toMatch(/\n {4}at /);
});

test('an unexpected error shows its message and where to report it; its stack and causes with -v', () => {
  const error = new Error('x is not a function', { cause: new RangeError('deep') });
  const short = renderError(error, plain, 'never');
  expect(short).toMatch(/^unexpected error: x is not a function\n {2}→ .*report it to its maintainers/);
  expect(short).not.toContain('    at ');
  const long = renderError(error, plain, 'unexpected');
  expect(long).toMatch(/\n {4}at [^]*caused by RangeError: deep/);
  expect(renderError('text', plain, 'always')).toContain('unexpected error: text');
});

test('as data an error has its code, its facts and the exit status', () => {
  const error = new HoldfastError('GuardRefused', 'refused', { context: { guard: 'emptySource' } });
  expect(errorDocument(error)).toEqual({
    error: { code: 'GuardRefused', message: 'refused', context: { guard: 'emptySource' }, exitStatus: 8 },
  });
  expect(errorDocument(new TypeError('bug'))).toMatchObject({ error: { code: 'Unexpected', exitStatus: 1 } });
});
