import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ByteString } from '../../common/byte-string.ts';
import { fromText, toText } from '../../files/byte-path.ts';
import { openLocalTree } from '../../files/local-tree.ts';
import { compilePatterns, findMalformedPatterns } from '../../files/patterns.ts';
import { requirePeer } from '../peers.ts';
import { realRestic } from '../repository/real-restic.ts';

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

const restic = requirePeer('restic');

restic.describe('excludes compared with restic', () => {
  let folder: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'holdfast-patterns-'));
    realRestic(restic.command, folder);
    for (const path of sourcePaths()) {
      mkdirSync(join(folder, 'src', dirname(path)), { recursive: true });
      writeFileSync(join(folder, 'src', path), 'x');
    }
  });

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('agree on generated trees and lists', { timeout: 300_000 }, async () => {
    const source = join(folder, 'src');
    let excluded = 0;
    for (const patterns of fc.sample(patternLists(source), { numRuns: 24, seed: 3 })) {
      const expected = keptByRestic(source, patterns);
      const kept = await keptByUs(source, patterns);
      expect({ patterns, kept }).toEqual({ patterns, kept: expected });
      excluded += sourcePaths().length - kept.length;
    }
    // The comparison would say nothing if the lists matched nothing.
    expect(excluded).toBeGreaterThan(200);
  });

  async function keptByUs(source: string, patterns: string[]): Promise<string[]> {
    const list = compilePatterns(patterns);
    const tree = openLocalTree(source);
    const kept: string[] = [];
    if (list.matches(fromText(source))) return kept;
    const include = ({ path }: { path: ByteString }): boolean => !list.matches(`${source}/${path}` as ByteString);
    for await (const entry of tree.walk({ include })) if (entry.type === 'file') kept.push(toText(entry.path) ?? '');
    return kept.toSorted();
  }

  function keptByRestic(source: string, patterns: string[]): string[] {
    const args = ['--repo', join(folder, 'vault'), '--password-file', join(folder, 'password'), '--no-cache', '--json'];
    const excludes = patterns.flatMap((pattern) => ['--exclude', pattern]);
    const output = runRestic([...args, '-vv', 'backup', '--dry-run', '--force', ...excludes, source]);
    const items = output.split('\n').filter((line) => line.startsWith('{"message_type":"verbose_status"'));
    const paths = items.map((line) => (JSON.parse(line) as { item: string }).item);
    const prefix = `${source}/`;
    return paths
      .filter((path) => path.startsWith(prefix) && !path.endsWith('/'))
      .map((path) => path.slice(prefix.length))
      .toSorted();
  }

  function runRestic(args: string[]): string {
    const env = { PATH: process.env['PATH'], HOME: folder };
    return execFileSync(restic.command, args, { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  }
});

const NAMES = ['a', 'b', 'ab', 'cache', 'x.tmp', 'ü', 'A', '[a]', 'a*b'];

/** All ways down, three deep, thinned out. */
function sourcePaths(): string[] {
  const paths: string[] = [];
  for (const [first, one] of NAMES.entries()) {
    for (const [second, two] of NAMES.entries()) {
      if ((first + second) % 2 === 0) paths.push(`${one}/${two}/file.log`, `${one}/${two}/keep`);
      else paths.push(`${one}/${two}`);
    }
  }
  return paths;
}

function patternLists(source: string): fc.Arbitrary<string[]> {
  const component = fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(...NAMES) },
    {
      weight: 4,
      arbitrary: fc.constantFrom('*', '**', '?', 'a*', '*b', '*.log', '[a-b]', '[^a-b]', 'k*p', '\\[a\\]', '.', '..'),
    },
    { weight: 1, arbitrary: fc.constantFrom('file.log', 'keep', 'src', '*.*', '??', 'a\\*b', '[aA]', '[ä-ü]') },
  );
  const relative = fc.array(component, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'));
  const anchored = relative.map((path) => `${source}/${path}`);
  const pattern = fc.oneof(
    { weight: 3, arbitrary: relative },
    { weight: 2, arbitrary: anchored },
    { weight: 1, arbitrary: relative.map((path) => `/**/${path}`) },
  );
  const negated = fc.tuple(fc.nat(3), pattern).map(([kind, text]) => (kind === 0 ? `!${text}` : text));
  return fc.array(negated, { minLength: 1, maxLength: 4 });
}
