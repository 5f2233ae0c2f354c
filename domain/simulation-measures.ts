/** What can be asserted of a simulation: its measures by name, each of all policies or of some. */
import type { Simulation, SimulatedPolicy } from './simulation.ts';

/** What a value counts: literals of the same kind can be compared with it. */
export type MeasureUnit = 'duration' | 'size' | 'number';

export interface Measure {
  unit: MeasureUnit;
  /** Of what one can be asked for: `worstRpo(orders)`, `runs(backup)`. */
  of: 'policy' | 'kind' | 'repository' | 'nothing';
  description: string;
  /** Seconds, bytes or a number; undefined where the simulation cannot say. */
  valueOf(simulation: Simulation, selected: Selection): number | undefined;
}

/** What the word in parentheses names: nothing is left out without one. */
export interface Selection {
  policies: SimulatedPolicy[];
  name?: string;
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);
const kindsOf = ({ runs }: Simulation, name: string | undefined) =>
  runs.filter(({ kind }) => name === undefined || kind === name);
const holdingsOf = ({ policies }: Selection) => policies.flatMap(({ repositories }) => repositories);

export const MEASURES: Readonly<Record<string, Measure>> = {
  worstRpo: {
    unit: 'duration',
    of: 'policy',
    description: 'the oldest that the newest recoverable data becomes',
    valueOf: (_, { policies }) => maximum(policies.flatMap(({ rpo }) => rpo?.worstSeconds ?? [])),
  },
  missedObjectives: {
    unit: 'number',
    of: 'policy',
    description: 'policies that miss an objective',
    valueOf: (_, { policies }) =>
      policies.filter(({ rpo, rto }) => rpo?.missedAt !== undefined || rto?.missedAt !== undefined).length,
  },
  snapshots: {
    unit: 'number',
    of: 'policy',
    description: 'snapshots at the end',
    valueOf: (_, selected) => sum(holdingsOf(selected).map(({ perDay }) => perDay.at(-1) ?? 0)),
  },
  mostSnapshots: {
    unit: 'number',
    of: 'policy',
    description: 'snapshots of the policy and repository that has the most, on any day',
    valueOf: (_, selected) => maximum(holdingsOf(selected).flatMap(({ perDay }) => perDay)) ?? 0,
  },
  refused: {
    unit: 'number',
    of: 'policy',
    description: 'retention runs refused because of maxForget',
    valueOf: (_, selected) => sum(holdingsOf(selected).map(({ refused }) => refused)),
  },
  storage: {
    unit: 'size',
    of: 'repository',
    description: 'the most that is stored on any day',
    valueOf: ({ storage }, { name }) =>
      name === undefined
        ? storage?.mostBytes
        : maximum(storage?.repositories.find(({ repository }) => repository === name)?.perDay ?? []),
  },
  runs: {
    unit: 'number',
    of: 'kind',
    description: 'runs',
    valueOf: (simulation, { name }) => sum(kindsOf(simulation, name).map(({ runs }) => runs)),
  },
  runsPerDay: {
    unit: 'number',
    of: 'kind',
    description: 'runs of the day that has the most',
    valueOf: (simulation, { name }) => {
      const kinds = kindsOf(simulation, name);
      return (
        maximum(Array.from({ length: simulation.days }, (_, day) => sum(kinds.map(({ perDay }) => perDay[day]!)))) ?? 0
      );
    },
  },
  overlaps: {
    unit: 'number',
    of: 'kind',
    description: 'runs skipped because the one before was still going on',
    valueOf: (simulation, { name }) => sum(kindsOf(simulation, name).map(({ skipped }) => skipped)),
  },
  timeouts: {
    unit: 'number',
    of: 'kind',
    description: 'runs ended because they took too long',
    valueOf: (simulation, { name }) => sum(kindsOf(simulation, name).map(({ timedOut }) => timedOut)),
  },
};

function maximum(numbers: readonly number[]): number | undefined {
  return numbers.length === 0 ? undefined : numbers.reduce((most, number) => Math.max(most, number));
}
