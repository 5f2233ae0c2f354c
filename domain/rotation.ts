/** Rotation: which share of many things is this run's turn, so that all have had theirs after a known number of runs. */
import type { Schedule } from './schedule.ts';
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
  if (timing.kind === 'calendar') return timing.day === undefined ? 86_400 : 7 * 86_400;
  for (let days = 2; days <= 800; days *= 4) {
    const slots = slotsBetween(schedule, now, new Date(now.getTime() + days * 86_400_000));
    if (slots.length < 2) continue;
    const gaps = slots.slice(1).map((slot, index) => slot.getTime() - slots[index]!.getTime());
    return Math.max(60, Math.round(Math.min(...gaps) / 1000));
  }
  return 366 * 86_400;
}

/**
 * Spreads names evenly over 0 (included) to 1 (left out), the same always: FNV-1a with the finish of MurmurHash3, 32
 * bits. No protection against names chosen by an enemy is needed: a name that evades one turn meets another.
 */
export function spread(name: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < name.length; index++) {
    hash = Math.imul(hash ^ name.charCodeAt(index), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
}

/**
 * Whether it is the name's turn: turns cut the names into `turns` equal parts, one after the other; a run takes
 * `width` parts from its own on. Every name is taken at least once in any `turns` consecutive runs.
 */
export function isTurnOf(name: string, turn: number, turns: number, width = 1): boolean {
  const part = Math.floor(spread(name) * turns);
  return (part - (turn % turns) + turns) % turns < width;
}

/** Into how many turns a share (0-1) of each run divides everything; 0 when nothing is wanted. */
export function turnsOfShare(share: number): number {
  return share <= 0 ? 0 : Math.max(1, Math.ceil(1 / share - 1e-9));
}
