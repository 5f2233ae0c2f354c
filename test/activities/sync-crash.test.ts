import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { sync } from '../../activities/sync.ts';
import type { SyncSettings } from '../../domain/action.ts';
import type { SyncFigures } from '../../domain/run-record.ts';
import { ALL_FILES as FILES, filesIn, fillFolders, hasUnfinished, killOnTheWay } from './killed-sync.ts';
import { syncSettings } from './sync-settings.ts';
import { namesIn, openWorkbench, tick, type Workbench } from './workbench.ts';

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

test('after a crash in the middle, the next attempt copies only what is missing', async () => {
  await fillFolders(bench.source, 'first', 0, 6);
  await figures();
  await fillFolders(bench.source, 'first', 6);
  await writeFile(join(bench.source, 'slow'), Buffer.alloc(SLOW_BYTES));
  await killOnTheWay(bench.request(settings), () => hasUnfinished(target));
  expect(await hasUnfinished(target)).toBe(true);
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
  await fillFolders(bench.source, 'old');
  await figures();
  await tick();
  await fillFolders(bench.source, 'newer');
  await killOnTheWay(bench.request(settings), async () => (await filesIn(target, 'newer')).size >= 30);
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
