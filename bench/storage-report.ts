/** What the benchmark of remote locations says: the machine, servers and programs, the figures, and the targets. */
import path from 'node:path';
import { findOnPath } from './find-on-path.ts';
import { run } from './measure-process.ts';
import { renderMachine, type Machine } from './machine.ts';
import type { ReportDocument, Table } from './report-document.ts';
import { isTransferMissed, type TransferVerdict } from './storage-targets.ts';
import type { TransferRound } from './run-transfer.ts';
import type { Figure, Row } from './summarize-rounds.ts';
import { conclude } from './targets.ts';
import type { Mover } from './transfer-programs.ts';
import type { Site } from './transfer-servers.ts';
import type { ServerKind } from './transfer-workload.ts';

const MiB = 1024 * 1024;

export interface StorageReport {
  /** RFC 3339. */
  finished: string;
  machine: Machine;
  programs: { name: string; version: string }[];
  servers: { kind: ServerKind; version: string; isInMemory: boolean }[];
  scrypt: { N: number; r: number; p: number };
  scale: number;
  /** Whether GNU time is there, which measures CPU and memory: without it they were not measured. */
  hasGnuTime: boolean;
  rows: Row[];
  verdicts: TransferVerdict[];
  rounds: TransferRound[];
}

export function describeMovers(movers: Mover[]): StorageReport['programs'] {
  return movers.map(({ name, version }) => ({ name, version }));
}

/** Servers that were built by Go do not tell their version; Go does, where it is there. */
export function describeServer({ kind, program, isInMemory }: Site): StorageReport['servers'][number] {
  if (kind === 'sftp') {
    const said = run({ file: 'sh', args: ['-c', '"$1" -V 2>&1; true', 'sh', program] });
    return { kind, isInMemory, version: /OpenSSH[^\n,]*/.exec(said)?.[0] ?? path.basename(program) };
  }
  const go = findOnPath('go');
  const built = go === undefined ? '' : run({ file: go, args: ['version', '-m', program] });
  const version = `${path.basename(program)} ${/^\s*mod\s+\S+\s+(\S+)/m.exec(built)?.[1] ?? ''}`.trim();
  return { kind, isInMemory, version };
}

export function documentStorage(report: StorageReport): ReportDocument {
  return {
    title: 'Transfers to remote locations beside other programs',
    origin: `Made by \`npm run bench -- storage\`, finished ${report.finished.slice(0, 10)}. The single rounds are in the JSON file beside this one.`,
    preface: preface(report),
    sections: [
      { title: 'Figures', table: figureTable(report) },
      {
        title: 'Targets',
        table: targetTable(report),
        conclusion: conclude(report.verdicts, isTransferMissed, report.scale),
      },
    ],
  };
}

function preface({ machine, scale, programs, servers, scrypt, hasGnuTime }: StorageReport): string[] {
  const { N, r, p } = scrypt;
  return [
    `${renderMachine(machine)}; scale ${scale}, page cache warm; servers on loopback, on the same processors`,
    ...servers.map(({ kind, version, isInMemory }) => {
      const place =
        kind !== 'gcs' ? '' : `, its objects ${isInMemory ? 'in memory' : 'on a disk, which all clients wait for'}`;
      return `server for ${kind}: ${version}${place}`;
    }),
    ...programs.map(({ name, version }) => `${name}: ${version}`),
    `Repositories are opened with scrypt N=${N} r=${r} p=${p}, of a shared key file. The SSH account has SFTP alone: on one with a shell rclone runs a hash command for each file by default, and is far slower. versitygw keeps its connections (--keep-alive), as S3's own service does. fake-gcs-server syncs one object after the other, as Google's service does not: where this machine has a file system in memory, its objects lie there.`,
    'Only holdfast has the server bring each file to its disk (fsync) before it counts as written.',
    hasGnuTime
      ? 'CPU (user and system) and peak memory are of the client, as the kernel counts them (GNU time).'
      : 'CPU and peak memory were NOT measured: GNU time is missing (apt install time).',
    'Server CPU is of the server and its processes in the same time. On the same processors a transfer takes at least the sum of both, divided by their number.',
    'Figures are medians. Speed is that of holdfast as a multiple of the program’s, round by round: the median (lowest to highest); more than 1 is better.',
  ];
}

function figureTable({ rows }: StorageReport): Table {
  const head = ['transfer', 'program', 'wall s', 'CPU s', 'server CPU s', 'peak MiB', 'speed', 'rounds'];
  return { head, right: [2, 3, 4, 5, 7], rows: rows.map(figureCells) };
}

function figureCells({ corpus, operation, program, rounds, medians, highest, ratios }: Row): string[] {
  const figure = (name: Figure, digits: number): string => medians[name]?.toFixed(digits) ?? '-';
  const wall = ratios.wallSeconds;
  return [
    `${corpus} ${operation}`,
    program,
    figure('wallSeconds', 2),
    figure('cpuSeconds', 2),
    figure('serverCpuSeconds', 2),
    highest.peakBytes === undefined ? '-' : (highest.peakBytes / MiB).toFixed(0),
    wall === undefined ? '' : `${speed(wall.median)} (${speed(wall.highest)} to ${speed(wall.lowest)})`,
    String(rounds),
  ];
}

function speed(ratio: number): string {
  return (1 / ratio).toFixed(2);
}

function targetTable({ verdicts }: StorageReport): Table {
  const head = ['transfer', 'figure', 'level', 'target', 'is', ''];
  return { head, right: [4], rows: verdicts.map(verdictCells) };
}

const FIGURE_NAMES = { speed: 'speed', wall: 'wall time', peak: 'peak memory, highest' } as const;

function verdictCells(verdict: TransferVerdict): string[] {
  const { server, transfer, figure, level, against = 'any peer', limit, value } = verdict;
  const format = (number: number): string =>
    figure === 'peak' ? `${(number / MiB).toFixed(0)} MiB` : number.toFixed(2);
  const sign = figure === 'speed' ? '≥' : '≤';
  return [
    `${server} ${transfer}`,
    FIGURE_NAMES[figure],
    level,
    figure === 'peak' ? `${sign} ${format(limit)}` : `${sign} ${format(limit)} × ${against}`,
    value === undefined ? '-' : format(value),
    value === undefined ? 'not measured' : isTransferMissed(verdict) ? 'MISSED' : 'reached',
  ];
}
