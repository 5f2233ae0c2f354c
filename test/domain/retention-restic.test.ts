/** planForget against the real restic: 200 random sets of rules over random snapshots, decision by decision and reason by reason. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { afterAll, beforeAll, expect } from 'vitest';
import type { KeepRules } from '../../domain/action.ts';
import { groupSnapshots } from '../../domain/group-snapshots.ts';
import { hasNoRules } from '../../domain/keep-rules.ts';
import { planForget } from '../../domain/retention.ts';
import type { Snapshot } from '../../domain/snapshot.ts';
import { initRepository } from '../../repository/init-repository.ts';
import { openLocalStorage } from '../../storage/local.ts';
import { requirePeer } from '../peers.ts';

const SEED = 20261123;
const REPOSITORIES = 20;
const RULE_SETS_PER_REPOSITORY = 10;
const PASSWORD = 'retention';
const GROUPINGS = ['host,paths', 'host', 'paths', 'tags', 'host,tags', ''];

const run = promisify(execFile);
const restic = requirePeer('restic');
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'holdfast-retention-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

/** Some snapshots minutes apart, some years, so that every bucket sees both one and many. */
const steps = fc.oneof(
  fc.integer({ min: 1, max: 90 * MINUTE }),
  fc.integer({ min: 1, max: 2 * DAY }),
  fc.integer({ min: 1, max: 40 * DAY }),
  fc.integer({ min: 1, max: 400 * DAY }),
);
const zones = fc.constantFrom(0, 60, 120, -300, 330, -210, 825);
const snapshotDraft = fc.record({
  step: steps,
  zone: zones,
  nanoseconds: fc.integer({ min: 0, max: 999_999 }),
  hostname: fc.constantFrom('app-01', 'app-02'),
  paths: fc.constantFrom<string[][]>(['/srv'], ['/srv', '/home'], ['/home', '/srv']),
  tags: fc.constantFrom<Snapshot['tags'][]>(
    undefined,
    ['shop'],
    ['release'],
    ['shop', 'release'],
    ['policy=orders', 'holdfast'],
  ),
});
const snapshotSet = fc.record({
  newest: fc.date({
    min: new Date('2015-01-01T00:00:00Z'),
    max: new Date('2029-06-01T00:00:00Z'),
    noInvalidDate: true,
  }),
  drafts: fc.array(snapshotDraft, { minLength: 1, maxLength: 60, size: 'max' }),
});

const count = fc.option(fc.constantFrom(0, 1, 2, 3, 5, 10, 40), { nil: undefined, freq: 1 });
const length = fc
  .record({
    y: fc.constantFrom(0, 0, 1, 3),
    mo: fc.constantFrom(0, 0, 1, 7, 13),
    d: fc.constantFrom(0, 1, 10, 31),
    h: fc.constantFrom(1, 5, 48),
  })
  .map((parts) =>
    Object.entries(parts)
      .map(([unit, value]) => (value > 0 ? `${value}${unit}` : ''))
      .join(''),
  );
const period = fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: length });
const keepRules: fc.Arbitrary<KeepRules> = fc
  .record({
    last: count,
    hourly: count,
    daily: count,
    weekly: count,
    monthly: count,
    yearly: count,
    within: period,
    withinHourly: period,
    withinDaily: period,
    withinWeekly: period,
    withinMonthly: period,
    withinYearly: period,
    tags: fc.constantFrom<KeepRules['tags'][]>(
      undefined,
      undefined,
      undefined,
      ['release'],
      ['shop,release', 'policy=orders'],
    ),
  })
  .filter((rules) => !hasNoRules(rules));

restic.it('agrees with restic forget --dry-run on 200 random snapshot sets and rules', async () => {
  const version = await resticVersion();
  const sets = fc.sample(snapshotSet, { seed: SEED, numRuns: REPOSITORIES });
  const rules = fc.sample(keepRules, { seed: SEED, numRuns: REPOSITORIES * RULE_SETS_PER_REPOSITORY });
  let forgotten = 0;
  let kept = 0;
  for (const [index, set] of sets.entries()) {
    const repository = path.join(folder, `repository-${index}`);
    const snapshots = await fabricate(repository, set);
    const mine = rules.slice(index * RULE_SETS_PER_REPOSITORY, (index + 1) * RULE_SETS_PER_REPOSITORY);
    await Promise.all(
      mine.map(async (keep, position) => {
        const by = GROUPINGS[(index + position) % GROUPINGS.length] ?? '';
        const expected = await askRestic(repository, keep, by);
        const actual = decide(snapshots, keep, by, version);
        expect(actual, `${JSON.stringify(keep)} grouped by "${by}" in repository ${index}`).toEqual(expected);
        const reasons = Object.values(actual);
        forgotten += reasons.filter((list) => list === 'forget').length;
        kept += reasons.filter((list) => list !== 'forget').length;
      }),
    );
  }
  // A generator that only ever keeps, or only ever forgets, would compare nothing.
  expect(Math.min(kept, forgotten)).toBeGreaterThan(500);
});

/** Decision by snapshot id: the reasons of a kept one, or "forget". */
type Decisions = Record<string, string>;

function decide(snapshots: Snapshot[], keep: KeepRules, by: string, version: number): Decisions {
  const decisions: Decisions = {};
  for (const group of groupSnapshots(snapshots, by)) {
    const plan = planForget(group.snapshots, [], { keep, proven: 1, maxForgetShare: 1 }, new Date());
    for (const { snapshot, keep: stays, reasons } of plan.decisions) {
      const comparable = reasons.flatMap((reason) => asTold(reason, version));
      decisions[snapshot.id] = stays && comparable.length > 0 ? comparable.join('; ') : 'forget';
    }
  }
  return decisions;
}

/**
 * Our reason in the words of that restic: months are `m` there. The oldest snapshot is kept while counts are left since
 * 0.16, which says so since 0.18.
 */
function asTold(reason: string, version: number): string[] {
  const told = reason.startsWith('has tags') ? reason : reason.replaceAll(/(\d)mo/g, '$1m');
  if (!told.startsWith('oldest ') || version >= 18) return [told];
  return version < 16 ? [] : [told.slice('oldest '.length)];
}

async function askRestic(repository: string, keep: KeepRules, by: string): Promise<Decisions> {
  const flags = Object.entries(keep).flatMap(([rule, value]) => flagsOf(rule, value));
  const { stdout } = await runRestic(repository, ['forget', '--dry-run', '--group-by', by, ...flags]);
  const groups = JSON.parse(stdout) as {
    keep: { id: string }[];
    remove: { id: string }[] | null;
    reasons: { matches: string[] }[];
  }[];
  const decisions: Decisions = {};
  for (const group of groups) {
    (group.keep ?? []).forEach(({ id }, index) => {
      decisions[id] = group.reasons[index]?.matches.join('; ') ?? '';
    });
    for (const { id } of group.remove ?? []) decisions[id] = 'forget';
  }
  return decisions;
}

function flagsOf(rule: string, value: number | string | string[] | undefined): string[] {
  if (value === undefined) return [];
  if (Array.isArray(value)) return value.flatMap((tags) => ['--keep-tag', tags]);
  const flag = `--keep-${rule.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
  return [flag, typeof value === 'number' ? String(value) : value.replace('mo', 'm')];
}

/** The number after "0." of `restic 0.14.0`. */
async function resticVersion(): Promise<number> {
  const { stdout } = await run(restic.command, ['version']);
  return Number(/restic 0\.(\d+)/.exec(stdout)?.[1]);
}

function runRestic(repository: string, args: string[]): Promise<{ stdout: string }> {
  // The zone is fixed because restic adds periods in the machine's own zone where a snapshot's offset fits it.
  const env = { ...process.env, RESTIC_PASSWORD: PASSWORD, TZ: 'UTC' };
  const options = ['--no-cache', '--no-lock', '--json'];
  return run(restic.command, ['-r', repository, ...options, ...args], { env, maxBuffer: 64 * 1024 * 1024 });
}

/** A repository of snapshots alone, with a key that is cheap to open. */
async function fabricate(directory: string, set: SnapshotSet): Promise<Snapshot[]> {
  const repository = await initRepository(openLocalStorage(directory), PASSWORD, { kdf: { N: 1024, r: 8, p: 1 } });
  const save = async (document: Omit<Snapshot, 'id'>): Promise<Snapshot> => ({
    ...document,
    id: await repository.saveSnapshot(document),
  });
  const snapshots = await Promise.all(documentsOf(set).map(save));
  await repository.close();
  return snapshots;
}

type SnapshotSet = typeof snapshotSet extends fc.Arbitrary<infer Set> ? Set : never;

/** Going back from the newest; no two at one instant, whose order restic leaves to chance. */
function documentsOf(set: SnapshotSet): Omit<Snapshot, 'id'>[] {
  let milliseconds = set.newest.getTime();
  return set.drafts.map((draft) => {
    milliseconds -= draft.step;
    return {
      time: formatTime(milliseconds, draft.nanoseconds, draft.zone),
      tree: '0'.repeat(64),
      paths: draft.paths,
      hostname: draft.hostname,
      username: 'root',
      ...(draft.tags && { tags: draft.tags }),
    };
  });
}

function formatTime(epochMilliseconds: number, nanoseconds: number, zoneMinutes: number): string {
  const wallClock = new Date(epochMilliseconds + zoneMinutes * MINUTE).toISOString().slice(0, -1);
  const size = Math.abs(zoneMinutes);
  const pad = (value: number): string => String(value).padStart(2, '0');
  const zone = `${zoneMinutes < 0 ? '-' : '+'}${pad(Math.floor(size / 60))}:${pad(size % 60)}`;
  return `${wallClock}${String(nanoseconds).padStart(6, '0')}${zoneMinutes === 0 ? 'Z' : zone}`;
}
