/** A simulation as a page that needs nothing but itself. */
import { formatBytes } from '../common/sizes.ts';
import type { AssertionResult } from '../domain/simulation-assertions.ts';
import type { SimulatedPolicy, Simulation } from '../domain/simulation.ts';
import { count } from './display.ts';
import { areaChart, escapeHtml, htmlPage, htmlTable } from './html-page.ts';
import {
  assumptionsOf,
  policiesTable,
  remarksOf,
  runsTable,
  totalPerDay,
  verdictOf,
  type Cell,
  type SimulationTable,
} from './simulation-tables.ts';

/** Snapshots listed of each policy and repository. */
const MAX_LISTED = 300;

export function renderSimulationPage(simulation: Simulation, assertions: readonly AssertionResult[]): string {
  const { from, to, days, policies, storage, runs, assumptions } = simulation;
  const title = `Simulation of ${count(days, 'day')} from ${from.slice(0, 10)}`;
  const who = `${count(policies.length, 'policy', 'policies')}, ${count(assumptions.actions, 'action')}`;
  const chart = (values: readonly number[], format: (value: number) => string): string =>
    areaChart(values, from.slice(0, 10), to.slice(0, 10), format);
  const holdings = policies.flatMap(({ repositories }) => repositories.map(({ perDay }) => perDay));
  const verdict = verdictOf(simulation);
  const body = [
    `<h1>${title}</h1>`,
    `<p class="dim">${who}. ${assumptionsOf(simulation)} Days are those of UTC.</p>`,
    `<p class="${verdict.bad === true ? 'bad' : 'good'}">${escapeHtml(verdict.text)}</p>`,
    ...assertions.map(assertionLine),
    '<h2>Runs a day</h2>',
    chart(
      totalPerDay(
        runs.map(({ perDay }) => perDay),
        days,
      ),
      String,
    ),
    tableOf(runsTable(simulation)),
    '<h2>Snapshots at the end of each day</h2>',
    chart(totalPerDay(holdings, days), String),
    ...(storage === undefined ? [] : ['<h2>Storage</h2>', chart(storage.perDay, formatBytes)]),
    ...remarksOf(simulation).map((remark) => `<p class="bad">${escapeHtml(remark)}</p>`),
    '<h2>Policies</h2>',
    tableOf(policiesTable(simulation)),
    '<h2>What stays, and why</h2>',
    ...policies.flatMap(keptLists),
  ];
  return htmlPage(title, body.join('\n'));
}

function assertionLine({ text, holds, found }: AssertionResult): string {
  const word = `<span class="${holds ? 'good' : 'bad'}">${holds ? 'true' : 'false'}</span>`;
  return `<p>${word} <code>${escapeHtml(text)}</code> <span class="dim">${escapeHtml(found.join(', '))}</span></p>`;
}

function tableOf({ columns, rows }: SimulationTable): string {
  return htmlTable(
    columns.map(({ heading, align }, index) => ({
      heading,
      ...(align === 'right' ? { className: 'number' } : index === columns.length - 1 ? { className: 'long' } : {}),
    })),
    rows.map((row) => row.map(cellOf)),
  );
}

function cellOf({ text, bad }: Cell): string {
  return bad === true ? `<span class="bad">${escapeHtml(text)}</span>` : escapeHtml(text);
}

function keptLists({ policy, repositories }: SimulatedPolicy): string[] {
  return repositories.map(({ repository, kept }) => {
    const rows = kept
      .slice(0, MAX_LISTED)
      .map(({ time, reasons }) => [`${time.slice(0, 10)} ${time.slice(11, 16)}Z`, escapeHtml(reasons.join(', '))]);
    const left = kept.length - rows.length;
    const more = left === 0 ? '' : `<p class="dim">and ${left} older ones</p>`;
    const title = `${escapeHtml(policy)} in ${escapeHtml(repository)}: ${count(kept.length, 'snapshot')} at the end`;
    const table = htmlTable([{ heading: 'made' }, { heading: 'kept by', className: 'long' }], rows);
    return `<details><summary>${title}</summary>${table}${more}</details>`;
  });
}
