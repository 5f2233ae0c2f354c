import { expect, test } from 'vitest';
import { parseDuration } from '../../common/durations.ts';
import type { Action, KeepRules, RetentionSettings } from '../../domain/action.ts';
import { expiringActions } from '../../domain/expiring-policies.ts';
import { indexDocuments, policyNames } from '../../domain/policy-folder.ts';
import { planForget } from '../../domain/retention.ts';
import type { Snapshot } from '../../domain/snapshot.ts';
import { checkFiles } from '../schemas/check-files.ts';

const NOW = new Date('2026-11-23T12:00:00Z');

const BASE = `apiVersion: holdfast/v1
kind: Location
metadata: { name: vault }
spec: { local: { path: /vault } }
---
apiVersion: holdfast/v1
kind: Repository
metadata: { name: offsite }
spec: { location: vault, passwordFrom: { env: PW } }
`;

const policy = (name: string, spec: string, formerly = ''): string =>
  `---\napiVersion: holdfast/v1\nkind: Policy\nmetadata: { name: ${name}${formerly} }\nspec: { source: { directory: /srv/${name} }, ${spec} }\n`;

const RULES = 'backup: [{ to: offsite, every: 6h }], objectives: { rpo: 12h }';
const EXPIRE = `${RULES}, retention: { keep: { last: 3, daily: 7, weekly: 4, yearly: -1, tags: [x] } }, onDelete: expire`;

const compiled = async (text: string) => {
  const { compiled: result, problems, documents } = await checkFiles({ 'a.yaml': text });
  expect(problems).toEqual([]);
  return { ...result, policyNames: policyNames(indexDocuments(documents)) };
};

async function expiring(before: string, after: string): Promise<Action[]> {
  return expiringActions((await compiled(before)).actions, await compiled(after), (text) => `digest of ${text.length}`);
}

test('of a policy that is removed the retention goes on, when the document said so and nobody has its name', async () => {
  const before = BASE + policy('orders', EXPIRE, ', formerly: [shop]');
  const [action, ...others] = await expiring(before, BASE);
  expect(others).toEqual([]);
  expect(action).toMatchObject({
    id: 'policy/orders/retention/offsite',
    policy: 'orders',
    settings: {
      policyNames: ['orders', 'shop'],
      expiring: true,
      rules: {
        keep: { within: '18h', withinDaily: '7d', withinWeekly: '28d', yearly: -1, tags: ['x'] },
        proven: 0,
      },
    },
  });
  expect(await expiring(before, before)).toEqual([]);
  expect(await expiring(BASE + policy('orders', EXPIRE.replace('expire', 'keep')), BASE)).toEqual([]);
  // Renamed, or switched off, is not removed.
  expect(await expiring(before, BASE + policy('sales', RULES, ', formerly: [orders]'))).toEqual([]);
  expect(await expiring(before, BASE + policy('orders', 'accessCheck: {}'))).toEqual([]);
  // A former name that is somebody's again is not the removed policy's any more.
  const [rest] = await expiring(before, BASE + policy('shop', RULES));
  expect(rest?.settings).toMatchObject({ policyNames: ['orders'] });
  // A repository that is gone from the policies is left alone.
  const elsewhere = BASE.replace('name: offsite', 'name: other');
  expect(await expiring(before, elsewhere)).toEqual([]);
});

test('what expires goes on as it is at the next apply, with the place that the repository has by then', async () => {
  const digest = () => 'd';
  const first = expiringActions(
    (await compiled(BASE + policy('orders', EXPIRE))).actions,
    await compiled(BASE),
    digest,
  );
  const moved = await compiled(BASE.replace('/vault', '/new'));
  const [again] = expiringActions(first, moved, digest);
  expect(again).toEqual({
    ...first[0],
    settings: { ...first[0]!.settings, repository: moved.repositories[0] },
  });
});

const DAY_MS = 86_400_000;

/** One snapshot each six hours up to now, for a year. */
const snapshots: Snapshot[] = Array.from({ length: 4 * 365 }, (_, index) => ({
  id: String(index).padStart(8, '0'),
  time: new Date(NOW.getTime() - index * (DAY_MS / 4) - 60_000).toISOString(),
  tree: 't',
  paths: ['/srv'],
  hostname: 'h',
  username: 'u',
}));

/** Ids that stay of the given ones after a run so many days later. */
function after(days: number, keep: KeepRules, given: readonly Snapshot[], isExpiring: boolean): Snapshot[] {
  const now = new Date(NOW.getTime() + days * DAY_MS);
  const rules = { keep, proven: 0, maxForgetShare: 1 };
  return planForget(given, [], rules, now, { expiring: isExpiring }).kept.map(({ snapshot }) => snapshot);
}

test('day by day fewer are kept, never one that was forgotten, and in the end none; without expiry the last ones stay for ever', async () => {
  const text = policy('orders', EXPIRE.replace(', yearly: -1, tags: [x]', ', monthly: 6'));
  const before = await compiled(BASE + text);
  const [action] = expiringActions(before.actions, await compiled(BASE), () => 'd');
  const aged = (action!.settings as RetentionSettings).rules.keep;
  const written: KeepRules = { last: 3, daily: 7, weekly: 4, monthly: 6 };
  const kept = after(0, written, snapshots, false);
  const counts: number[] = [];
  let left = kept;
  for (let day = 0; day <= 200; day++) {
    left = after(day, aged, left, true);
    counts.push(left.length);
    const oldest = left.map(({ time }) => NOW.getTime() + day * DAY_MS - Date.parse(time));
    expect(Math.max(0, ...oldest)).toBeLessThan(parseDuration('186d') * 1000);
  }
  // At the first run nearly all that the rules kept stays: a week's worth of edges apart.
  expect(counts[0]).toBeGreaterThanOrEqual(kept.length - 2);
  expect(counts).toEqual(counts.toSorted((a, b) => b - a));
  expect(counts.at(-1)).toBe(0);
  expect(counts.findIndex((count) => count === 0)).toBeGreaterThan(170);
  expect(after(1000, written, kept, false).length).toBeGreaterThan(0);
});

test('a document whose snapshots have no rule to go by cannot expire', async () => {
  const { problems } = await checkFiles({
    'a.yaml': `${BASE}${policy('a', `${RULES}, onDelete: expire`)}${policy('b', 'accessCheck: {}, onDelete: expire')}`,
  });
  expect(problems.map(({ line, message, hint }) => `${line} ${message}: ${hint}`)).toEqual([
    '14 snapshots cannot expire: nothing is ever forgotten of those in "offsite": add a retention:, by whose rules they age out, or write onDelete: keep',
    '19 snapshots cannot expire: it makes no snapshots: remove it',
  ]);
});
