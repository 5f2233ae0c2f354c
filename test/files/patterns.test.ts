import { describe, expect, it } from 'vitest';
import type { ByteString } from '../../common/byte-string.ts';
import { fromText } from '../../files/byte-path.ts';
import { compilePatterns, findMalformedPatterns } from '../../files/patterns.ts';

const matches = (patterns: string[], path: string): boolean => compilePatterns(patterns).matches(fromText(path));

describe('a pattern', () => {
  it.each([
    ['*.tmp', '/srv/a.tmp', true],
    ['*.tmp', '/srv/a.tmp/below', true],
    ['*.tmp', '/srv/a.TMP', false],
    ['cache', '/srv/cache/x/y', true],
    ['cache', '/srv/cached', false],
    ['a/b', '/x/a/b/c', true],
    ['a/b', '/x/a/c/b', false],
    ['a/**/b', '/x/a/b', true],
    ['a/**/b', '/x/a/1/2/b', true],
    ['/srv', '/srv/x', true],
    ['/srv', '/x/srv', false],
    ['/srv/*/x', '/srv/a/x/deep', true],
    ['/srv/*/x', '/srv/a/b/x', false],
    ['/**/x', '/a/b/x', true],
    ['/', '/anything', true],
    ['**', '/anything', true],
    ['./a//b/', '/a/b', true],
    ['?', '/ü', true],
    ['??', '/ü', false],
    ['[a-c]x', '/bx', true],
    ['[^a-c]x', '/bx', false],
    ['[ä-ö]', '/ö', true],
    ['\\*', '/*', true],
    ['\\*', '/a', false],
    ['a*b*c', '/aXbXbXc', true],
    ['a*b*c', '/aXbXbX', false],
    ['', '/a', false],
    ['/x/**', '/x', true],
    // As in restic: the first of several ** leaves the others a component each.
    ['/**/x/**', '/a/x', false],
    ['/**/x/**', '/a/x/y', true],
  ])('%j on %j: %s', (pattern, path, expected) => {
    expect(matches([pattern], path)).toBe(expected);
  });

  it('with ! takes back what an earlier one matched, and a later one may match again', () => {
    expect(matches(['*.log', '!keep.log'], '/keep.log')).toBe(false);
    expect(matches(['!keep.log', '*.log'], '/keep.log')).toBe(true);
    expect(matches(['*.log', '!keep.log', 'keep*'], '/keep.log')).toBe(true);
  });

  it('may leave case out of account, in letters of any script, in classes and in bytes that are no letters', () => {
    const matching = (pattern: string, path: string): boolean =>
      compilePatterns([pattern], { ignoreCase: true }).matches(path as ByteString);
    expect(matching('*.TMP', '/srv/a.Tmp')).toBe(true);
    expect(matching('/SRV/[A-C]x', '/srv/BX')).toBe(true);
    expect(matching('straße/ΟΔΟΣ', fromText('/STRAßE/οδοσ'))).toBe(true);
    // The final sigma is another letter for Go, and so for restic.
    expect(matching('ΟΔΟΣ', fromText('/οδος'))).toBe(false);
    expect(matching('İ', fromText('/i'))).toBe(true);
    expect(matching('A\ufffd', '/a\xff')).toBe(true);
    expect(compilePatterns(['*.log', '!KEEP.log'], { ignoreCase: true }).matches(fromText('/Keep.LOG'))).toBe(false);
    expect(compilePatterns(['/Srv/X'], { ignoreCase: true }).mayMatchBelow(fromText('/sRV'))).toBe(true);
  });

  it('matches names that are not UTF-8, a question mark taking one byte of them', () => {
    const list = compilePatterns(['?x']);
    expect(list.matches('/\xffx' as ByteString)).toBe(true);
    expect(list.matches('/\xff\xfex' as ByteString)).toBe(false);
  });

  it.each(['[', '[]', '[a', '[a-', 'a\\', '[-a]', 'x/[/y', '[^]', '[]a]'])(
    'that is malformed is refused: %j',
    (pattern) => {
      expect(findMalformedPatterns(['ok', pattern])).toEqual([pattern]);
      expect(() => compilePatterns([pattern])).toThrow('not a valid pattern');
    },
  );

  it('may match below a folder only while the folder is on its way', () => {
    const list = compilePatterns(['/srv/*/x']);
    expect(
      ['/srv', '/srv/a', '/srv/a/x', '/etc', '/srv/a/y'].map((path) => list.mayMatchBelow(fromText(path))),
    ).toEqual([true, true, true, false, false]);
    expect(compilePatterns(['x']).mayMatchBelow(fromText('/any/where'))).toBe(true);
  });
});
