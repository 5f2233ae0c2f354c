/** The tables of a simulation, for a terminal and for a page: what stands in which column, and what is bad of it. */
import { formatDuration } from '../common/durations.ts';
import { forgetsNoMore } from '../domain/refused-retention.ts';
import type { SimulatedHolding, SimulatedObjective, SimulatedPolicy, Simulation } from '../domain/simulation.ts';
import { count } from './display.ts';

export interface Cell {
  text: string;
  bad?: boolean;
}

export interface SimulationTable {
  columns: { heading: string; align?: 'right' }[];
  rows: Cell[][];
}

export function runsTable({ runs, days }: Simulation): SimulationTable {
  const right = { align: 'right' } as const;
  return {
    columns: [
      { heading: 'Runs' },
      { heading: 'all', ...right },
      { heading: 'a day', ...right },
      { heading: 'most a day', ...right },
      { heading: 'skipped', ...right },
      { heading: 'too long', ...right },
      { heading: 'suspended', ...right },
    ],
    rows: runs.map((kind) => [
      { text: kind.kind },
      { text: String(kind.runs) },
      { text: perDayText(kind.runs / days) },
      { text: String(kind.mostPerDay) },
      { text: String(kind.skipped), bad: kind.skipped > 0 },
      { text: String(kind.timedOut), bad: kind.timedOut > 0 },
      { text: String(kind.suspended) },
    ]),
  };
}

/** Two digits of what is rare. */
function perDayText(number: number): string {
  return number >= 10 ? number.toFixed(0) : String(Number(number.toPrecision(2)));
}

export function policiesTable({ policies }: Simulation): SimulationTable {
  return {
    columns: [
      { heading: 'Policies' },
      { heading: 'class' },
      { heading: 'RPO' },
      { heading: 'worst' },
      { heading: 'missed' },
      { heading: 'repository' },
      { heading: 'snapshots', align: 'right' },
      { heading: 'kept by, at the end' },
    ],
    rows: policies.flatMap(policyRows),
  };
}

function policyRows({ policy, importance = '', rpo, rto, repositories }: SimulatedPolicy): Cell[][] {
  const missed = [missedOn('RPO', rpo), missedOn('RTO', rto)].filter((text) => text !== undefined).join(', ');
  const own: Cell[] = [
    { text: policy },
    { text: importance },
    { text: rpo === undefined ? '-' : formatDuration(rpo.objectiveSeconds) },
    rpo === undefined
      ? { text: '-' }
      : { text: formatDuration(rpo.worstSeconds), bad: rpo.worstSeconds > rpo.objectiveSeconds },
    missed === '' ? { text: 'never' } : { text: missed, bad: true },
  ];
  if (repositories.length === 0) return [[...own, { text: '-' }, { text: '' }, { text: '' }]];
  return repositories.map((holding, index) => [
    ...(index === 0 ? own : own.map(() => ({ text: '' }))),
    { text: holding.repository },
    { text: String(holding.perDay.at(-1) ?? 0) },
    { text: keptBy(holding), bad: holding.refused > 0 },
  ]);
}

function missedOn(name: string, objective: SimulatedObjective | undefined): string | undefined {
  return objective?.missedAt === undefined ? undefined : `${name} ${objective.missedAt.slice(0, 10)}`;
}

/** From often to rare, proofs and what no retention has seen last. */
const ORDER = ['last', 'hourly', 'daily', 'weekly', 'monthly', 'yearly'];

function keptBy({ reasons, refused }: SimulatedHolding): string {
  const rank = (reason: string): number => {
    const index = ORDER.findIndex((rule) => reason.startsWith(rule));
    return index >= 0 ? index : reason === 'new' ? ORDER.length + 1 : ORDER.length;
  };
  const parts = Object.entries(reasons)
    .toSorted(([a], [b]) => rank(a) - rank(b))
    .flatMap(([reason, perDay]) => {
      const number = perDay.at(-1) ?? 0;
      return number === 0 ? [] : [`${reason.replace(/ snapshot$/, '')} ${number}`];
    });
  if (refused > 0) parts.push(`${count(refused, 'retention run')} refused by maxForget`);
  return parts.join(', ');
}

/** Whether objectives are met, in a sentence. */
export function verdictOf({ firstMiss }: Simulation): Cell {
  if (firstMiss === undefined) return { text: 'Every objective is met on every day.' };
  const objective = `${firstMiss.objective.toUpperCase()} of ${firstMiss.policy}`;
  return { text: `The first objective is missed on ${firstMiss.at.slice(0, 10)}: ${objective}.`, bad: true };
}

/** What objectives do not show, and what nobody has to wait for a full disk to see: a sentence each. */
export function remarksOf({ policies, storage }: Simulation): string[] {
  const remarks = policies.flatMap(({ policy, repositories }) =>
    repositories.filter(forgetsNoMore).map(({ repository, forgotten, refusedAtEnd }) => {
      const what =
        forgotten === 0
          ? `never forgets anything: ${count(refusedAtEnd, 'run')}`
          : `forgets nothing any more: its last ${count(refusedAtEnd, 'run')}`;
      return `The retention of ${policy} in ${repository} ${what} would forget more than its maxForget. Raise maxForget, keep more, or run the retention more often.`;
    }),
  );
  const names = storage?.neverPruned ?? [];
  if (names.length > 0) {
    const which =
      names.length === 1 ? `the repository ${names[0]!}` : count(names.length, 'repository', 'repositories');
    remarks.push(
      `Nothing is ever pruned in ${which}: what is forgotten goes on taking space. Add prune: to the document of the repository.`,
    );
  }
  return remarks;
}

/** What was assumed of how long runs take, in a sentence. */
export function assumptionsOf({ assumptions }: Simulation): string {
  const { measuredActions, actions, runSeconds } = assumptions;
  const length = formatDuration(runSeconds);
  if (measuredActions === 0) return `Each run takes ${length}.`;
  const measured = `Runs of ${count(measuredActions, 'action')} take as long as measured`;
  return measuredActions === actions ? `${measured}.` : `${measured}, all others ${length}.`;
}

/** Of several lists of one number a day. */
export function totalPerDay(lists: readonly (readonly number[])[], days: number): number[] {
  return Array.from({ length: days }, (_, day) => lists.reduce((sum, list) => sum + list[day]!, 0));
}
