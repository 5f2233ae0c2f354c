/** What the engine's benchmark says: the machine, who took part, and a table. */
import { cpus, release, totalmem } from 'node:os';
import type { EmptyRepository } from './empty-repository.ts';
import { KINDS } from './program-kinds.ts';
import type { Program } from './programs.ts';
import type { RoundRecord } from './round-records.ts';
import type { Figure, Row } from './summarize-rounds.ts';

const MiB = 1024 * 1024;

export interface EngineReport {
  machine: { processor: string; processors: number; memoryBytes: number; kernel: string; node: string };
  /** How each program makes its key of the password. */
  programs: { name: string; version: string; keyDerivation: string }[];
  scale: number;
  /** How CPU and memory were measured; undefined: they were not. */
  gnuTime: string | undefined;
  rows: Row[];
  rounds: RoundRecord[];
}

export function describeMachine(): EngineReport['machine'] {
  return {
    processor: cpus()[0]?.model ?? 'unknown',
    processors: cpus().length,
    memoryBytes: totalmem(),
    kernel: release(),
    node: process.version,
  };
}

export function describePrograms(programs: Program[], { scrypt }: EmptyRepository): EngineReport['programs'] {
  const { N, r, p } = scrypt;
  return programs.map(({ name, kind, version }) => {
    const keyDerivation = KINDS[kind].keyDerivation ?? `scrypt N=${N} r=${r} p=${p}, of the shared key file`;
    return { name, version, keyDerivation };
  });
}

export function renderReport(report: EngineReport): string {
  const { machine } = report;
  const memory = `${(machine.memoryBytes / 1024 ** 3).toFixed(1)} GiB`;
  const lines = [
    `${machine.processors} × ${machine.processor}, ${memory}, Linux ${machine.kernel}, Node ${machine.node}; scale ${report.scale}, page cache warm`,
    ...report.programs.map(({ name, version, keyDerivation }) => `${name}: ${version}; ${keyDerivation}`),
    report.gnuTime === undefined
      ? 'CPU and peak memory were NOT measured: GNU time is missing (apt install time).'
      : `CPU (user and system) and peak memory by ${report.gnuTime}.`,
    'Ratios are holdfast ÷ the program, round by round: the median (lowest to highest); less than 1 is better.',
    '',
    line([
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
    ]),
    ...report.rows.map(renderRow),
  ];
  return `${lines.join('\n')}\n`;
}

function renderRow({ corpus, operation, program, rounds, medians, ratios }: Row): string {
  const figure = (name: Figure, unit: number, digits: number): string =>
    medians[name] === undefined ? '-' : (medians[name] / unit).toFixed(digits);
  const ratio = (name: Figure): string => ratios[name]?.median.toFixed(2) ?? '';
  const wall = ratios.wallSeconds;
  const spread =
    wall === undefined
      ? ''
      : ` (${wall.lowest.toFixed(2)} to ${wall.highest.toFixed(2)}, ${rounds === 1 ? 'one round' : `${rounds} rounds`})`;
  return line([
    `${corpus} ${operation}`,
    program,
    figure('wallSeconds', 1, 2),
    figure('cpuSeconds', 1, 2),
    figure('peakBytes', MiB, 0),
    figure('storedBytes', MiB, 1),
    `${ratio('wallSeconds')}${spread}`,
    ...(['cpuSeconds', 'peakBytes', 'storedBytes'] as const).map(ratio),
  ]);
}

function line(cells: string[]): string {
  const widths = [16, 14, -8, -8, -9, -11, 33, 6, 6, 6];
  const padded = cells.map((cell, index) => {
    const width = widths[index] ?? 0;
    return width < 0 ? cell.padStart(-width) : cell.padEnd(width);
  });
  return padded.join('  ').trimEnd();
}
