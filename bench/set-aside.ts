/**
 * What a round leaves behind is moved aside, and removed when the benchmark ends: after many files were removed ext4 is
 * slow for minutes in making new ones, which would be counted against whoever comes next.
 */
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, statfsSync } from 'node:fs';
import path from 'node:path';
import { run } from './measure-process.ts';

const ASIDE = 'aside';
const RESERVE_BYTES = 5 * 1024 ** 3;

/** Moves a folder of the work folder out of the way, if it is there. */
export function setAside(work: string, folder: string): void {
  if (!existsSync(folder)) return;
  mkdirSync(path.join(work, ASIDE), { recursive: true });
  renameSync(folder, path.join(mkdtempSync(path.join(work, ASIDE, 'from-a-round-')), path.basename(folder)));
}

/** Removes what was moved aside when there is less room than `neededBytes`, because no room at all is worse. */
export function makeRoom(work: string, neededBytes: number, say: (line: string) => void): void {
  const { bavail, bsize } = statfsSync(work);
  if (bavail * bsize >= neededBytes + RESERVE_BYTES || !existsSync(path.join(work, ASIDE))) return;
  say('  removing what earlier rounds left, for want of room: the next restores may be slower than others');
  removeAside(work);
  run({ file: 'sync', args: [] });
}

export function removeAside(work: string): void {
  rmSync(path.join(work, ASIDE), { recursive: true, force: true });
}
