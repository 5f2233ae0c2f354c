/** Names of files that are being written: never walked, and recognized when a killed process left them. */
import { randomBytes } from 'node:crypto';
import { lstatSync, readdirSync, unlinkSync } from 'node:fs';
import type { ByteString } from '../common/byte-string.ts';
import { toBytes } from './byte-path.ts';
import type { SafeFolder } from './safe-folder.ts';

const PREFIX = '.holdfast-tmp-';
const SHAPE = /^\.holdfast-tmp-[0-9a-f]{16}$/;

/** A write that takes longer than this is taken for dead. */
const STALE_AFTER_MS = 24 * 3600 * 1000;

export function temporaryName(): ByteString {
  return (PREFIX + randomBytes(8).toString('hex')) as ByteString;
}

/** Many of them: half of it is drawn once, half is counted, because drawing costs more than making a file. */
export function createTemporaryNames(): () => ByteString {
  const drawn = PREFIX + randomBytes(4).toString('hex');
  let count = randomBytes(4).readUInt32LE();
  return () => {
    count = (count + 1) >>> 0;
    return (drawn + count.toString(16).padStart(8, '0')) as ByteString;
  };
}

export function isTemporaryName(name: string): boolean {
  return name.startsWith(PREFIX) && SHAPE.test(name);
}

/** Removes what killed processes left in a folder more than a day ago. Failure is nobody's problem: the next one tries again. */
export function removeStaleTemporaries(folder: SafeFolder): void {
  try {
    for (const name of readdirSync(toBytes(folder.entry('' as ByteString)), 'latin1')) {
      if (!isTemporaryName(name)) continue;
      const path = toBytes(folder.entry(name as ByteString));
      if (Date.now() - lstatSync(path).mtimeMs > STALE_AFTER_MS) unlinkSync(path);
    }
  } catch {
    return;
  }
}
