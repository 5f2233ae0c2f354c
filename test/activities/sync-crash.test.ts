import { spawn } from 'node:child_process';
import { lstat, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { sync } from '../../activities/sync.ts';
import type { SyncSettings } from '../../domain/action.ts';
import type { SyncFigures } from '../../domain/run-record.ts';
import { isTemporaryName } from '../../files/temporary-name.ts';
import { SYNC_CHILD } from './run-sync-child.ts';
import { syncSettings } from './sync-settings.ts';
import { namesIn, openWorkbench, tick, type Workbench } from './workbench.ts';

const FILES = 480;
/** Files that were copied before the run that is killed: half of the folders. */
const COPIED_BEFORE = 240;
/** So large that the run is killed while it is copied, before the files beside it get their names. */
const SLOW_BYTES = 96 * 1024 * 1024;
let bench: Workbench;
let settings: SyncSettings;
let target: string;

beforeEach(async () => {
  bench = await openWorkbench();
  target = join(bench.directory, 'standby', 'orders');
  settings = syncSettings(bench, {
    guards: { emptySource: 'refuse', maxDelete: { share: 0.1, files: 10_000 } },
    verifyShare: 0,
  });
});

afterEach(async () => {
  await bench.remove();
});

const figures = async () => (await sync(bench.deps, bench.request(settings), bench.context())).figures as SyncFigures;

async function fillSource(content: string, first = 0, end = 12): Promise<void> {
  for (let folder = first; folder < end; folder++) {
    await mkdir(join(bench.source, `${folder}`), { recursive: true });
    for (let file = 0; file < FILES / 12; file++)
      await writeFile(join(bench.source, `${folder}`, `${file}`), `${content} ${folder} ${file}`);
  }
}

/** The files that stand in the target with the beginning, by path: their inodes. */
async function filesIn(folder: string, content: string): Promise<Map<string, bigint>> {
  const found = new Map<string, bigint>();
  const names = await readdir(folder, { recursive: true }).catch(() => []);
  for (const name of names) {
    if (name.startsWith('.holdfast') || isTemporaryName(name.split('/').at(-1)!)) continue;
    const stats = await lstat(join(folder, name), { bigint: true }).catch(() => undefined);
    if (stats?.isFile() === true && (await readFile(join(folder, name), 'utf8')).startsWith(content))
      found.set(name, stats.ino);
  }
  return found;
}

/** Something in one of the folders has not got its name yet. */
async function hasTemporaryFiles(): Promise<boolean> {
  const names = await readdir(target, { recursive: true }).catch(() => []);
  return names.some((name) => isTemporaryName(name.split('/').at(-1)!));
}

/** Starts the sync in a process of its own, and kills that when `isOnTheWay`. */
async function killOnTheWay(isOnTheWay: () => Promise<boolean>): Promise<void> {
  const child = spawn(process.execPath, [SYNC_CHILD, JSON.stringify(bench.request(settings))], { stdio: 'ignore' });
  const ended = new Promise((resolve) => child.once('exit', (_, signal) => resolve(signal)));
  while (child.exitCode === null && !(await isOnTheWay())) await delay(2);
  child.kill('SIGKILL');
  expect(await ended).toBe('SIGKILL');
}

test('after a crash in the middle, the next attempt copies only what is missing', async () => {
  await fillSource('first', 0, 6);
  await figures();
  await fillSource('first', 6);
  await writeFile(join(bench.source, 'slow'), Buffer.alloc(SLOW_BYTES));
  await killOnTheWay(hasTemporaryFiles);
  expect(await hasTemporaryFiles()).toBe(true);
  const before = await filesIn(target, 'first');
  expect(before.size).toBeGreaterThanOrEqual(COPIED_BEFORE);
  expect(before.size).toBeLessThan(FILES);
  await rm(join(bench.source, 'slow'));
  expect(await figures()).toMatchObject({
    filesCopied: FILES - before.size,
    filesUnchanged: before.size,
    filesPending: 0,
  });
  const after = await filesIn(target, 'first');
  expect(after.size).toBe(FILES);
  for (const [name, inode] of before) expect(after.get(name)).toBe(inode);
  expect((await namesIn(target, { recursive: true })).filter((name) => name.includes('holdfast'))).toEqual([]);
});

test('after a crash among replacements that are kept aside, nothing is copied or kept twice', async () => {
  settings.versions = '30d';
  await fillSource('old');
  await figures();
  await tick();
  await fillSource('newer');
  await killOnTheWay(async () => (await filesIn(target, 'newer')).size >= 30);
  const before = await filesIn(target, 'newer');
  expect(before.size).toBeLessThan(FILES);
  const again = await figures();
  expect(again.filesCopied).toBe(FILES - before.size);
  expect((await filesIn(target, 'newer')).size).toBe(FILES);
  // A file that was just being exchanged lies aside already.
  const aside = join(target, '.holdfast-versions');
  const kept = (await readdir(aside)).flatMap((name) => (name === 'incoming' ? [] : [join(aside, name)]));
  const all = new Map((await Promise.all(kept.map((folder) => filesIn(folder, 'old')))).flatMap((map) => [...map]));
  expect(all.size).toBe(FILES);
  await rm(aside, { recursive: true });
});
