/** One transfer by each program in turn, and a look whether what was to move has moved. */
import { cpSync, linkSync, mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import type { EmptyRepository } from './empty-repository.ts';
import { measureFolder } from './folder-contents.ts';
import { measureProcess, run } from './measure-process.ts';
import type { Measurement } from './round-records.ts';
import { measureServer } from './server-cost.ts';
import { FILE, type Mover } from './transfer-programs.ts';
import type { Site } from './transfer-servers.ts';
import type { ServerKind, Transfer } from './transfer-workload.ts';

export interface TransferTask {
  work: string;
  transfer: Transfer;
  site: Site;
  movers: Mover[];
  /** What is sent, or backed up: a file or a folder of this machine. What is got is a copy of it. */
  source: string;
  empty: EmptyRepository;
  gnuTime: string | undefined;
  say: (line: string) => void;
}

/** One round of all transfers of one kind to one server. */
export interface TransferRound {
  server: ServerKind;
  transfer: Transfer;
  /** From 1. */
  round: number;
  /** The machine's, of one minute, before the round: more than a little says that others were at work. */
  loadAverage: number;
  measurements: Measurement[];
}

/** Another program begins each round, so that none always has the same one before it. */
export function runTransfer(task: TransferTask, round: number): Measurement[] {
  const movers = task.movers.filter(({ transfers }) => transfers.includes(task.transfer));
  const first = (round - 1) % movers.length;
  return [...movers.slice(first), ...movers.slice(0, first)].map((mover) => moveOnce(task, mover, round));
}

function moveOnce(task: TransferTask, mover: Mover, round: number): Measurement {
  const { work, transfer, site, source, empty, gnuTime, say } = task;
  const home = path.join(work, 'transfer-home');
  rmSync(home, { recursive: true, force: true });
  mkdirSync(home, { recursive: true });
  const name = `${transfer}-${mover.name}-${round}`;
  const isGet = transfer.endsWith('get');
  const place = isGet ? path.join(home, FILE) : source;
  prepareThere(task, name);
  // What others have written goes to the disk now, and not while this one is measured.
  run({ file: 'sync', args: [] });
  const command = mover.command({ transfer, site, place, name, empty, home });
  const { result: cost, seconds } = measureServer(site.pid(), () => measureProcess(command, gnuTime));
  say(`  ${site.kind} ${transfer} ${mover.name} ${cost.wallSeconds.toFixed(2)} s`);
  demandMoved(task, name, place, mover.name);
  // Small files stay until the servers end: ext4 is slow for minutes after many were removed.
  if (transfer.endsWith('put') || isGet) rmSync(site.folderOf(name), { recursive: true });
  rmSync(home, { recursive: true });
  return { program: mover.name, operation: transfer, ...cost, serverCpuSeconds: seconds };
}

/** The server runs on this machine: what has to be there is put there directly. */
function prepareThere({ transfer, site, source, empty }: TransferTask, name: string): void {
  if (site.kind !== 'sftp') return;
  const folder = site.folderOf(name);
  if (transfer === 'backup') cpSync(empty.folder, folder, { recursive: true });
  else mkdirSync(folder);
  if (transfer.endsWith('get')) linkSync(source, path.join(folder, FILE));
}

/** A program that left something out would only seem fast. */
function demandMoved({ transfer, site, source }: TransferTask, name: string, place: string, program: string): void {
  const folder = site.folderOf(name);
  switch (transfer) {
    case 'backup':
      if (measureFolder(path.join(folder, 'snapshots')).files !== 1) throw new Error(`${program} saved no snapshot.`);
      return;
    case 'files': {
      const [wanted, found] = [measureFolder(source), measureFolder(folder)];
      if (wanted.files === found.files && wanted.bytes === found.bytes) return;
      const told = `${found.files} files of ${found.bytes} bytes instead of ${wanted.files} of ${wanted.bytes}`;
      throw new Error(`${program} sent ${told}.`);
    }
    default:
      run({ file: 'cmp', args: [source, transfer.endsWith('get') ? place : path.join(folder, FILE)] });
  }
}
