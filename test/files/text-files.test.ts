import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import type { ByteString } from '../../common/byte-string.ts';
import { fromBytes, toBytes } from '../../files/byte-path.ts';
import { fromEscapedText, toEscapedText } from '../../files/escaped-text.ts';
import { expandGlob } from '../../files/glob.ts';
import { readPatternFile } from '../../files/pattern-file.ts';
import { compilePatterns } from '../../files/patterns.ts';
import { readTextLines, trimLine } from '../../files/text-lines.ts';

test('any bytes survive as escaped text, and text that is UTF-8 stays as it is', () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      expect(toBytes(fromEscapedText(toEscapedText(fromBytes(bytes))))).toEqual(Buffer.from(bytes));
    }),
    { seed: 5, numRuns: 2000 },
  );
  expect(toEscapedText(fromBytes(Buffer.from('grün')))).toBe('grün');
  expect(toEscapedText('a\xffb' as ByteString)).toBe('a\udcffb');
  // A surrogate that stands for no byte.
  expect(fromEscapedText('\ud800')).toBe('\xef\xbf\xbd');
});

describe('a text file', () => {
  it('is read line by line, in UTF-8 or UTF-16, with a byte order mark or without', () => {
    expect(readTextLines(Buffer.from('a\r\nb\n\nc'))).toEqual(['a', 'b', '', 'c']);
    expect(readTextLines(Buffer.from('\ufeffü\n'))).toEqual(['ü']);
    expect(readTextLines(Buffer.from('\ufeffü\nx', 'utf16le'))).toEqual(['ü', 'x']);
    expect(readTextLines(Buffer.from('\ufeffü\nx', 'utf16le').swap16())).toEqual(['ü', 'x']);
    expect(readTextLines(Buffer.from('a\xff\n', 'latin1'))).toEqual(['a\udcff']);
    expect(readTextLines(Buffer.alloc(0))).toEqual([]);
  });

  it('is trimmed of what Go takes for white space', () => {
    expect(trimLine('\t\u0085\u00a0 a b \u2003\r\v')).toBe('a b');
    expect(trimLine('\ufeffa')).toBe('\ufeffa');
  });
});

describe('a file of patterns', () => {
  const environment: Record<string, string> = { HOME: '/home/me', EMPTY: '', 'A-B': 'odd' };
  const read = (text: string): string[] => readPatternFile(Buffer.from(text), (name) => environment[name]);

  it('has comments, blanks, and patterns with white space around them', () => {
    expect(read('# all\n  *.tmp  \n\n\t# more\n!keep.tmp\n  a b\n')).toEqual(['*.tmp', '!keep.tmp', 'a b']);
  });

  it.each([
    ['$HOME/x', '/home/me/x'],
    ['${HOME}x', '/home/mex'],
    ['$HOMEx', ''],
    ['a$$b', 'a$b'],
    ['$$HOME', '$HOME'],
    ['${$}', '$'],
    ['$EMPTY$NONE', ''],
    ['${A-B}', 'odd'],
    ['a$', 'a$'],
    ['$/x', '$/x'],
    ['${', ''],
    ['x${}y', 'xy'],
    ['${HOME', 'HOME'],
    ['$1$*x', 'x'],
    ['\\$HOME', '\\/home/me'],
  ])('replaces variables as Go does: %s', (text, expected) => {
    expect(read(text)).toEqual([expected]);
  });

  it('may hold bytes that are not UTF-8, which match', () => {
    const [pattern] = readPatternFile(Buffer.from('*\xff', 'latin1'), () => undefined);
    const list = compilePatterns([pattern!]);
    expect([list.matches('/a\xff' as ByteString), list.matches('/a\xfe' as ByteString)]).toEqual([true, false]);
  });
});

describe('a wildcard in a list of files', () => {
  let folder: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'holdfast-glob-[x]-'));
    for (const name of ['a1', 'a2', 'b', '.hidden', 'a*']) {
      mkdirSync(join(folder, name));
      writeFileSync(join(folder, name, 'file'), '');
    }
    symlinkSync('nowhere', join(folder, 'dangling'));
  });

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it.each([
    ['a?', ['a*', 'a1', 'a2']],
    ['*', ['.hidden', 'a*', 'a1', 'a2', 'b', 'dangling']],
    ['a\\*', ['a*']],
    ['[ab]*/f*', ['a*/file', 'a1/file', 'a2/file', 'b/file']],
    ['**/file', ['.hidden/file', 'a*/file', 'a1/file', 'a2/file', 'b/file']],
    ['b/file', ['b/file']],
    ['b/none', []],
    ['b/file/x*', []],
    ['dangling', ['dangling']],
    ['none*', []],
  ])('%s names what is there', (pattern, expected) => {
    const absolute = expected.map((name) => join(folder, name));
    expect(expandGlob(pattern, folder)).toEqual(absolute);
    expect(expandGlob(`${folder.replace(/[[\]]/g, '\\$&')}/${pattern}`, '/')).toEqual(absolute);
  });

  it('is refused when it is malformed', () => {
    expect(() => expandGlob('a[', folder)).toThrow('not a valid pattern');
  });
});
