/** What repositories take on virtual time: what snapshots hold, and what nothing holds any more until it is pruned. */
import type { Action, PruneSettings } from './action.ts';
import type { SimulatedRun } from './simulated-runs.ts';
import type { SimulatedStorage } from './simulation.ts';

const DAY_MS = 86_400_000;

/** Of one repository. */
export interface StoredData {
  /** Bytes that snapshots hold at the end of each day. */
  held: number[];
  /** Freed by retention, oldest first. */
  freed: { at: number; bytes: number }[];
}

export interface PruneRuns {
  action: Action;
  runs: readonly SimulatedRun[];
}

export function simulateStorage(
  repositories: ReadonlyMap<string, StoredData>,
  prunes: ReadonlyMap<string, PruneRuns>,
  from: number,
  days: number,
): SimulatedStorage {
  const each = [...repositories].map(([repository, data]) => ({
    repository,
    perDay: storedPerDay(data, prunes.get(repository), from, days),
  }));
  const perDay = Array.from({ length: days }, (_, day) => each.reduce((sum, own) => sum + own.perDay[day]!, 0));
  const neverPruned = [...repositories].flatMap(([name, { freed }]) =>
    freed.length > 0 && !prunes.has(name) ? [name] : [],
  );
  return { perDay, mostBytes: Math.max(0, ...perDay), repositories: each, neverPruned };
}

function storedPerDay({ held, freed }: StoredData, prune: PruneRuns | undefined, from: number, days: number): number[] {
  const settings = prune?.action.settings as PruneSettings | undefined;
  const runs = (prune?.runs ?? []).filter(({ timedOut }) => !timedOut);
  const perDay: number[] = [];
  const events = freed.toSorted((a, b) => a.at - b.at);
  /** Unused data, oldest first; the sum of it. */
  let waiting: { at: number; bytes: number }[] = [];
  let [nextEvent, nextRun] = [0, 0];
  for (let day = 0; day < days; day++) {
    const end = from + (day + 1) * DAY_MS;
    const collect = (until: number): void => {
      while (nextEvent < events.length && events[nextEvent]!.at < until) waiting.push(events[nextEvent++]!);
    };
    for (; nextRun < runs.length && runs[nextRun]!.end < end; nextRun++) {
      const { start } = runs[nextRun]!;
      collect(start);
      waiting = pruned(waiting, settings!, start, held[day]!);
    }
    collect(end);
    perDay.push(held[day]! + sum(waiting));
  }
  return perDay;
}

/** What a prune leaves: data freed too shortly ago, and as much as may stay unused. */
function pruned(
  waiting: { at: number; bytes: number }[],
  { maxUnusedShare, afterSeconds }: PruneSettings,
  now: number,
  heldBytes: number,
): { at: number; bytes: number }[] {
  const young = waiting.filter(({ at }) => at > now - afterSeconds * 1000);
  const old = sum(waiting) - sum(young);
  const tolerated = maxUnusedShare >= 1 ? old : (maxUnusedShare / (1 - maxUnusedShare)) * heldBytes;
  const left = Math.min(old, tolerated);
  return left === 0 ? young : [{ at: 0, bytes: left }, ...young];
}

function sum(waiting: readonly { bytes: number }[]): number {
  return waiting.reduce((total, { bytes }) => total + bytes, 0);
}
