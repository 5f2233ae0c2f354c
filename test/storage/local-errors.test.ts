import { describe, expect, it } from 'vitest';
import { InterruptedError } from '../../common/errors.ts';
import { translateLocalError } from '../../storage/local-errors.ts';

function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: something`), { code });
}

describe('an error of the file system', () => {
  it.each([
    ['ENOENT', 'NotFound', false],
    ['ENOTDIR', 'NotFound', false],
    ['EEXIST', 'AlreadyExists', false],
    ['EACCES', 'AccessDenied', false],
    ['EPERM', 'AccessDenied', false],
    ['EROFS', 'AccessDenied', false],
    ['ENOSPC', 'StorageUnreachable', true],
    ['EIO', 'StorageUnreachable', true],
    ['ESTALE', 'StorageUnreachable', true],
    ['ABORT_ERR', 'Interrupted', false],
  ])('%s is %s', (code, translated, retryable) => {
    const error = translateLocalError(systemError(code), 'write', '/srv/vault/config');
    expect(error).toMatchObject({ code: translated, retryable });
    if (translated !== 'Interrupted') expect(error.message).toContain('/srv/vault/config');
  });

  it('passes through what is translated already', () => {
    const error = new InterruptedError();
    expect(translateLocalError(error, 'read', '/x')).toBe(error);
  });
});
