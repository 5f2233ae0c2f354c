import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isExcluded, isMalformed, matchesSegment, relationToFolder } from '../../domain/exclude-match.ts';
import { fromText } from '../../files/byte-path.ts';
import { compilePatterns, findMalformedPatterns } from '../../files/patterns.ts';

test.each([
  ['/srv/orders/cache', ['/srv/orders/cache'], true],
  ['/srv/orders/cache/deep', ['/srv/orders/cache'], true],
  ['/srv/orders/cache', ['cache'], true],
  ['/srv/orders/a/cache/b', ['cache'], true],
  ['/srv/orders/cached', ['cache'], false],
  ['/srv/orders/vault/demo', ['/srv/*/vault'], true],
  ['/srv/orders/a/b/vault', ['/srv/**/vault'], true],
  ['/srv/orders/vault', ['/srv/**/vault'], true],
  ['/srv/orders/vault', ['orders/vault'], true],
  ['/srv/orders/vault', ['vault/demo'], false],
  ['/srv/orders/vault', ['*', '!vault'], true],
  ['/srv/orders/vault', ['vault', '!vault'], false],
  ['/srv/orders', ['/srv'], true],
  ['/srv/orders/x.tmp', ['*.tmp'], true],
  ['/srv/orders/v[1]', ['/srv/orders/v\\[1\\]'], true],
])('%s with %j', (path, patterns, excluded) => expect(isExcluded(path, '/srv/orders', patterns)).toBe(excluded));

describe('names', () => {
  test.each([
    ['a.tmp', '*.tmp', true],
    ['a.tmpx', '*.tmp', false],
    ['ab', 'a?', true],
    ['a', 'a?', false],
    ['b1', '[a-c][0-9]', true],
    ['d1', '[^a-c]1', true],
    ['a*', 'a\\*', true],
    ['ab', 'a\\*', false],
    ['a+b(c)', 'a+b(c)', true],
  ])('%s against %s', (name, pattern, matches) => expect(matchesSegment(name, pattern)).toBe(matches));

  test('a name matches itself once what is special in it is escaped, and no pattern throws', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.string(), (name, pattern) => {
        expect(matchesSegment(name, name.replace(/[\\*?[\]]/g, '\\$&'))).toBe(true);
        expect(typeof matchesSegment(name, pattern)).toBe('boolean');
      }),
      { seed: 3 },
    );
  });
});

test.each([
  ['/srv/orders/cache', 'inside'],
  ['/srv/*/cache', 'inside'],
  ['/**/cache', 'inside'],
  ['/srv', 'whole'],
  ['/srv/orders', 'whole'],
  ['/cache', 'outside'],
  ['/srv/shop/cache', 'outside'],
])('%s lies %s the source', (pattern, relation) => expect(relationToFolder(pattern, '/srv/orders')).toBe(relation));

describe('the judgement before the run is that of the run', () => {
  const name = fc.constantFrom('a', 'b', 'cache', 'a.tmp', 'x[1]');
  const segment = fc.oneof(name, fc.constantFrom('*', '**', '?', '*.tmp', 'a*', '[a-c]', '[^b]', 'x\\[1]', 'x\\[*'));
  const pattern = fc
    .tuple(fc.constantFrom('', '!', '/', '/srv/', '!/srv/'), fc.array(segment, { minLength: 1, maxLength: 3 }))
    .map(([start, segments]) => start + segments.join('/'));

  test('a path is left out here where the backup leaves it out', () => {
    fc.assert(
      fc.property(
        fc.array(pattern, { maxLength: 4 }),
        fc.array(name, { minLength: 1, maxLength: 3 }),
        (patterns, below) => {
          const list = compilePatterns(patterns);
          // The walk asks for each folder on the way, and does not enter what is left out.
          const folders = below.map((_, depth) => `/srv/${below.slice(0, depth + 1).join('/')}`);
          const left = ['/srv', ...folders].some((folder) => list.matches(fromText(folder)));
          expect(isExcluded(folders.at(-1)!, '/srv', patterns)).toBe(left);
        },
      ),
      { seed: 11, numRuns: 3000 },
    );
  });

  test('a pattern is malformed here where the backup refuses it', () => {
    const text = fc.array(fc.constantFrom('[', ']', '^', '-', '\\', 'a', 'z', '*', '?', '/', '!', 'é'), {
      minLength: 1,
      maxLength: 8,
    });
    fc.assert(
      fc.property(text, (characters) => {
        const given = characters.join('');
        expect(isMalformed(given)).toBe(findMalformedPatterns([given]).length > 0);
      }),
      { seed: 11, numRuns: 3000 },
    );
  });
});

test.each([
  ['ab', 'a*b', true],
  ['axbxb', 'a*b', true],
  ['axbxc', 'a*b', false],
  ['aab', 'a*ab', true],
  ['ab', 'a*ab', false],
  ['xaybzb', '*a*b*', true],
  ['xbyaz', '*a*b*', false],
  ['abcabd', '*a?d', true],
  ['aXbXc', 'a*[X-Z]*c', true],
  ['ac', 'a**c', true],
])('%s against %s: %s, wherever its stars begin', (segment, pattern, expected) => {
  expect(matchesSegment(segment, pattern)).toBe(expected);
});

test('a name of a hundred stars is told apart from its pattern in a moment', () => {
  const stars = '*d - '.repeat(100);
  const begun = performance.now();
  expect([matchesSegment(stars, stars), matchesSegment(`${stars}x`, `${stars}y`)]).toEqual([true, false]);
  expect(performance.now() - begun).toBeLessThan(1000);
});
