/** Which of its schedule's slots a run is the run of: after an outage the newest one that was missed. */
import type { Schedule } from './schedule.ts';
import { slotsBetween } from './schedule-slots.ts';
import { longestGapSeconds } from './schedule-gaps.ts';

/** The server's least catch-up window. */
const SHORTEST_CATCHUP_SECONDS = 10;

/** With `missed: all`, slots of this long an outage are made up for. */
export const LONGEST_CATCHUP_SECONDS = 7 * 24 * 3600;

export interface SlotOfRun {
  slot: Date;
  /** Missed slots before it, as far as the engine looked back, and the oldest of them. */
  passedOver: number;
  oldestAt: Date;
}

/**
 * How far back the server looks after an outage: for `latest` far enough to find the newest missed slot, whatever the
 * clocks do (a day without the schedule's hour has none). A window shorter than an interval finds just that one; where
 * it finds more, the server starts the oldest of them, and that run takes the newest one's place (`slotOfRun`).
 */
export function catchupSeconds(schedule: Schedule): number {
  const { missed, timing, jitterSeconds } = schedule;
  if (missed === 'skip') return SHORTEST_CATCHUP_SECONDS;
  if (missed === 'all') return LONGEST_CATCHUP_SECONDS;
  const isRegular = timing.kind === 'interval' && jitterSeconds === 0;
  const gap = longestGapSeconds(schedule);
  return Math.max(SHORTEST_CATCHUP_SECONDS, isRegular ? gap - 1 : 2 * gap + jitterSeconds);
}

/**
 * Of a run that the server started at `startedAt` for the slot `scheduledAt`. One that waited for a worker was started
 * in time, and keeps its slot: what came meanwhile was skipped, and not missed.
 */
export function slotOfRun(schedule: Schedule, scheduledAt: Date, startedAt: Date): SlotOfRun {
  const end = new Date(startedAt.getTime() - schedule.jitterSeconds * 1000 + 1);
  const slots = schedule.missed === 'latest' && end > scheduledAt ? slotsBetween(schedule, scheduledAt, end) : [];
  return { slot: slots.at(-1) ?? scheduledAt, passedOver: Math.max(0, slots.length - 1), oldestAt: scheduledAt };
}
