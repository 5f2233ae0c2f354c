/** What the engine's benchmark says, the machine, who took part, the figures, and the targets. */
import type { EmptyRepository } from './empty-repository.ts';
import { renderMachine, type Machine } from './machine.ts';
import { KINDS } from './program-kinds.ts';
import type { Program } from './programs.ts';
import type { ReportDocument, Table } from './report-document.ts';
import type { RoundRecord } from './round-records.ts';
import type { Figure, Row } from './summarize-rounds.ts';
import { conclude, isMissed, type Verdict } from './targets.ts';

const MiB = 1024 * 1024;

export interface EngineReport {
  /** RFC 3339, of the last round. */
  finished: string | undefined;
  machine: Machine;
  /** How each program makes its key of the password. */
  programs: { name: string; version: string; keyDerivation: string }[];
  scale: number;
  /** Whether GNU time is there, which measures CPU and memory: without it they were not measured. */
  hasGnuTime: boolean;
  rows: Row[];
  verdicts: Verdict[];
  rounds: RoundRecord[];
}

export function describePrograms(programs: Program[], { scrypt }: EmptyRepository): EngineReport['programs'] {
  const { N, r, p } = scrypt;
  return programs.map(({ name, kind, version }) => {
    const keyDerivation = KINDS[kind].keyDerivation ?? `scrypt N=${N} r=${r} p=${p}, of the shared key file`;
    return { name, version, keyDerivation };
  });
}

export function documentEngine(report: EngineReport): ReportDocument {
  return {
    title: 'Backup, restore and check beside other programs',
    origin: `Made by \`npm run bench -- engine\`, finished ${report.finished?.slice(0, 10) ?? 'never'}. The single rounds are in the JSON file beside this one.`,
    preface: preface(report),
    sections: [
      { title: 'Figures', table: figureTable(report) },
      { title: 'Targets', table: targetTable(report), conclusion: conclude(report.verdicts, isMissed, report.scale) },
    ],
  };
}

function preface(report: EngineReport): string[] {
  return [
    `${renderMachine(report.machine)}; scale ${report.scale}, page cache warm`,
    ...report.programs.map(({ name, version, keyDerivation }) => `${name}: ${version}; ${keyDerivation}`),
    report.hasGnuTime
      ? 'CPU (user and system) and peak memory are as the kernel counts them (GNU time).'
      : 'CPU and peak memory were NOT measured: GNU time is missing (apt install time).',
    'Figures are medians. Ratios are holdfast ÷ the program, round by round: the median (lowest to highest); less than 1 is better.',
  ];
}

function figureTable({ rows }: EngineReport): Table {
  const head = [
    'operation',
    'program',
    'wall s',
    'CPU s',
    'peak MiB',
    'stored MiB',
    'ratio of wall',
    'CPU',
    'peak',
    'stored',
  ];
  return { head, right: [2, 3, 4, 5, 7, 8, 9], rows: rows.map(figureCells) };
}

function figureCells({ corpus, operation, program, rounds, medians, ratios }: Row): string[] {
  const figure = (name: Figure, unit: number, digits: number): string =>
    medians[name] === undefined ? '-' : (medians[name] / unit).toFixed(digits);
  const ratio = (name: Figure): string => ratios[name]?.median.toFixed(2) ?? '';
  const wall = ratios.wallSeconds;
  const spread =
    wall === undefined
      ? ''
      : ` (${wall.lowest.toFixed(2)} to ${wall.highest.toFixed(2)}, ${rounds === 1 ? 'one round' : `${rounds} rounds`})`;
  return [
    `${corpus} ${operation}`,
    program,
    figure('wallSeconds', 1, 2),
    figure('cpuSeconds', 1, 2),
    figure('peakBytes', MiB, 0),
    figure('storedBytes', MiB, 1),
    `${ratio('wallSeconds')}${spread}`,
    ...(['cpuSeconds', 'peakBytes', 'storedBytes'] as const).map(ratio),
  ];
}

function targetTable({ verdicts }: EngineReport): Table {
  const head = ['operation', 'figure', 'level', 'target', 'is', ''];
  return { head, right: [4], rows: verdicts.map(verdictCells) };
}

const FIGURE_NAMES = { wall: 'wall time', peak: 'peak memory, highest', stored: 'stored size' } as const;

function verdictCells(verdict: Verdict): string[] {
  const { corpus, operation, figure, level, against, limit, value } = verdict;
  const bytes = figure === 'peak';
  const format = (number: number): string => (bytes ? `${(number / MiB).toFixed(0)} MiB` : number.toFixed(2));
  const peer = level === 'must' ? 'restic 0.14' : `the best peer${against === undefined ? '' : `, ${against}`}`;
  return [
    `${corpus} ${operation}`,
    FIGURE_NAMES[figure],
    level,
    bytes ? `≤ ${format(limit)}` : `≤ ${format(limit)} × ${peer}`,
    value === undefined ? '-' : format(value),
    value === undefined ? 'not measured' : isMissed(verdict) ? 'MISSED' : 'reached',
  ];
}
