import fc from 'fast-check';
import { expect, test } from 'vitest';
import { findRefusedRetention, forgetsNoMore } from '../../domain/refused-retention.ts';
import { resolveSchedule } from '../../domain/resolve-schedule.ts';
import type { Schedule } from '../../domain/schedule.ts';
import { slotTimes } from '../../domain/schedule-slots.ts';
import { SimulatedRepository } from '../../domain/simulated-repository.ts';
import type { KeepRules } from '../../domain/action.ts';

const DAY = 86_400_000;

function schedule(every: string, actionId: string): Schedule {
  return resolveSchedule({ every }, { every, timezone: 'UTC', actionId });
}

/** The life of a repository, all runs of both in turn, from some hours after a time of the retention. */
function live(
  backup: Schedule,
  retention: Schedule,
  keep: KeepRules,
  maxForgetShare: number,
  hours = 0,
): SimulatedRepository {
  const repository = new SimulatedRepository('offsite', []);
  const [slot] = slotTimes(retention, Date.UTC(2027, 4, 5), Date.UTC(2027, 5, 5));
  const from = slot! + 1 + hours * 3_600_000;
  const to = from + 150 * DAY;
  const events = [
    ...[...slotTimes(backup, from, to)].map((at) => ({ at, happen: () => repository.add(at) })),
    ...[...slotTimes(retention, from, to)].map((at) => ({
      at,
      happen: () => repository.forget({ rules: { keep, proven: 0, maxForgetShare } }, at),
    })),
  ];
  for (const { happen } of events.sort((a, b) => a.at - b.at)) happen();
  return repository;
}

const KEEPS = fc.constantFrom<KeepRules>(
  { last: 1 },
  { last: 20 },
  { hourly: 48, daily: 30 },
  { daily: 7 },
  { daily: 30, monthly: 3 },
  { weekly: 4 },
  { within: '5d' },
  { withinDaily: '30d' },
);

test('who is told that nothing is forgotten has a life without it, and one with what is told to write', () => {
  const told = { yes: 0, no: 0 };
  fc.assert(
    fc.property(
      fc.constantFrom('1h', '6h', '1d'),
      fc.constantFrom('1d', '7d', '14d'),
      KEEPS,
      fc.constantFrom(0.1, 0.5, 0.9),
      fc.nat(100),
      fc.nat(23),
      (backupEvery, retentionEvery, keep, maxForgetShare, turn, hours) => {
        const [backup, retention] = [schedule(backupEvery, `b${turn}`), schedule(retentionEvery, `r${turn}`)];
        const rules = { keep, proven: 1, maxForgetShare };
        const refused = findRefusedRetention({ backup, tags: [], retention, rules });
        // Whether a first run that has less to forget is refused may depend on when it comes: that is not told.
        const lived = live(backup, retention, keep, maxForgetShare, refused === undefined ? 0 : hours);
        told[refused === undefined ? 'no' : 'yes']++;
        expect(forgetsNoMore(lived), JSON.stringify({ rules, backupEvery, retentionEvery })).toBe(
          refused !== undefined,
        );
        if (refused === undefined) return;
        const mended = live(backup, retention, keep, Math.ceil(refused.neededShare * 100) / 100);
        expect([mended.forgotten > 0, forgetsNoMore(mended)]).toEqual([true, false]);
      },
    ),
    { seed: 20261130, numRuns: 400 },
  );
  expect(Math.min(told.yes, told.no)).toBeGreaterThan(50);
});

test('the first run with something to forget is told', () => {
  const rules = { keep: { last: 2 }, proven: 1, maxForgetShare: 0.2 };
  const played = { backup: schedule('1d', 'b'), tags: [], retention: schedule('7d', 'r'), rules };
  expect(findRefusedRetention(played)).toMatchObject({ going: 5, snapshots: 7 });
  expect(findRefusedRetention({ ...played, rules: { ...rules, maxForgetShare: 0.8 } })).toBeUndefined();
});
