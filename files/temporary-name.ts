/** Names of files that are being written, and of folders that are being filled: made, and recognized when a killed process left them. */
import { hash, randomBytes } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import type { ByteString } from '../common/byte-string.ts';
import { toBytes } from './byte-path.ts';
import { removeBelow } from './remove-below.ts';
import type { BorrowedFolder } from './safe-folder.ts';
import { isTemporaryName, TEMPORARY_PREFIX, TEMPORARY_SHAPE } from './temporary-shape.ts';

/** Of a process that cannot be asked for: a write that takes longer than this is taken for dead. */
const STALE_AFTER_MS = 24 * 3600 * 1000;

/** Process ids mean something in their namespace alone. A folder may be shared by several machines. */
const MACHINE = hash('sha256', `${hostname()} ${pidNamespace()}`).slice(0, 8);
const OWN = `${TEMPORARY_PREFIX}${MACHINE}-${process.pid.toString(16)}-${startOf('self') ?? '0'}-`;

export function temporaryName(): ByteString {
  return (OWN + randomBytes(8).toString('hex')) as ByteString;
}

/** Many of them: half of it is drawn once, half is counted, because drawing costs more than making a file. */
export function createTemporaryNames(): () => ByteString {
  const drawn = OWN + randomBytes(4).toString('hex');
  let count = randomBytes(4).readUInt32LE();
  return () => {
    count = (count + 1) >>> 0;
    return (drawn + count.toString(16).padStart(8, '0')) as ByteString;
  };
}

/**
 * Removes what killed processes left in a folder: at once where it can be told that they are gone, of other machines what
 * is a day old. Failure is nobody's problem: the next one tries again.
 */
export function removeAbandoned(folder: BorrowedFolder): void {
  try {
    for (const name of readdirSync(toBytes(folder.entry('' as ByteString)), 'latin1')) {
      if (!isTemporaryName(name)) continue;
      // The other time may be that of the file which it is to be a copy of, just before it gets its name.
      const { ctimeMs } = lstatSync(toBytes(folder.entry(name as ByteString)));
      if (isAbandoned(name, ctimeMs)) removeBelow(folder, name as ByteString);
    }
  } catch {
    return;
  }
}

function isAbandoned(name: string, changedMs: number): boolean {
  const [, machine, pid = '', start] = TEMPORARY_SHAPE.exec(name) ?? [];
  if (machine !== MACHINE) return Date.now() - changedMs > STALE_AFTER_MS;
  return !isRunning(Number.parseInt(pid, 16), start!);
}

/** Whether the process that was started then is still there, and not another one with its number. */
function isRunning(pid: number, start: string): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it lives, and belongs to someone else.
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  return (startOf(pid) ?? start) === start;
}

/** When a process was started, in ticks since the machine was, as hex digits; undefined: it cannot be told. */
function startOf(pid: number | 'self'): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The 22nd field; the second one is a name in parentheses, which may hold anything.
    const ticks = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
    return BigInt(ticks ?? '').toString(16);
  } catch {
    return undefined;
  }
}

function pidNamespace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return '';
  }
}
