/** A sync that is killed on its way, and what it has left in its target. */
import { spawn } from 'node:child_process';
import { lstat, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'vitest';
import type { ActionRequest } from '../../domain/action.ts';
import { isTemporaryName } from '../../files/temporary-shape.ts';
import { isTemporary } from '../../storage/sftp-temporary.ts';
import { SYNC_CHILD } from './run-sync-child.ts';

const FOLDERS = 12;
const FILES_A_FOLDER = 40;
export const ALL_FILES = FOLDERS * FILES_A_FOLDER;

/** Small files, 40 in each of 12 folders, that say where they are behind the beginning. */
export async function fillFolders(root: string, beginning: string, first = 0, end = FOLDERS): Promise<void> {
  for (let folder = first; folder < end; folder++) {
    await mkdir(join(root, `${folder}`), { recursive: true });
    for (let file = 0; file < FILES_A_FOLDER; file++)
      await writeFile(join(root, `${folder}`, `${file}`), contentOf(beginning, `${folder}/${file}`));
  }
}

/** Of a file that `fillFolders` made. */
export function contentOf(beginning: string, path: string): string {
  return `${beginning} ${path.replace('/', ' ')}`;
}

/** The files that stand in a folder with the beginning, by path: their inodes. */
export async function filesIn(folder: string, beginning: string): Promise<Map<string, bigint>> {
  const found = new Map<string, bigint>();
  const names = await readdir(folder, { recursive: true }).catch(() => []);
  for (const name of names) {
    if (name.startsWith('.holdfast') || isUnfinished(name)) continue;
    const path = join(folder, name);
    // What is just being exchanged is gone for a moment.
    const stats = await lstat(path, { bigint: true }).catch(() => undefined);
    if (stats?.isFile() !== true) continue;
    const content = await readFile(path, 'utf8').catch(() => '');
    if (content.startsWith(beginning)) found.set(name, stats.ino);
  }
  return found;
}

/** Something in one of the folders has not got its name yet. */
export async function hasUnfinished(folder: string): Promise<boolean> {
  return (await readdir(folder, { recursive: true }).catch(() => [])).some(isUnfinished);
}

/** Whether the last name of a path is that of an unfinished file, on a disk or on an SSH server. */
export function isUnfinished(path: string): boolean {
  const name = path.split('/').at(-1)!;
  return isTemporaryName(name) || isTemporary(name);
}

/** Starts the sync in a process of its own, and kills that when `isOnTheWay`. */
export async function killOnTheWay(request: ActionRequest, isOnTheWay: () => Promise<boolean>): Promise<void> {
  const child = spawn(process.execPath, [SYNC_CHILD, JSON.stringify(request)], { stdio: 'ignore' });
  const ended = new Promise((resolve) => child.once('exit', (_, signal) => resolve(signal)));
  try {
    while (child.exitCode === null && !(await isOnTheWay())) await delay(2);
  } finally {
    child.kill('SIGKILL');
  }
  expect(await ended).toBe('SIGKILL');
}
