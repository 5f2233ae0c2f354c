/** The machine that figures were taken on, without anything that would tell which one it is. */
import { readFileSync, realpathSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import path from 'node:path';
import { touchFreeMemory } from './touch-memory.ts';

export interface Machine {
  processor: string;
  processors: number;
  memoryBytes: number;
  /** Free memory that was written to once before anything was measured. */
  touchedBytes: number;
  system: string;
  kernel: string;
  /** Of the work folder, such as ext4. */
  fileSystem: string;
  node: string;
}

/** To be called before anything is measured: memory that is new to the machine is made its own first. */
export function prepareMachine(work: string): Machine {
  return { ...describeMachine(work), touchedBytes: touchFreeMemory() };
}

export function describeMachine(work: string): Machine {
  return {
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    processors: cpus().length,
    memoryBytes: totalmem(),
    touchedBytes: 0,
    system: /^PRETTY_NAME="?([^"\n]*)/m.exec(readOr('/etc/os-release'))?.[1] ?? 'unknown',
    kernel: release(),
    fileSystem: fileSystemOf(realpathSync(work), readOr('/proc/self/mounts')),
    node: process.version,
  };
}

/** One line. */
export function renderMachine(machine: Machine): string {
  const touched = machine.touchedBytes === 0 ? '' : ' (touched before)';
  const memory = `${(machine.memoryBytes / 1024 ** 3).toFixed(1)} GiB${touched}`;
  const { processors, processor, system, kernel, fileSystem, node } = machine;
  return `${processors} × ${processor}, ${memory}, ${system}, Linux ${kernel}, ${fileSystem}, Node ${node}`;
}

/** `mounts` in the form of /proc/self/mounts: device, place, type, … ; the longest place above the folder counts. */
export function fileSystemOf(folder: string, mounts: string): string {
  const above = mounts
    .split('\n')
    .map((line) => line.split(' '))
    .filter(
      ([, place = '']) => place === folder || folder.startsWith(place.endsWith('/') ? place : `${place}${path.sep}`),
    )
    .filter(([, place]) => place !== undefined && place !== '');
  return above.toSorted((a, b) => (b[1]?.length ?? 0) - (a[1]?.length ?? 0))[0]?.[2] ?? 'unknown';
}

function readOr(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
