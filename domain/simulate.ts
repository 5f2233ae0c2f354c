/** Plays policies on virtual time: the real schedules, the real retention, a model of how long runs take and how data grows. */
import { ACTION_ORDER, type Action, type ActionKind } from './action.ts';
import type { GrowthModel } from './growth-model.ts';
import { simulatePolicy, type PlayedAction } from './simulate-policy.ts';
import { simulateRuns, type SimulatedRun } from './simulated-runs.ts';
import { simulateStorage, type PruneRuns, type StoredData } from './simulated-storage.ts';
import type { SimulatedKind, SimulatedPolicy, Simulation } from './simulation.ts';

const DAY_MS = 86_400_000;
/** Their runs are more than counted. */
const PLAYED: ReadonlySet<ActionKind> = new Set(['backup', 'copy', 'retention', 'restore-test', 'prune']);

export interface SimulationInput {
  actions: readonly Action[];
  /** Nothing is there yet, and each policy is in force. */
  from: Date;
  days: number;
  /** How long a run takes whose length was not measured. */
  runSeconds: number;
  /** By action id, where it was. */
  measuredRunSeconds?: ReadonlyMap<string, number>;
  /** By policy; absent: storage is not simulated. */
  growth?: (policy: string) => GrowthModel | undefined;
  /** By policy: what a restore of everything took. */
  restoreSeconds?: ReadonlyMap<string, number>;
}

/** Pure: equal inputs give equal simulations. */
export function simulate(input: SimulationInput): Simulation {
  const { actions, days, runSeconds, measuredRunSeconds = new Map<string, number>() } = input;
  const from = input.from.getTime();
  const kinds = new Map<ActionKind, SimulatedKind>();
  const prunes = new Map<string, PruneRuns>();
  const stored = new Map<string, StoredData>();
  const policies: SimulatedPolicy[] = [];
  // Policy by policy: only what one of them does has to be remembered at a time.
  for (const [policy, own] of Map.groupBy(actions, (action) => action.policy)) {
    const played = own.map((action) => playAction(action, input, kindOf(kinds, action.kind, days)));
    for (const { action, runs } of played)
      if (action.settings.kind === 'prune') prunes.set(action.settings.repository.name, { action, runs });
    if (policy === undefined) continue;
    const growth = input.growth?.(policy);
    const restoreSeconds = input.restoreSeconds?.get(policy);
    policies.push(simulatePolicy({ policy, actions: played, from, days, growth, restoreSeconds }, stored));
  }
  for (const kind of kinds.values()) kind.mostPerDay = Math.max(0, ...kind.perDay);
  for (const { held } of stored.values()) for (let day = 0; day < days; day++) held[day] ??= 0;
  const first = firstMiss(policies);
  return {
    format: 'holdfast-simulation/1',
    from: input.from.toISOString(),
    to: new Date(from + days * DAY_MS).toISOString(),
    days,
    assumptions: {
      runSeconds,
      measuredActions: actions.filter(({ id }) => measuredRunSeconds.has(id)).length,
      actions: actions.length,
    },
    runs: ACTION_ORDER.flatMap((kind) => kinds.get(kind) ?? []),
    policies,
    ...(stored.size === 0 ? {} : { storage: simulateStorage(stored, prunes, from, days) }),
    ...(first === undefined ? {} : { firstMiss: first }),
  };
}

/** Counts its runs in `kind`; the runs themselves are handed back where more than their number matters. */
function playAction(action: Action, input: SimulationInput, kind: SimulatedKind): PlayedAction {
  const from = input.from.getTime();
  const runs: SimulatedRun[] = [];
  const isPlayed = PLAYED.has(action.kind);
  const runSeconds = input.measuredRunSeconds?.get(action.id) ?? input.runSeconds;
  const { skipped, suspended } = simulateRuns(action, from, from + input.days * DAY_MS, runSeconds, (run) => {
    kind.runs++;
    kind.perDay[Math.floor((run.slot - from) / DAY_MS)]!++;
    if (run.timedOut) kind.timedOut++;
    if (isPlayed) runs.push(run);
  });
  kind.skipped += skipped;
  kind.suspended += suspended;
  return { action, runs, skipped };
}

function kindOf(kinds: Map<ActionKind, SimulatedKind>, kind: ActionKind, days: number): SimulatedKind {
  let known = kinds.get(kind);
  if (known === undefined) {
    const perDay = Array.from({ length: days }, () => 0);
    known = { kind, runs: 0, mostPerDay: 0, skipped: 0, timedOut: 0, suspended: 0, perDay };
    kinds.set(kind, known);
  }
  return known;
}

function firstMiss(policies: readonly SimulatedPolicy[]): Simulation['firstMiss'] {
  const misses = policies.flatMap(({ policy, rpo, rto }) =>
    (
      [
        ['rpo', rpo?.missedAt],
        ['rto', rto?.missedAt],
      ] as const
    ).flatMap(([objective, at]) => (at === undefined ? [] : [{ policy, objective, at }])),
  );
  return misses.toSorted((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0))[0];
}
