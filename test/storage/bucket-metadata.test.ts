import fc from 'fast-check';
import { expect, it } from 'vitest';
import { bytes, entryOf } from '../files/tree-contract/tree-under-test.ts';
import {
  entryOfObject,
  givenMetadata,
  isLink,
  keptInBucket,
  linkTargetIn,
  objectMetadata,
} from '../../storage/bucket-metadata.ts';

const modified = new Date(1_600_000_000_000);
const objectOf = (metadata: Record<string, string>, sizeBytes = 1) => ({
  key: 'key',
  sizeBytes,
  modifiedAt: modified,
  version: 'v',
  metadata,
});
const timeOf = (mtime: string) => givenMetadata(objectOf({ mtime })).mtimeNs;

it('gives back every time that can be kept, in both ways to write it', () => {
  const time = fc.bigInt({ min: -80_000n * 365n * 86_400n * 1_000_000_000n, max: 2n ** 68n });
  fc.assert(
    fc.property(time, fc.constantFrom('decimal' as const, 'rfc3339' as const), (mtimeNs, times) => {
      const kept = keptInBucket(entryOf('file', { mtimeNs }));
      expect(keptInBucket(entryOf('file', kept))).toEqual(kept);
      const metadata = objectMetadata(times, 'file', kept);
      expect(givenMetadata(objectOf(metadata))).toEqual(kept);
    }),
    { seed: 20261129, numRuns: 2000 },
  );
});

it.each([
  ['decimal', 0n, { mtime: '0' }],
  ['decimal', -500_000_000n, { mtime: '-0.5' }],
  ['decimal', 1_700_000_000_000_000_001n, { mtime: '1700000000.000000001' }],
  ['rfc3339', 0n, { mtime: '1970-01-01T00:00:00Z', 'goog-reserved-file-mtime': '0' }],
  ['rfc3339', -500_000_000n, { mtime: '1969-12-31T23:59:59.5Z', 'goog-reserved-file-mtime': '-1' }],
] as const)('writes times as rclone does: %s, %s', (times, mtimeNs, expected) => {
  expect(objectMetadata(times, 'file', { mtimeNs })).toEqual(expected);
});

it.each([
  ['1700000000', 1_700_000_000_000_000_000n],
  ['1700000000.1234567899', 1_700_000_000_123_456_789n],
  ['2023-11-14T23:13:20.5+01:00', 1_700_000_000_500_000_000n],
  ['2023-11-14', undefined],
  ['1e9', undefined],
  ['', undefined],
  ['9'.repeat(40), undefined],
  ['2023-99-99T99:99:99Z', undefined],
])('reads the time %j', (text, expected) => {
  expect(timeOf(text)).toBe(expected);
});

it('takes the seconds of gsutil where there is no other time', () => {
  expect(givenMetadata(objectOf({ 'goog-reserved-file-mtime': '12' })).mtimeNs).toBe(12_000_000_000n);
});

it.each([
  ['100644', 0o644],
  ['0100600', 0o600],
  ['755', 0o755],
  ['104711', 0o4711],
  // Decimal, as some write it: no type of a file has these bits.
  ['33188', undefined],
  ['16877', undefined],
  ['33152', undefined],
  ['-rw-r--r--', undefined],
])('reads the mode %j', (mode, expected) => {
  expect(givenMetadata(objectOf({ mode })).mode).toBe(expected);
});

it('takes for links what says so, as rclone or gcsfuse, and for a file what is no target', () => {
  expect(isLink(objectOf({ mode: '120777' }))).toBe(true);
  expect(isLink(objectOf({ mode: '120777' }, 4096))).toBe(false);
  expect(isLink(objectOf({ gcsfuse_symlink_target: 'x' }, 0))).toBe(true);
  expect(isLink(objectOf({ mode: '100777' }))).toBe(false);
  const metadata = objectMetadata('rfc3339', 'symlink', {}, bytes('../ü'));
  expect(metadata).toEqual({ mode: '120777', gcsfuse_symlink_target: '../ü' });
  expect(linkTargetIn(metadata)).toBe('../ü');
  expect(entryOfObject(bytes('link'), 'symlink', objectOf(metadata))).toMatchObject({ mode: 0o777, type: 'symlink' });
});
