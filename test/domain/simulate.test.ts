import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Action, KeepRules, RetentionRules } from '../../domain/action.ts';
import { measureRuns } from '../../domain/measured-runs.ts';
import { parseGrowth, storedBytes } from '../../domain/growth-model.ts';
import { planForget, type SnapshotProof } from '../../domain/retention.ts';
import { simulate, type SimulationInput } from '../../domain/simulate.ts';
import { PROOF_REASON, SimulatedRepository } from '../../domain/simulated-repository.ts';
import type { Snapshot } from '../../domain/snapshot.ts';
import { sampleRun } from '../evidence/sample-records.ts';
import { checkFiles } from '../schemas/check-files.ts';

const BASE = `apiVersion: holdfast/v1
kind: Location
metadata: { name: vault }
spec: { local: { path: /srv/vault } }
---
apiVersion: holdfast/v1
kind: Repository
metadata: { name: offsite }
spec: { location: vault, path: offsite, passwordFrom: { env: P }, prune: { every: 1d, offset: 12h, maxUnused: 0%, after: 2d } }
---
apiVersion: holdfast/v1
kind: Repository
metadata: { name: second }
spec: { location: vault, path: second, passwordFrom: { env: P } }
---
apiVersion: holdfast/v1
kind: Policy
metadata: { name: orders }
spec:
  source: { directory: /srv/orders }
`;

async function actionsOf(spec: string): Promise<Action[]> {
  const { compiled, problems } = await checkFiles({ 'a.yaml': BASE + spec.replaceAll(/^/gm, '  ') });
  expect(problems.filter(({ severity }) => severity === 'error')).toEqual([]);
  return compiled.actions;
}

async function play(spec: string, changes: Partial<SimulationInput> = {}) {
  const actions = await actionsOf(spec);
  return simulate({ actions, from: new Date('2026-12-01T00:00:00Z'), days: 30, runSeconds: 300, ...changes });
}

const kind = ({ runs }: ReturnType<typeof simulate>, name: string) => runs.find((own) => own.kind === name)!;
const DAY = 86_400;
const GIB = 1024 ** 3;

describe('runs', () => {
  test('are counted on the day of their slot, at the times of the schedule', async () => {
    const simulation = await play(
      'backup: [{ to: offsite, cron: "30 2 * * 1-5", timezone: UTC }]\nobjectives: { rpo: 5d }',
    );
    expect(kind(simulation, 'backup')).toMatchObject({ runs: 22, mostPerDay: 1, skipped: 0 });
    expect(kind(simulation, 'backup').perDay.slice(0, 7)).toEqual([1, 1, 1, 1, 0, 0, 1]);
  });

  test('are skipped while the run before goes on, and wait for it with missed: all', async () => {
    const spec = (more: string) => `backup: [{ to: offsite, every: 1h, timeout: 3h${more} }]`;
    const skipped = kind(await play(spec(''), { days: 1, runSeconds: 5400 }), 'backup');
    expect([skipped.runs, skipped.skipped]).toEqual([12, 12]);
    const waiting = kind(await play(spec(', missed: all'), { days: 1, runSeconds: 5400 }), 'backup');
    expect([waiting.runs, waiting.skipped]).toEqual([24, 0]);
  });

  test('that take longer than their schedule allows make no snapshot', async () => {
    const { runs, policies } = await play('backup: [{ to: offsite, every: 1d, timeout: 1h }]', { runSeconds: 3601 });
    expect(kind({ runs } as never, 'backup')).toMatchObject({ runs: 30, timedOut: 30 });
    expect(policies[0]).toMatchObject({ repositories: [{ kept: [] }], rpo: { worstSeconds: 30 * DAY } });
    expect(policies[0]!.rpo!.missedAt).toBe('2026-12-02T12:00:00.000Z');
  });

  test('of a suspended policy do not happen until it ends, and miss nothing', async () => {
    const spec = 'backup: [{ to: offsite, every: 1d, offset: 0s }]\nsuspend: { reason: move, until: 2026-12-11 }';
    const { runs, policies, firstMiss } = await play(spec);
    expect(kind({ runs } as never, 'backup')).toMatchObject({ runs: 20, suspended: 10 });
    expect(policies[0]!.rpo).toMatchObject({ worstSeconds: DAY + 300 });
    expect(firstMiss).toBeUndefined();
  });

  test('take as long as they were measured', async () => {
    const measuredRunSeconds = new Map([['policy/orders/backup/offsite', 7200]]);
    const { policies, assumptions } = await play('backup: [{ to: offsite, every: 1d }]', { measuredRunSeconds });
    expect(policies[0]!.rpo!.worstSeconds).toBe(DAY + 7200);
    expect(assumptions).toMatchObject({ measuredActions: 1, runSeconds: 300 });
  });
});

describe('the age of recoverable data', () => {
  test('is worst just before the next backup ends, with the longest jitter', async () => {
    const { policies } = await play('backup: [{ to: offsite, every: 1h, jitter: 10m }]');
    expect(policies[0]!.rpo).toMatchObject({ objectiveSeconds: 36 * 3600, worstSeconds: 3600 + 600 + 300 });
  });

  test('shows that a night without its hour misses an objective', async () => {
    const spec = 'backup: [{ to: offsite, at: "02:30", timezone: Europe/Berlin }]';
    const { policies, firstMiss } = await play(spec, { days: 200 });
    expect(firstMiss).toEqual({ policy: 'orders', objective: 'rpo', at: '2027-03-28T13:30:00.000Z' });
    expect(policies[0]!.rpo).toMatchObject({ worstSeconds: 47 * 3600 + 300, worstAt: '2027-03-29T00:35:00.000Z' });
  });

  test('counts the newest of several repositories', async () => {
    const spec = 'backup: [{ to: offsite, every: 1d, offset: 0s }, { to: second, every: 1d, offset: 12h }]';
    expect((await play(spec)).policies[0]!.rpo!.worstSeconds).toBe(DAY / 2 + 300);
  });
});

describe('snapshots', () => {
  test('stay by the rules of the policy, each day, with their reasons', async () => {
    const { policies } = await play(
      'backup: [{ to: offsite, every: 1d, offset: 1h }]\nretention: { offset: 2h, keep: { daily: 7, weekly: 2 }, proven: 0 }',
    );
    const [holding] = policies[0]!.repositories;
    expect(holding!.perDay.slice(0, 9)).toEqual([1, 2, 3, 4, 5, 6, 7, 7, 7]);
    expect(holding!.reasons['daily snapshot']!.slice(0, 9)).toEqual([1, 2, 3, 4, 5, 6, 7, 7, 7]);
    expect(holding!.kept[0]).toEqual({
      time: '2026-12-30T01:00:00.000Z',
      reasons: ['daily snapshot', 'weekly snapshot'],
    });
    expect(holding!.forgotten).toBe(30 - holding!.kept.length);
  });

  test('that more would go of than maxForget allows are all kept, and the refusals counted', async () => {
    const spec = 'backup: [{ to: offsite, every: 1h }]\nretention: { every: 7d, keep: { last: 1 }, maxForget: 50% }';
    const [holding] = (await play(spec)).policies[0]!.repositories;
    expect(holding!.refused).toBeGreaterThan(0);
    expect(holding).toMatchObject({ forgotten: 0 });
    expect(holding!.perDay.at(-1)).toBe(30 * 24);
  });

  test('are copied, but those that the retention would forget at once', async () => {
    const spec =
      'backup: [{ to: offsite, every: 1h, offset: 0s }]\ncopy: [{ from: offsite, to: second, every: 1d, offset: 30m }]\nretention: { offset: 20h, keep: { daily: 3 } }';
    const { policies } = await play(spec);
    const second = policies[0]!.repositories.find(({ repository }) => repository === 'second')!;
    expect(second.perDay.at(-1)).toBeGreaterThanOrEqual(3);
    expect(second.perDay.at(-1)).toBeLessThanOrEqual(5);
    expect(second.kept.every(({ time }) => time.endsWith('T23:00:00.000Z') || time.endsWith('T00:00:00.000Z'))).toBe(
      true,
    );
  });
});

const KEEP_RULES: fc.Arbitrary<KeepRules> = fc.record(
  {
    last: fc.constantFrom(0, 1, 3),
    hourly: fc.constantFrom(0, 2, 24, -1),
    daily: fc.constantFrom(0, 1, 7),
    weekly: fc.constantFrom(0, 4),
    monthly: fc.constantFrom(0, 2, 12),
    yearly: fc.constantFrom(0, 1),
    within: fc.constantFrom('36h', '10d'),
    withinDaily: fc.constantFrom('14d', '2mo'),
    tags: fc.constantFrom<string[][]>(['release'], ['shop'], ['holdfast,shop']),
  },
  { requiredKeys: [] },
);
const RULES: fc.Arbitrary<RetentionRules> = fc.record(
  {
    keep: KEEP_RULES,
    proven: fc.nat(2),
    maxForgetShare: fc.constantFrom(0.5, 1),
    maxAge: fc.constantFrom('20d', '3mo'),
  },
  { requiredKeys: ['keep', 'proven', 'maxForgetShare'] },
);
const STEP = fc.record({
  what: fc.constantFrom('add', 'add', 'add', 'forget', 'prove'),
  minutes: fc.oneof(fc.integer({ min: 1, max: 120 }), fc.integer({ min: 1, max: 5000 })),
  which: fc.nat(1000),
});

test('what a simulated repository forgets is what a retention run would, whatever the rules and the life before', () => {
  fc.assert(
    fc.property(
      RULES,
      fc.option(fc.constant({ until: '2026-12-20', reason: 'law', by: 'legal' }), { freq: 5 }),
      fc.array(STEP, { minLength: 5, maxLength: 60 }),
      (rules, held, steps) => {
        const hold = held ?? undefined;
        const repository = new SimulatedRepository('offsite', ['holdfast', 'shop']);
        let real: Snapshot[] = [];
        const proofs: SnapshotProof[] = [];
        let now = Date.parse('2026-12-01T00:00:00Z');
        for (const { what, minutes, which } of steps) {
          now += minutes * 60_000;
          if (what === 'add') {
            repository.add(now);
            const time = new Date(now).toISOString();
            real.push({
              id: String(now),
              time,
              tree: '',
              paths: [],
              hostname: '',
              username: '',
              tags: ['holdfast', 'shop'],
            });
          } else if (what === 'prove' && real.length > 0) {
            const at = which % real.length;
            repository.prove(repository.snapshots[at]!);
            proofs.push({ snapshotId: real[at]!.id, run: 'x', provenAt: new Date(now).toISOString() });
          } else {
            const plan = planForget(real, proofs, rules, new Date(now), hold === undefined ? {} : { hold });
            repository.forget({ rules, ...(hold === undefined ? {} : { hold }) }, now);
            if (plan.exceedsMaxForget) continue;
            real = plan.kept.map(({ snapshot }) => snapshot).toReversed();
            const reasons = plan.kept.map((decision) =>
              decision.reasons.map((reason) => reason.replace('proven by run x', PROOF_REASON)),
            );
            expect(repository.snapshots.map((snapshot) => snapshot.reasons)).toEqual(reasons.toReversed());
          }
          expect(repository.snapshots.map(({ id }) => id)).toEqual(real.map(({ id }) => id));
        }
      },
    ),
    { seed: 20261130, numRuns: 500 },
  );
});

describe('storage', () => {
  const model = { sizeBytes: 100, growthBytesPerDay: 1, changedBytesPerDay: 10 };
  test.each<[number[], number]>([
    [[], 0],
    [[0], 100],
    [[10], 110],
    [[0, 1], 111],
    // More cannot be replaced than there was.
    [[0, 30], 230],
  ])('of snapshots made on the days %j is %i', (days, bytes) =>
    expect(
      storedBytes(
        model,
        days.map((day) => day * DAY * 1000),
      ),
    ).toBe(bytes),
  );

  test.each([
    ['1%/d', 10],
    ['70B/w', 10],
    ['2KiB/d', 2048],
  ])('grows by %s', (rate, bytes) => expect(parseGrowth(rate, 1000)).toBe(bytes));
  test.each(['1%', '1GiB/h', '/d', '101%/d'])('does not grow by %s', (rate) =>
    expect(() => parseGrowth(rate, 1)).toThrow(`"${rate}" is not a growth`),
  );

  test('holds what was replaced until its snapshots are forgotten, and then until a prune may free it', async () => {
    const spec =
      'backup: [{ to: offsite, every: 1d, offset: 1h }]\nretention: { offset: 2h, keep: { last: 2 }, maxForget: 100%, proven: 0 }';
    const growth = () => ({ sizeBytes: 100 * GIB, growthBytesPerDay: 0, changedBytesPerDay: GIB });
    const { storage } = await play(spec, { growth, days: 10 });
    expect(storage!.neverPruned).toEqual([]);
    const gib = storage!.perDay.map((bytes) => Math.round(bytes / GIB));
    // Two snapshots, one day apart; freed data stays for two days, and the next prune is at noon.
    expect(gib).toEqual([100, 101, 102, 103, 103, 103, 103, 103, 103, 103]);
  });

  test('of a repository that nobody prunes keeps what is forgotten, and it is named', async () => {
    const spec = `backup: [{ to: second, every: 1d, offset: 1h }]\nretention: { offset: 2h, keep: { last: 2 }, maxForget: 100%, proven: 0 }`;
    const growth = () => ({ sizeBytes: 100 * GIB, growthBytesPerDay: 0, changedBytesPerDay: GIB });
    const { storage } = await play(spec, { growth, days: 10 });
    expect(storage!.perDay.map((bytes) => Math.round(bytes / GIB)).at(-1)).toBe(109);
    expect(storage!.neverPruned).toEqual(['second']);
  });
});

test('lengths, sizes and growth are measured from run records', async () => {
  const backup = (day: number, bytesProcessed: number, bytesStored: number, minutes: number) =>
    sampleRun({
      startedAt: `2026-11-${10 + day}T01:00:00.000Z`,
      finishedAt: `2026-11-${10 + day}T01:${String(minutes).padStart(2, '0')}:00.000Z`,
      figures: {
        kind: 'backup',
        filesNew: 0,
        filesChanged: 0,
        filesUnmodified: 0,
        filesUnreadable: 0,
        bytesProcessed,
        bytesAdded: bytesStored * 2,
        bytesStored,
        filesVerified: 0,
      },
    });
  const failed = { ...backup(3, 0, 0, 50), outcome: 'failed' as const };
  const measured = await measureRuns([
    backup(0, 1000, 500, 30),
    backup(1, 1100, 60, 10),
    failed,
    backup(2, 1200, 90, 12),
  ]);
  expect(measured.runSeconds).toEqual(new Map([['policy/orders/backup/offsite', 720]]));
  // Half of it is stored: 100 of the 150 bytes that were added are growth.
  expect(measured.growth.get('orders')).toEqual({ sizeBytes: 600, growthBytesPerDay: 50, changedBytesPerDay: 25 });
});
