import { describe, expect, test } from 'vitest';
import { parseAssertion } from '../../domain/simulation-assertions.ts';
import type { Simulation } from '../../domain/simulation.ts';

const kindOf = (kind: 'backup' | 'sync', perDay: number[], skipped = 0) => ({
  kind,
  runs: perDay.reduce((sum, number) => sum + number, 0),
  mostPerDay: Math.max(...perDay),
  skipped,
  timedOut: 0,
  suspended: 0,
  perDay,
});
const policyOf = (policy: string, importance: string, worstSeconds: number, missedAt?: string) => ({
  policy,
  importance,
  rpo: { objectiveSeconds: 7200, worstSeconds, ...(missedAt === undefined ? {} : { missedAt }) },
  skipped: 0,
  repositories: [
    { repository: 'offsite', perDay: [2, 3], reasons: {}, forgotten: 0, refused: 0, refusedAtEnd: 0, kept: [] },
  ],
});
const SIMULATION: Simulation = {
  format: 'holdfast-simulation/1',
  from: '2026-12-01T00:00:00.000Z',
  to: '2026-12-03T00:00:00.000Z',
  days: 2,
  assumptions: { runSeconds: 300, measuredActions: 0, actions: 2 },
  runs: [kindOf('sync', [10, 20], 3), kindOf('backup', [2, 1])],
  policies: [policyOf('orders', 'critical', 3900), policyOf('mail', 'low', 90_000, '2026-12-02T00:00:00.000Z')],
  storage: {
    perDay: [100, 200],
    mostBytes: 200,
    repositories: [{ repository: 'offsite', perDay: [100, 200] }],
    neverPruned: [],
  },
};
const { storage: _, ...WITHOUT_STORAGE } = SIMULATION;

describe('an assertion', () => {
  test.each<[string, boolean, string]>([
    ['worstRpo < 2h', false, 'worstRpo is 1d1h'],
    ['worstRpo(orders) < 2h', true, 'worstRpo(orders) is 1h5m'],
    ['worstRpo(critical)<=65m', true, 'worstRpo(critical) is 1h5m'],
    ['missedObjectives == 1', true, 'missedObjectives is 1'],
    ['snapshots >= 7', false, 'snapshots is 6'],
    ['mostSnapshots(mail) > 2', true, 'mostSnapshots(mail) is 3'],
    ['storage <= 200B', true, 'storage is 200 B'],
    ['storage(offsite) < 1KiB', true, 'storage(offsite) is 200 B'],
    ['runsPerDay != 30', true, 'runsPerDay is 21'],
    ['runs(backup) == 3', true, 'runs(backup) is 3'],
    ['overlaps(backup) == 0', true, 'overlaps(backup) is 0'],
    ['refused == 0 and timeouts == 0', true, 'refused is 0, timeouts is 0'],
    ['overlaps == 0 or runs < 100', true, 'overlaps is 3, runs is 33'],
    // `and` binds more closely.
    ['runs < 100 or overlaps == 0 and runs == 1', true, 'runs is 33, overlaps is 3'],
    ['(runs < 100 or overlaps == 0) and runs == 1', false, 'runs is 33, overlaps is 3'],
    ['not overlaps == 0 and not (runs == 1)', true, 'overlaps is 3, runs is 33'],
  ])('%s', (text, holds, found) => {
    const result = parseAssertion(text).check(SIMULATION);
    expect([result.holds, result.found.join(', ')]).toEqual([holds, found]);
  });

  test('takes the sum of a day for the most of a day', () => {
    expect(parseAssertion('runsPerDay == 21').check(SIMULATION)).toEqual({
      text: 'runsPerDay == 21',
      holds: true,
      found: ['runsPerDay is 21'],
    });
    expect(parseAssertion('runsPerDay(backup) == 2').check(SIMULATION).holds).toBe(true);
  });
});

test.each([
  ['', 'at character 1: a measure is missing'],
  ['worstRp < 2h', 'at character 1: there is no measure "worstRp"'],
  ['toString < 2h', 'at character 1: there is no measure "toString"'],
  ['worstRpo 2h', 'at character 10: "2h" is no comparison'],
  ['worstRpo = 2h', 'at character 10: "=" is no comparison'],
  ['worstRpo <', 'at character 11: a value is missing'],
  ['worstRpo < 2GiB', 'at character 12: worstRpo is a duration, and "2GiB" is none'],
  ['storage < 5m', 'at character 11: storage is a size, and "5m" is none'],
  ['runs < 1h', 'at character 8: runs is a number, and "1h" is none'],
  ['(runs < 1', 'at character 10: a parenthesis is not closed'],
  ['runs() < 1', 'at character 6: the kind is missing'],
  ['runs < 1 runs', 'at character 10: "runs" is not expected here'],
  ['runs < 1 && runs > 2', 'at character 10: "&" is not expected here'],
  ['runs < 1 and', 'at character 13: a measure is missing'],
])('%j is refused: %s', (text, message) => expect(() => parseAssertion(text)).toThrow(message));

test.each([
  ['worstRpo(order) < 1h', 'no policy or class "order"'],
  ['runs(backups) < 1', 'no kind of run "backups"'],
  ['storage(offsit) < 1B', 'no repository "offsit"'],
])('%s names nothing of the simulation', (text, message) =>
  expect(() => parseAssertion(text).check(SIMULATION)).toThrow(message),
);

test('what was not simulated cannot be asserted', () => {
  expect(() => parseAssertion('storage < 1B').check(WITHOUT_STORAGE)).toThrow('cannot say what storage is');
  expect(() => parseAssertion('storage(offsite) < 1B').check(WITHOUT_STORAGE)).toThrow('cannot say');
});
