/** Runs a program and says what it cost: wall time by our clock, CPU and peak memory by GNU time, which asks the kernel (wait4). */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { findOnPath } from './find-on-path.ts';

export interface Command {
  file: string;
  args: string[];
  /** Added to this process's. */
  environment?: Record<string, string>;
  directory?: string;
}

export interface Cost {
  wallSeconds: number;
  /** User and system, of the program and the children it waited for; resolution 10 ms. Absent without GNU time. */
  cpuSeconds?: number;
  /** The most that was resident, of the largest process. Absent without GNU time. */
  peakBytes?: number;
}

/**
 * The path of GNU time. Node cannot ask the kernel what a child cost, and a child of Node itself would inherit
 * Node's own peak; GNU time is small and waits for one program.
 */
export function findGnuTime(): string | undefined {
  const file = findOnPath('time');
  const answer = file === undefined ? undefined : spawnSync(file, ['--version'], { encoding: 'utf8' });
  return `${answer?.stdout}${answer?.stderr}`.includes('GNU') ? file : undefined;
}

/** Throws an Error with what the program said when it does not end with 0. */
export function measureProcess(command: Command, gnuTime: string | undefined): Cost {
  const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-cost-'));
  try {
    const report = path.join(folder, 'cost');
    const line = [command.file, ...command.args];
    const [file = '', ...args] =
      gnuTime === undefined ? line : [gnuTime, '--format', '%U %S %M', '--output', report, ...line];
    const start = performance.now();
    run({ ...command, file, args });
    const wallSeconds = (performance.now() - start) / 1000;
    return gnuTime === undefined ? { wallSeconds } : { wallSeconds, ...parseReport(readFileSync(report, 'utf8')) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Runs a program that is not measured, and returns its stdout. Throws as `measureProcess` does. */
export function run(command: Command): string {
  const { error, status, signal, stdout, stderr } = spawnSync(command.file, command.args, {
    cwd: command.directory,
    encoding: 'utf8',
    // What npm, a debugger or who set this machine up put there is for us, not for what we measure: Node would read more certificates, which take
    // 5 MiB, and no server here has one of them.
    env: { ...process.env, NODE_OPTIONS: '', NODE_EXTRA_CA_CERTS: '', ...command.environment },
    maxBuffer: 256 * 1024 * 1024,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  if (error !== undefined) throw error;
  if (status !== 0) {
    const line = [command.file, ...command.args].join(' ');
    throw new Error(`${line} ended with ${signal ?? status}: ${(stderr || stdout).slice(-2000)}`);
  }
  return stdout;
}

function parseReport(text: string): { cpuSeconds: number; peakBytes: number } {
  const [user = Number.NaN, system = Number.NaN, peakKiB = Number.NaN] = text.trim().split(' ').map(Number);
  return { cpuSeconds: user + system, peakBytes: peakKiB * 1024 };
}
