import path from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { absolutePath, isWithin, shownPath } from '../../common/paths.ts';

test('paths are made absolute as the operating system does it', () => {
  const text = fc
    .array(fc.constantFrom('.', '..', 'a', 'b c', '', 'é'), { maxLength: 8 })
    .map((parts) => parts.join('/'));
  fc.assert(
    fc.property(text, text, (folder, given) => {
      expect(absolutePath(`/${folder}`, given)).toBe(path.posix.resolve(`/${folder}`, given).replace(/^\/\//, '/'));
    }),
    { seed: 1 },
  );
});

test('a folder holds itself and what is below it, not its neighbours of a similar name', () => {
  expect(isWithin('/srv/a', '/srv/a')).toBe(true);
  expect(isWithin('/srv/a/b', '/srv/a')).toBe(true);
  expect(isWithin('/srv/ab', '/srv/a')).toBe(false);
  expect(isWithin('/srv', '/')).toBe(true);
});

test('paths are shown from the current folder where they lie below it', () => {
  expect(shownPath('/srv/policies/a.yaml', '/srv')).toBe('policies/a.yaml');
  expect(shownPath('/srv', '/srv')).toBe('.');
  expect(shownPath('/etc/a.yaml', '/srv')).toBe('/etc/a.yaml');
  expect(shownPath('/etc/a.yaml', '/')).toBe('etc/a.yaml');
});
