/** A simulation for a terminal: charts over the days, runs by kind, and each policy's objectives and snapshots. */
import { formatBytes } from '../common/sizes.ts';
import type { AssertionResult } from '../domain/simulation-assertions.ts';
import type { Simulation } from '../domain/simulation.ts';
import type { Style } from './command.ts';
import { count } from './display.ts';
import {
  assumptionsOf,
  policiesTable,
  remarksOf,
  runsTable,
  totalPerDay,
  verdictOf,
  type SimulationTable,
} from './simulation-tables.ts';
import { renderTable } from './table.ts';

const CHART_WIDTH = 60;
const BESIDE_CHART = 50;
const BARS = '▁▂▃▄▅▆▇█';

/** Lines; `columns` cuts those that are longer. */
export function renderSimulation(
  simulation: Simulation,
  assertions: readonly AssertionResult[],
  style: Style,
  columns?: number,
): string[] {
  const { days, from, policies, assumptions } = simulation;
  const what = [count(days, 'day'), `from ${from.slice(0, 10)} in UTC`].join(' ');
  const who = `${count(policies.length, 'policy', 'policies')}, ${count(assumptions.actions, 'action')}`;
  const verdict = verdictOf(simulation);
  return [
    `${style.bold(`Simulation of ${what}`)}: ${who}. ${assumptionsOf(simulation)}`,
    verdict.bad === true ? style.bad(verdict.text) : style.good(verdict.text),
    '',
    ...charts(simulation, columns),
    ...remarksOf(simulation).map((remark) => style.warning(remark)),
    '',
    ...renderSimulationTable(runsTable(simulation), style, columns),
    ...(policies.length === 0 ? [] : ['', ...renderSimulationTable(policiesTable(simulation), style, columns)]),
    ...(assertions.length === 0 ? [] : ['', ...assertions.map((result) => renderAssertion(result, style))]),
  ];
}

function charts({ days, runs, policies, storage, from, to }: Simulation, columns: number | undefined): string[] {
  const holdings = policies.flatMap(({ repositories }) => repositories);
  const rows: [string, number[], (value: number) => string][] = [
    [
      'runs a day',
      totalPerDay(
        runs.map(({ perDay }) => perDay),
        days,
      ),
      String,
    ],
    [
      'snapshots',
      totalPerDay(
        holdings.map(({ perDay }) => perDay),
        days,
      ),
      String,
    ],
  ];
  if (storage !== undefined) rows.push(['storage', storage.perDay, formatBytes]);
  const width = Math.max(10, Math.min(CHART_WIDTH, (columns ?? CHART_WIDTH + BESIDE_CHART) - BESIDE_CHART));
  return renderTable(
    [{ heading: '' }, { heading: `${from.slice(0, 10)} to ${to.slice(0, 10)}` }, { heading: '' }],
    rows.map(([name, values, format]) => [
      name,
      sparkline(values, width),
      `${format(Math.min(...values))} to ${format(Math.max(...values))}, last ${format(values.at(-1) ?? 0)}`,
    ]),
    columns,
  );
}

/** One character for each part of the days, as high as its highest value. */
export function sparkline(values: readonly number[], width: number): string {
  const most = Math.max(...values);
  const parts = Math.min(width, values.length);
  return Array.from({ length: parts }, (_, part) => {
    const [from, to] = [part, part + 1].map((edge) => Math.floor((edge * values.length) / parts)) as [number, number];
    const share = most === 0 ? 0 : Math.max(...values.slice(from, to)) / most;
    return BARS[Math.round(share * (BARS.length - 1))];
  }).join('');
}

function renderSimulationTable({ columns, rows }: SimulationTable, style: Style, width: number | undefined): string[] {
  const [first, ...rest] = columns;
  return renderTable(
    [{ ...first!, heading: style.bold(first!.heading) }, ...rest],
    rows.map((row) => row.map(({ text, bad }) => (bad === true ? style.bad(text) : text))),
    width,
  );
}

function renderAssertion({ text, holds, found }: AssertionResult, style: Style): string {
  return `${holds ? style.good('true ') : style.bad('false')}  ${text}  (${found.join(', ')})`;
}
