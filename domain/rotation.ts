/** Rotation: the number of a schedule's run, by which runs take turns (`turns.ts`), so that all is done after a known number of them. */
import type { CalendarTiming, Schedule } from './schedule.ts';
import { slotsBetween } from './schedule-slots.ts';

/** A Monday at midnight UTC; turns count from the schedule's first slot after it. */
const ANCHOR = new Date('2024-01-01T00:00:00Z');
const SEARCH_STEPS = 6;

/**
 * The number of the schedule's latest slot at `now`, counted in steps of `everySeconds` from a fixed day: consecutive
 * runs get consecutive numbers, whatever their delay, over changes of daylight saving time too. Runs between two slots
 * (by hand) share the number of the earlier one.
 */
export function turnAt(schedule: Schedule, everySeconds: number, now: Date): number {
  const every = everySeconds * 1000;
  const latest = latestSlot(schedule, every, now);
  const first = slotsBetween(schedule, ANCHOR, new Date(ANCHOR.getTime() + 2 * every))[0] ?? ANCHOR;
  return Math.max(0, Math.round((latest.getTime() - first.getTime()) / every));
}

/** A cron expression may have long gaps: the search widens. Without any slot the time itself counts. */
function latestSlot(schedule: Schedule, every: number, now: Date): Date {
  let reach = 2 * every;
  for (let step = 0; step < SEARCH_STEPS; step++, reach *= 2) {
    const slot = slotsBetween(schedule, new Date(now.getTime() - reach), new Date(now.getTime() + 1)).at(-1);
    if (slot !== undefined) return slot;
  }
  return now;
}

/** How long one turn of a schedule lasts; of cron the shortest gap among its next slots after `now`. */
export function intervalSeconds(schedule: Schedule, now: Date): number {
  const { timing } = schedule;
  if (timing.kind === 'interval') return timing.everySeconds;
  if (timing.kind === 'calendar') return daysBetween(timing) * 86_400;
  for (let days = 2; days <= 800; days *= 4) {
    const slots = slotsBetween(schedule, now, new Date(now.getTime() + days * 86_400_000));
    if (slots.length < 2) continue;
    const gaps = slots.slice(1).map((slot, index) => slot.getTime() - slots[index]!.getTime());
    return Math.max(60, Math.round(Math.min(...gaps) / 1000));
  }
  return 366 * 86_400;
}

/** How many local days apart the runs of a calendar are. */
export function daysBetween({ day, days }: CalendarTiming): number {
  return days?.every ?? (day === undefined ? 1 : 7);
}
