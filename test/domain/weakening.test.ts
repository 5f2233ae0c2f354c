import { describe, expect, test } from 'vitest';
import type { Action } from '../../domain/action.ts';
import { findWeakenings } from '../../domain/weakening.ts';
import { compiled } from './rich-policies.ts';

const NOW = new Date('2026-11-30T00:00:00Z');

async function told(before: Action[], after: Action[]): Promise<string[]> {
  return findWeakenings(before, after, NOW).map(({ subject, what }) => `${subject}: ${what}`);
}

type Replacement = [from: string, to: string];

/** What is told of a replacement, and that nothing is told of its reverse. */
const CASES: [string, Replacement[], string[]][] = [
  [
    'a backup that goes',
    [
      ['  backup: [{ to: offsite, every: 1h, verify: { content: 1% } }]\n', '  backup: [{ to: second }]\n'],
      ['  copy: [{ from: offsite, to: second, every: 1d }]\n', ''],
    ],
    [
      'policy orders: the backup to offsite does not run any more',
      'policy orders: the copy to second does not run any more',
      'policy orders: the restore test does not test offsite any more',
    ],
  ],
  [
    'a sync that goes',
    [
      [', encrypt: { passwordFrom: { env: CRYPT } } }]', ' }]'],
      ['sync: [{ to: vault, path: orders, mode: mirror, every: 15m, versions: 30d }]', 'accessCheck: {}'],
    ],
    ['policy orders: the sync to vault/orders does not run any more'],
  ],
  [
    'a restore test that is switched off',
    [['restoreTest: { every: 7d', 'restoreTest: { disabled: { reason: slow }, every: 7d']],
    ['policy orders: the restore test does not run until further notice (slow)'],
  ],
  [
    'a check that goes',
    [[', check: { every: 7d, readData: 5% }', '']],
    ['repository offsite: the check does not run any more'],
  ],
  [
    'a longer interval',
    [['copy: [{ from: offsite, to: second, every: 1d', 'copy: [{ from: offsite, to: second, every: 7d']],
    ['policy orders: the copy to second runs less often: every 1d, offset 13h52m → every 7d, offset 4d1h7m'],
  ],
  [
    'fewer days of cron',
    [['every: 15m, versions', 'cron: "0 2 * * 1-5", versions']],
    ['policy orders: the sync to vault/orders runs less often: every 15m, offset 11m49s → cron "0 2 * * 1-5" UTC'],
  ],
  [
    'missed runs that are skipped',
    [['restoreTest: { every: 7d', 'restoreTest: { missed: skip, every: 7d']],
    ['policy orders: the restore test is not made up for any more when it was missed'],
  ],
  ['a longer RPO', [['rpo: 3h', 'rpo: 4h']], ['policy orders: the RPO is 4h, no longer 3h']],
  ['a longer RTO', [['rto: 30m', 'rto: 45m']], ['policy orders: the RTO is 45m, no longer 30m']],
  [
    'a longer silence',
    [['tolerate: 14d', 'tolerate: 30d']],
    ['policy orders', 'repository offsite', 'project'].map(
      (subject) => `${subject}: missed runs are told only after 30d of silence`,
    ),
  ],
  [
    'a keep rule lowered',
    [['daily: 7', 'daily: 6']],
    [
      'policy orders: the retention in offsite keeps less: daily 7 → 6',
      'policy orders: the retention in second keeps less: daily 7 → 6',
    ],
  ],
  [
    'a keep rule that goes',
    [['daily: 7, ', '']],
    [
      'policy orders: the retention in offsite keeps less: daily 7 → none',
      'policy orders: the retention in second keeps less: daily 7 → none',
    ],
  ],
  [
    'a shorter period',
    [['within: 7d', 'within: 36h']],
    [
      'policy orders: the retention in offsite keeps less: within 7d → 36h',
      'policy orders: the retention in second keeps less: within 7d → 36h',
    ],
  ],
  [
    'a tag that protects no more',
    [[', tags: [release]', '']],
    [
      'policy orders: the retention in offsite does not keep snapshots with the tags "release" for that any more',
      'policy orders: the retention in second does not keep snapshots with the tags "release" for that any more',
    ],
  ],
  [
    'a lower maximum age',
    [['maxAge: 15y', 'maxAge: 10y']],
    [
      'policy orders: the retention in offsite forgets whatever is older than 10y, not 15y',
      'policy orders: the retention in second forgets whatever is older than 10y, not 15y',
    ],
  ],
  [
    'fewer proven snapshots',
    [['maxAge: 15y', 'maxAge: 15y, proven: 0']],
    [
      'policy orders: the retention in offsite spares fewer proven snapshots: 1 → 0',
      'policy orders: the retention in second spares fewer proven snapshots: 1 → 0',
    ],
  ],
  [
    'more that one run may forget',
    [['maxAge: 15y', 'maxAge: 15y, maxForget: 90%']],
    [
      'policy orders: the retention in offsite may forget more in one run: 50% → 90%',
      'policy orders: the retention in second may forget more in one run: 50% → 90%',
    ],
  ],
  [
    'a shorter hold',
    [['until: 2036-01-01', 'until: 2030-01-01']],
    [
      'policy orders: the retention in offsite is held until 2030-01-01 only, not 2036-01-01',
      'policy orders: the retention in second is held until 2030-01-01 only, not 2036-01-01',
    ],
  ],
  [
    'a hold that goes',
    [['  hold: { until: 2036-01-01, reason: law, by: legal }\n', '']],
    [
      'policy orders: the retention in offsite is not held until 2036-01-01 any more (law)',
      'policy orders: the retention in second is not held until 2036-01-01 any more (law)',
    ],
  ],
  [
    'a suspension',
    [['  hold:', '  suspend: { reason: migration, until: 2026-12-24 }\n  hold:']],
    ['policy orders: nothing of it runs until 2026-12-24 (migration)'],
  ],
  [
    'another password',
    [['env: OFFSITE_PASSWORD', 'env: OTHER']],
    ['repository offsite: its password comes from env OTHER, no longer from env OFFSITE_PASSWORD'],
  ],
  [
    'another place of a repository',
    [['path: second', 'path: elsewhere']],
    ['repository second: is at another place: snapshots at the old one are not used any more'],
  ],
  [
    'encryption that goes',
    [[', encrypt: { passwordFrom: { env: CRYPT } }', '']],
    ['policy orders: the sync to vault/orders is not encrypted any more'],
  ],
  [
    'names that are not encrypted',
    [['{ env: CRYPT } }', '{ env: CRYPT }, names: plain }']],
    ['policy orders: the sync to vault/orders does not encrypt names any more'],
  ],
  [
    'a looser guard of empty sources',
    [['versions: 30d', 'versions: 30d, guards: { emptySource: allow }']],
    [
      'policy orders: the sync to vault/orders takes an empty source for an empty folder (the guard emptySource is off)',
    ],
  ],
  [
    'a looser guard of deletions',
    [['versions: 30d', 'versions: 30d, guards: { maxDelete: { files: 2000 } }']],
    ['policy orders: the sync to vault/orders may remove more in one run: 1000 files and 10% → 2000 and 10%'],
  ],
  [
    'versions that are kept for less long',
    [['versions: 30d', 'versions: 7d']],
    ['policy orders: the sync to vault/orders keeps aside for less long: 30d → 7d'],
  ],
  [
    'versions that are not kept',
    [['versions: 30d', 'checksum: false']],
    ['policy orders: the sync to vault/orders keeps nothing aside of what it replaces and removes'],
  ],
  [
    'an exclude',
    [['exclude: ["*.tmp"]', 'exclude: ["*.tmp", "*.bak"]']],
    [
      'policy orders: the sync to vault/orders leaves out what "*.bak" excludes',
      'policy orders: the backup to offsite leaves out what "*.bak" excludes',
    ],
  ],
  [
    'smaller files alone',
    [['excludeLargerThan: 20GiB', 'excludeLargerThan: 1GiB']],
    [
      'policy orders: the sync to vault/orders leaves out files of more than 1.00 GiB',
      'policy orders: the backup to offsite leaves out files of more than 1.00 GiB',
    ],
  ],
  [
    'less that is compared',
    [['content: 1%', 'content: 0.5%']],
    ['policy orders: the backup to offsite compares less with its source afterwards: 1% → 0.5%'],
  ],
  [
    'a longer time to cover all files',
    [['coverWithin: 365d', 'coverWithin: 700d']],
    ['policy orders: the restore test restores another sample, which may prove less'],
  ],
  [
    'a full test that is rarer',
    [['full: { every: 90d }', 'full: { every: 180d }']],
    ['policy orders: the restore test restores everything every 180d only, not every 90d'],
  ],
  [
    'an assertion that goes',
    [['{ exists: a }, ', '']],
    ['policy orders: the restore test does not demand "exists a" as it did'],
  ],
  [
    'less data that is read',
    [['readData: 5%', 'readData: 1%']],
    ['repository offsite: the check reads less data: 5% → 1%'],
  ],
  [
    'data that is freed sooner',
    [['prune: { every: 7d }', 'prune: { every: 7d, after: 1d }']],
    ['repository offsite: the prune frees the data of forgotten snapshots sooner: after 7d → 1d'],
  ],
  [
    'somebody more who may write',
    [['writers: [holdfast]', 'writers: [holdfast, bob]']],
    ['location vault: its writers are also bob'],
  ],
];

describe('protects less, and says so in words', () => {
  test.each(CASES)('%s', async (_title, replacements, expected) => {
    const [before, after] = [await compiled(), await compiled(replacements)];
    expect(await told(before, after)).toEqual(expected);
  });
});

/** Both a loss and no gain: another key is as bad the other way round. */
const BOTH_WAYS = new Set(['another password', 'another place of a repository', 'a backup that goes']);

describe('what protects more needs no leave', () => {
  test.each(CASES.filter(([title]) => !BOTH_WAYS.has(title)))('the reverse of: %s', async (_title, replacements) => {
    expect(await told(await compiled(replacements), await compiled())).toEqual([]);
  });

  test('a first apply takes nothing away, nor does the same again', async () => {
    const actions = await compiled();
    expect([await told([], actions), await told(actions, actions)]).toEqual([[], []]);
  });
});

test('a policy that is removed is told in one sentence', async () => {
  const actions = await compiled();
  const rest = actions.filter(({ policy }) => policy === undefined);
  expect(await told(actions, rest)).toEqual(['policy orders: is removed: nothing of it runs any more']);
});

test('retention that ends takes nothing away; a first one does: all was kept', async () => {
  const actions = await compiled();
  const without = actions.filter(({ kind }) => kind !== 'retention');
  expect(await told(actions, without)).toEqual([]);
  expect(await told(without, actions)).toEqual([
    'policy orders: the retention in offsite forgets by rules what was all kept',
    'policy orders: the retention in second forgets by rules what was all kept',
  ]);
});

test('a policy that names its former name is that policy; one that does not, is another', async () => {
  const before = await compiled([['name: orders, formerly: [shop]', 'name: shop']]);
  expect(await told(before, await compiled())).toEqual([]);
  const another = await compiled([[', formerly: [shop]', '']]);
  expect(await told(before, another)).toEqual(['policy shop: is removed: nothing of it runs any more']);
});

test('a suspension that is over takes nothing away, one that is prolonged does', async () => {
  const until = (day: string) => compiled([['  hold:', `  suspend: { reason: migration, until: ${day} }\n  hold:`]]);
  expect(await told(await compiled(), await until('2026-11-29'))).toEqual([]);
  expect(await told(await until('2026-12-24'), await until('2027-01-31'))).toEqual([
    'policy orders: nothing of it runs until 2027-01-31 (migration)',
  ]);
});

test('no secret is told: of a program that prints a password only its name', async () => {
  const [one, other] = ['s3cret', 'an0ther'].map((argument): Replacement => [
    '{ env: OFFSITE_PASSWORD }',
    `{ command: [pass, ${argument}] }`,
  ]);
  expect(await told(await compiled([one!]), await compiled([other!]))).toEqual([
    'repository offsite: its password comes from command pass, with other arguments',
  ]);
});
