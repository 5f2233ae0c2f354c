import { describe, expect, test } from 'vitest';
import { formatBytes, parseRate, parseShare, parseSize } from '../../common/sizes.ts';

describe('sizes', () => {
  test.each([
    ['0B', 0],
    ['512KiB', 524_288],
    ['1.5GiB', 1_610_612_736],
    ['2TiB', 2 * 1024 ** 4],
  ])('%s is %i bytes', (text, bytes) => expect(parseSize(text)).toBe(bytes));

  test.each(['', '5', '5KB', '5 KiB', '-1KiB', '1e3KiB', '5kib'])('"%s" is not a size', (text) =>
    expect(() => parseSize(text)).toThrow(/is not a size/),
  );

  test.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '0.98 KiB'],
    [1023, '1.00 KiB'],
    [1536, '1.50 KiB'],
    [18_035_507, '17.2 MiB'],
    [524_288_000, '500 MiB'],
    [-2048, '-2.00 KiB'],
  ])('%d bytes are shown as %s', (bytes, text) => expect(formatBytes(bytes)).toBe(text));
});

describe('rates and shares', () => {
  test('a rate is a size for each second', () => expect(parseRate('50MiB/s')).toBe(52_428_800));

  test.each(['50MiB', '50/s', '50MB/s', '/s'])('"%s" is not a rate', (text) =>
    expect(() => parseRate(text)).toThrow(/is not a rate/),
  );

  test.each([
    ['0%', 0],
    ['5%', 0.05],
    ['99.9%', 0.999],
    ['100%', 1],
  ])('%s is %d of the whole', (text, share) => expect(parseShare(text)).toBeCloseTo(share, 12));

  test.each(['101%', '100.5%', '5', '-5%', '5 %', '%'])('"%s" is not a share', (text) =>
    expect(() => parseShare(text)).toThrow(/is not a share/),
  );
});
