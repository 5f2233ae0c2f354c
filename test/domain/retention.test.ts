/** planForget: rank of holds, ages, proofs and rules; unlimited counts; times; groups. */
import { describe, expect, it } from 'vitest';
import type { RetentionRules } from '../../domain/action.ts';
import { groupSnapshots } from '../../domain/group-snapshots.ts';
import { planForget, type PlanForgetOptions, type SnapshotProof } from '../../domain/retention.ts';
import type { Snapshot } from '../../domain/snapshot.ts';

const NOW = new Date('2026-11-23T12:00:00Z');

function snapshot(id: string, time: string, more: Partial<Snapshot> = {}): Snapshot {
  return { id, time, tree: '00', paths: ['/srv'], hostname: 'app-01', username: 'root', ...more };
}

function rules(keep: RetentionRules['keep'], more: Partial<RetentionRules> = {}): RetentionRules {
  return { keep, proven: 1, maxForgetShare: 0.5, ...more };
}

function reasonsById(
  snapshots: Snapshot[],
  given: RetentionRules,
  proofs: SnapshotProof[] = [],
  options: PlanForgetOptions = {},
): Record<string, string> {
  const plan = planForget(snapshots, proofs, given, NOW, options);
  expect(plan.kept.length + plan.forgotten.length).toBe(snapshots.length);
  return Object.fromEntries(
    plan.decisions.map(({ snapshot: { id }, keep, reasons }) => [
      id,
      `${keep ? 'keep' : 'forget'}: ${reasons.join(', ')}`,
    ]),
  );
}

const THREE_DAYS = [
  snapshot('a', '2026-11-20T02:00:00Z'),
  snapshot('b', '2026-11-21T02:00:00Z'),
  snapshot('c', '2026-11-22T02:00:00Z'),
];
const PROOF_OF_A: SnapshotProof = {
  snapshotId: 'a',
  run: 'policy/orders/restore-test',
  provenAt: '2026-11-20T03:00:00Z',
};

describe('planForget', () => {
  it('forgets nothing when no rule is given, and says so', () => {
    expect(reasonsById(THREE_DAYS, rules({}))).toEqual({
      a: 'keep: no keep rule is given',
      b: 'keep: no keep rule is given',
      c: 'keep: no keep rule is given',
    });
    expect(planForget(THREE_DAYS, [], rules({ last: 0, daily: 0, tags: [] }), NOW).forgotten).toEqual([]);
  });

  it('plans nothing for no snapshots', () => {
    expect(planForget([], [], rules({ last: 1 }), NOW)).toEqual({
      decisions: [],
      kept: [],
      forgotten: [],
      forgottenShare: 0,
      exceedsMaxForget: false,
    });
  });

  it('keeps the newest proven snapshot beyond the keep rules, and no older proof', () => {
    const proofs = [PROOF_OF_A, { ...PROOF_OF_A, snapshotId: 'b', run: 'second' }];
    expect(reasonsById(THREE_DAYS, rules({ last: 1 }), proofs)).toEqual({
      a: 'forget: no rule keeps it',
      b: 'keep: proven by run second',
      c: 'keep: last snapshot',
    });
    expect(reasonsById(THREE_DAYS, rules({ last: 1 }, { proven: 2 }), proofs)['a']).toBe(
      'keep: proven by run policy/orders/restore-test',
    );
    expect(reasonsById(THREE_DAYS, rules({ last: 1 }, { proven: 0 }), proofs)['b']).toBe('forget: no rule keeps it');
  });

  it('names the latest run when several proved one snapshot', () => {
    const later = { ...PROOF_OF_A, run: 'later', provenAt: '2026-11-21T03:00:00Z' };
    expect(reasonsById(THREE_DAYS, rules({ last: 1 }), [later, PROOF_OF_A])['a']).toBe('keep: proven by run later');
  });

  it('lets the maximum age outrank proofs and keep rules', () => {
    const given = rules({ last: 3 }, { maxAge: '3d' });
    expect(reasonsById(THREE_DAYS, given, [PROOF_OF_A])).toEqual({
      a: 'forget: older than 3d (maxAge)',
      b: 'keep: last snapshot',
      c: 'keep: last snapshot',
    });
    expect(reasonsById(THREE_DAYS, rules({}, { maxAge: '2d' }))['b']).toBe('forget: older than 2d (maxAge)');
  });

  it('does not spend the proofs to keep on snapshots that are too old', () => {
    const proofs = [PROOF_OF_A, { ...PROOF_OF_A, snapshotId: 'b', run: 'second' }];
    const plan = reasonsById(THREE_DAYS, rules({ last: 1 }, { maxAge: '3d', proven: 1 }), proofs);
    expect(plan['b']).toBe('keep: proven by run second');
  });

  it('keeps everything while a hold is in force, until its date has begun', () => {
    const hold = { until: '2026-11-24', reason: 'HGB §257', by: 'legal' };
    const given = rules({ last: 1 }, { maxAge: '1d' });
    expect(reasonsById(THREE_DAYS, given, [], { hold })).toEqual({
      a: 'keep: hold until 2026-11-24 (HGB §257)',
      b: 'keep: hold until 2026-11-24 (HGB §257)',
      c: 'keep: hold until 2026-11-24 (HGB §257), last snapshot',
    });
    const over = { ...hold, until: '2026-11-23' };
    expect(reasonsById(THREE_DAYS, given, [], { hold: over })['a']).toBe('forget: older than 1d (maxAge)');
  });

  it('refuses a hold whose date it cannot read, rather than end it', () => {
    const hold = { until: 'some day', reason: 'r', by: 'legal' };
    expect(() => planForget(THREE_DAYS, [], rules({ last: 1 }), NOW, { hold })).toThrow('"some day" is not a date');
  });

  it('reports when more would go than one run may forget', () => {
    const one = planForget(THREE_DAYS, [], rules({ last: 1 }), NOW);
    expect(one.forgottenShare).toBeCloseTo(2 / 3);
    expect(one.exceedsMaxForget).toBe(true);
    expect(planForget(THREE_DAYS, [], rules({ last: 2 }), NOW).exceedsMaxForget).toBe(false);
    expect(planForget(THREE_DAYS, [], rules({ last: 1 }, { maxForgetShare: 1 }), NOW).exceedsMaxForget).toBe(false);
  });

  it.each([
    ['last', 'oabcdef'],
    ['hourly', 'obcdef'],
    ['daily', 'ocdef'],
    ['weekly', 'oef'],
    ['monthly', 'oef'],
    ['yearly', 'oef'],
  ] as const)('keeps one snapshot of every stretch for an unlimited count of "%s"', (name, kept) => {
    // The oldest; a and b in one hour, c on their day, d and e in their week and month, f in the next year.
    const snapshots = [
      snapshot('o', '2024-01-01T00:00:00Z'),
      snapshot('a', '2025-10-27T10:05:00Z'),
      snapshot('b', '2025-10-27T10:35:00Z'),
      snapshot('c', '2025-10-27T18:00:00Z'),
      snapshot('d', '2025-10-29T18:00:00Z'),
      snapshot('e', '2025-10-31T18:00:00Z'),
      snapshot('f', '2026-01-05T18:00:00Z'),
    ];
    const plan = planForget(snapshots, [], rules({ [name]: -1 }), NOW);
    expect(
      plan.kept
        .map((decision) => decision.snapshot.id)
        .toSorted()
        .join(''),
    ).toBe([...kept].toSorted().join(''));
  });

  it('says when a snapshot stays only because it is the oldest and counts are left', () => {
    const snapshots = [snapshot('a', '2026-11-22T01:00:00Z'), snapshot('b', '2026-11-22T02:00:00Z')];
    expect(reasonsById(snapshots, rules({ daily: 2 }))).toEqual({
      a: 'keep: oldest daily snapshot',
      b: 'keep: daily snapshot',
    });
    expect(reasonsById(snapshots, rules({ daily: 1 }))['a']).toBe('forget: no rule keeps it');
  });

  it('counts days in the zone in which each snapshot was made', () => {
    const snapshots = [
      snapshot('a', '2026-11-20T23:30:00+01:00'),
      snapshot('b', '2026-11-21T00:30:00+01:00'),
      snapshot('c', '2026-11-21T23:30:00+01:00'),
    ];
    expect(reasonsById(snapshots, rules({ daily: 3 }))).toEqual({
      a: 'keep: daily snapshot',
      b: 'forget: no rule keeps it',
      c: 'keep: daily snapshot',
    });
  });

  it('counts periods back from the newest snapshot that is not in the future', () => {
    const snapshots = [...THREE_DAYS, snapshot('future', '2027-06-01T00:00:00Z')];
    expect(reasonsById(snapshots, rules({ within: '1d1h' }))).toEqual({
      a: 'forget: no rule keeps it',
      b: 'keep: within 1d1h',
      c: 'keep: within 1d1h',
      future: 'keep: within 1d1h',
    });
    expect(reasonsById([snapshots[3] as Snapshot], rules({ within: '1h' }))['future']).toBe('keep: within 1h');
  });

  it('tells snapshots apart that are a nanosecond from each other', () => {
    const snapshots = [
      snapshot('a', '2026-11-21T02:00:00.000000001Z'),
      snapshot('b', '2026-11-21T02:00:00.000000002Z'),
      snapshot('c', '2026-11-22T02:00:00.000000001Z'),
    ];
    const plan = reasonsById(snapshots, rules({ within: '1d' }));
    expect(plan['a']).toBe('forget: no rule keeps it');
    expect(plan['b']).toBe('keep: within 1d');
  });

  it('runs over the end of a short month as restic does', () => {
    // One month before 31 March is "31 February": 3 March.
    const snapshots = [
      snapshot('a', '2026-03-02T12:00:00Z'),
      snapshot('b', '2026-03-03T12:00:01Z'),
      snapshot('c', '2026-03-31T12:00:00Z'),
    ];
    const plan = reasonsById(snapshots, rules({ within: '1mo' }));
    expect(plan['a']).toBe('forget: no rule keeps it');
    expect(plan['b']).toBe('keep: within 1mo');
  });

  it('keeps by tags: all of a list, any of the lists, and snapshots without tags by the empty tag', () => {
    const snapshots = [
      snapshot('a', '2026-11-20T02:00:00Z', { tags: ['release', 'shop'] }),
      snapshot('b', '2026-11-21T02:00:00Z', { tags: ['release'] }),
      snapshot('c', '2026-11-22T02:00:00Z'),
    ];
    expect(reasonsById(snapshots, rules({ tags: ['release,shop', ''] }))).toEqual({
      a: 'keep: has tags [release, shop]',
      b: 'forget: no rule keeps it',
      c: 'keep: has tags []',
    });
  });

  it('lets the recorded time of a run correct the clock of the source', () => {
    const recordedAt = new Map([['c', new Date('2026-11-19T02:00:00Z')]]);
    expect(reasonsById(THREE_DAYS, rules({ last: 1 }), [], { recordedAt })).toEqual({
      a: 'forget: no rule keeps it',
      b: 'keep: last snapshot',
      c: 'forget: no rule keeps it',
    });
  });

  it('names a snapshot whose time cannot be read', () => {
    expect(() => planForget([snapshot('a', 'yesterday')], [], rules({ last: 1 }), NOW)).toThrow(
      'the snapshot time "yesterday" is not an RFC 3339 time',
    );
  });
});

describe('groupSnapshots', () => {
  const snapshots = [
    snapshot('a', '2026-11-20T02:00:00Z', { paths: ['/b', '/a'], tags: ['x'] }),
    snapshot('b', '2026-11-21T02:00:00Z', { paths: ['/a', '/b'] }),
    snapshot('c', '2026-11-22T02:00:00Z', { hostname: 'app-00' }),
  ];

  it('groups by host and paths, whatever the order of the paths', () => {
    const groups = groupSnapshots(snapshots);
    expect(groups.map(({ host, paths, snapshots: members }) => [host, paths, members.map(({ id }) => id)])).toEqual([
      ['app-00', ['/srv'], ['c']],
      ['app-01', ['/a', '/b'], ['a', 'b']],
    ]);
  });

  it('groups by tags, and all in one group by nothing', () => {
    expect(groupSnapshots(snapshots, 'tags').map((group) => group.snapshots.length)).toEqual([1, 2]);
    expect(groupSnapshots(snapshots, '')).toEqual([{ snapshots }]);
  });

  it('refuses what cannot be grouped by', () => {
    expect(() => groupSnapshots(snapshots, 'host,size')).toThrow('snapshots cannot be grouped by "size"');
  });
});
