import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isExcluded, matchesSegment, relationToFolder } from '../../domain/exclude-match.ts';

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
