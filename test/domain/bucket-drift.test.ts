import { expect, test } from 'vitest';
import type { BucketRules } from '../../common/bucket-rules.ts';
import { findBucketDrift, type InspectedBucketPlace } from '../../domain/bucket-drift.ts';
import { rulesOfGcsBucket } from '../../storage/gcs-bucket-rules.ts';
import { lockOf, rulesOfLifecycle } from '../../storage/s3-bucket-rules.ts';

const DAY = 86_400;
const found = (rules: Partial<BucketRules>, changes: Partial<InspectedBucketPlace> = {}): string[] =>
  findBucketDrift([
    { name: 'repository main', prefix: 'vault/main/', rules: { deletes: [], archives: [], ...rules }, ...changes },
  ]).map(({ severity, code, message }) => `${severity} ${code}: ${message}`);

const rule = (prefix: string) => ({ name: 'tidy', prefix, when: 'after 30 days' });

test('what a bucket deletes by itself concerns a place when their prefixes meet', () => {
  const whole =
    'critical drift/lifecycle-deletes: a lifecycle rule of its bucket (tidy, for all objects) deletes what is in the repository main after 30 days, whatever the policies keep';
  expect(found({ deletes: [rule('')] })).toEqual([whole]);
  expect(found({ deletes: [rule('vault/')] })).toHaveLength(1);
  expect(found({ deletes: [rule('vault/main/locks/')] })).toHaveLength(1);
  expect(found({ deletes: [rule('vault/mai')] })).toHaveLength(1);
  expect(found({ deletes: [rule('vault/other/'), rule('logs')] })).toEqual([]);
  expect(found({ archives: [{ ...rule(''), storageClass: 'GLACIER' }] })).toEqual([
    'warning drift/lifecycle-archives: a lifecycle rule of its bucket (tidy) moves what is in the repository main to GLACIER after 30 days, where nothing can be read at once',
  ]);
});

test('a lock is compared with how long snapshots are kept', () => {
  const lock = { seconds: 35 * DAY, mode: 'compliance', refusesDeletion: false };
  expect(found({ lock }, { keepsSeconds: 35 * DAY })).toEqual([]);
  expect(found({ lock })).toEqual([]);
  expect(found({ lock }, { keepsSeconds: 7 * DAY })).toEqual([
    'warning drift/lock-outlasts-retention: the bucket of the repository main keeps every version for 35d (compliance), longer than the policies keep snapshots there (about 7d)',
  ]);
  expect(found({ lock: { ...lock, refusesDeletion: true } })).toMatchObject([
    expect.stringContaining('drift/bucket-lock'),
  ]);
  expect(found({}, { rules: undefined as never, error: { message: 'this identity may not' } })).toEqual([
    'notice drift/rules-unread: whether the bucket of the repository main has rules of its own is not known: this identity may not',
  ]);
});

test('the rules of S3: those in force, for objects without tags, of current versions', () => {
  const rules = rulesOfLifecycle([
    { ID: 'all', Status: 'Enabled', Filter: { Prefix: '' }, Expiration: { Days: 30 } },
    { ID: 'old form', Status: 'Enabled', Prefix: 'vault/', Expiration: { Date: new Date('2030-01-01') } },
    {
      ID: 'both',
      Status: 'Enabled',
      Filter: { And: { Prefix: 'a/', ObjectSizeLessThan: 9 } },
      Expiration: { Days: 1 },
    },
    { ID: 'off', Status: 'Disabled', Filter: { Prefix: '' }, Expiration: { Days: 1 } },
    { ID: 'tagged', Status: 'Enabled', Filter: { Tag: { Key: 'a', Value: 'b' } }, Expiration: { Days: 1 } },
    { ID: 'tags', Status: 'Enabled', Filter: { And: { Tags: [{ Key: 'a', Value: 'b' }] } }, Expiration: { Days: 1 } },
    { ID: 'versions', Status: 'Enabled', Filter: {}, NoncurrentVersionExpiration: { NoncurrentDays: 1 } },
    { ID: 'markers', Status: 'Enabled', Filter: {}, Expiration: { ExpiredObjectDeleteMarker: true } },
    {
      Status: 'Enabled',
      Filter: {},
      Transitions: [
        { Days: 30, StorageClass: 'STANDARD_IA' },
        { Days: 90, StorageClass: 'GLACIER' },
      ],
    },
  ]);
  expect(rules).toEqual({
    deletes: [
      { name: 'all', prefix: '', when: 'after 30 days' },
      { name: 'old form', prefix: 'vault/', when: 'on 2030-01-01' },
      { name: 'both', prefix: 'a/', when: 'after 1 days' },
    ],
    archives: [{ name: 'without a name', prefix: '', when: 'after 90 days', storageClass: 'GLACIER' }],
  });
  expect(lockOf(undefined)).toEqual({});
  expect(lockOf({ Mode: 'COMPLIANCE', Years: 1 })).toEqual({
    lock: { seconds: 365 * DAY, mode: 'compliance', refusesDeletion: false },
  });
});

test('the rules of Google: deletions of live objects, and the retention of the bucket', () => {
  const condition = { age: 30 };
  expect(
    rulesOfGcsBucket({
      lifecycle: {
        rule: [
          { action: { type: 'SetStorageClass' }, condition },
          { action: { type: 'Delete' }, condition },
          { action: { type: 'Delete' }, condition: { age: 1, matchesPrefix: ['a/', 'b/'] } },
          { action: { type: 'Delete' }, condition: { age: 1, isLive: false } },
          { action: { type: 'Delete' }, condition: { numNewerVersions: 3 } },
          { action: { type: 'Delete' }, condition: { daysSinceNoncurrentTime: 3 } },
        ],
      },
      retentionPolicy: { retentionPeriod: '86400', isLocked: true },
    }),
  ).toEqual({
    deletes: [
      { name: 'number 2', prefix: '', when: 'after 30 days' },
      { name: 'number 3', prefix: 'a/', when: 'after 1 days' },
      { name: 'number 3', prefix: 'b/', when: 'after 1 days' },
    ],
    archives: [],
    lock: { seconds: DAY, mode: 'locked', refusesDeletion: true },
  });
  expect(rulesOfGcsBucket({})).toEqual({ deletes: [], archives: [] });
});
