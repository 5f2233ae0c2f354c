/** Objectives on virtual time: the age of recoverable data between backups, and restores of a source that grows. */
import type { Action } from './action.ts';
import { resumesAt } from './expected-runs.ts';
import { sizeAfter, type GrowthModel } from './growth-model.ts';
import type { SimulatedRun } from './simulated-runs.ts';
import type { SimulatedObjective } from './simulation.ts';

const DAY_MS = 86_400_000;

/**
 * The worst age is that of the moment before a backup ends: jitter counts at its longest. Before the first one there is
 * nothing to be old; it must end within the RPO, and counts from the beginning when it does not. Undefined: all backups are suspended without an end.
 */
export function simulateRpo(
  rpoSeconds: number,
  backups: readonly Action[],
  runs: readonly SimulatedRun[],
  from: number,
  to: number,
): SimulatedObjective | undefined {
  const beginning = Math.min(...backups.map((action) => begins(action, from)));
  if (beginning === Number.POSITIVE_INFINITY) return undefined;
  const objective: SimulatedObjective = { objectiveSeconds: rpoSeconds, worstSeconds: 0 };
  const judge = (age: number, at: number, dataAt: number, isNew: boolean): void => {
    const isMissed = age > rpoSeconds * 1000;
    if ((!isNew || isMissed) && age > objective.worstSeconds * 1000) {
      objective.worstSeconds = Math.round(age / 1000);
      objective.worstAt = new Date(at).toISOString();
    }
    if (isMissed && objective.missedAt === undefined)
      objective.missedAt = new Date(dataAt + rpoSeconds * 1000).toISOString();
  };
  let dataAt: number | undefined;
  const good = runs.filter(({ timedOut }) => !timedOut).toSorted((a, b) => a.latestEnd - b.latestEnd);
  for (const { slot, latestEnd } of good) {
    if (latestEnd > to) break;
    judge(latestEnd - (dataAt ?? beginning), latestEnd, dataAt ?? beginning, dataAt === undefined);
    dataAt = Math.max(dataAt ?? slot, slot);
  }
  judge(to - (dataAt ?? beginning), to, dataAt ?? beginning, dataAt === undefined);
  return objective;
}

function begins({ suspended, ...action }: Action, from: number): number {
  if (suspended === undefined) return from;
  return Math.max(from, resumesAt({ ...action, suspended })?.getTime() ?? Number.POSITIVE_INFINITY);
}

/** A restore takes as much longer as the source is larger. */
export function simulateRto(
  rtoSeconds: number,
  measuredSeconds: number,
  model: GrowthModel | undefined,
  from: number,
  days: number,
): SimulatedObjective {
  const secondsOn = (day: number): number =>
    model === undefined || model.sizeBytes === 0
      ? measuredSeconds
      : (measuredSeconds * sizeAfter(model, day * DAY_MS)) / model.sizeBytes;
  const missed = Array.from({ length: days + 1 }, (_, day) => day).find((day) => secondsOn(day) > rtoSeconds);
  return {
    objectiveSeconds: rtoSeconds,
    worstSeconds: Math.round(secondsOn(days)),
    ...(missed === undefined ? {} : { missedAt: new Date(from + missed * DAY_MS).toISOString() }),
  };
}
