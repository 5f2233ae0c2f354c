import { execFileSync } from 'node:child_process';
import { lstat, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { sync } from '../../activities/sync.ts';
import type { ActionRequest, SyncSettings } from '../../domain/action.ts';
import type { SyncFigures } from '../../domain/run-record.ts';
import { SYNC_MARKER_FILE } from '../../domain/sync-marker.ts';
import { syncSettings } from './sync-settings.ts';
import { openWorkbench, tick, type Workbench } from './workbench.ts';

/** Beyond 3,000 entries both sides are listed by threads. */
const FOLDERS = 31;
const FILES = 100;
let bench: Workbench;
let settings: SyncSettings;
let target: string;

beforeEach(async () => {
  bench = await openWorkbench();
  target = join(bench.directory, 'standby', 'orders');
  settings = syncSettings(bench, {
    guards: { emptySource: 'refuse', maxDelete: { share: 0.1, files: 100 } },
    verifyShare: 0,
    versions: '30d',
  });
  for (let folder = 0; folder < FOLDERS; folder++) {
    await mkdir(join(bench.source, `${folder}`));
    for (let file = 0; file < FILES; file++)
      await writeFile(join(bench.source, `${folder}`, `${file}`), `${folder} ${file}`.padEnd(folder * FILES + file));
  }
});

afterEach(async () => {
  await bench.remove();
});

const run = (changes: Partial<ActionRequest> = {}) =>
  sync(bench.deps, bench.request(settings, changes), bench.context());

async function describeTree(folder: string): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const name of await readdir(folder, { recursive: true })) {
    if (name.startsWith('.holdfast')) continue;
    const stats = await lstat(join(folder, name), { bigint: true });
    const content = stats.isFile() ? await readFile(join(folder, name), 'utf8') : 'folder';
    if (!stats.isFIFO()) found.set(name, [content, stats.mode, stats.mtimeNs].join(' '));
  }
  return found;
}

test('a tree that is listed by threads keeps its marker and versions, follows renames, and tells its lag', async () => {
  const first = await run();
  expect(first.findings).toEqual([]);
  expect(first.figures).toMatchObject({ filesCopied: FOLDERS * FILES, filesPending: 0, lagSeconds: 0, marked: true });

  await tick();
  await rename(join(bench.source, '7'), join(bench.source, 'renamed'));
  await writeFile(join(bench.source, '3', '5'), 'changed');
  await rm(join(bench.source, '4', '6'));
  await writeFile(join(bench.source, '9', 'new'), 'new');
  execFileSync('mkfifo', [join(bench.source, 'pipe')]);
  const planned = await run({ dryRun: true });
  expect(planned.figures).toMatchObject({ filesRenamed: FILES, filesCopied: 2, filesRemoved: 1 });
  const second = await run({ accept: ['maxDelete'] });
  expect(second.findings.map(({ code }) => code)).toEqual(['source/special']);
  expect(second.figures).toMatchObject({
    filesRenamed: FILES,
    filesCopied: 2,
    filesRemoved: 1,
    filesKept: 2,
    filesUnchanged: FOLDERS * FILES - FILES - 2,
    filesPending: 0,
  });
  expect(await describeTree(target)).toEqual(await describeTree(bench.source));
  expect((await readdir(join(target, '.holdfast-versions'), { recursive: true })).toSorted()).toEqual([
    '20261123T020000Z',
    '20261123T020000Z/3',
    '20261123T020000Z/3/5',
    '20261123T020000Z/4',
    '20261123T020000Z/4/6',
  ]);
  expect((await run()).figures).toMatchObject({ filesCopied: 0, filesRemoved: 0, metadataUpdated: 0 });
  expect(await readdir(target)).toContain(SYNC_MARKER_FILE);
});

test('the first filling of a place is told and recorded as its plan was', async () => {
  execFileSync('mkfifo', [join(bench.source, 'pipe')]);
  await mkdir(join(bench.source, 'empty'), { mode: 0o2750 });
  await writeFile(join(bench.source, 'left-out.tmp'), 'x');
  settings.source.exclude = ['*.tmp'];
  const planned = await run({ dryRun: true });
  expect(await readdir(join(bench.directory, 'standby')).catch(() => [])).toEqual([]);
  const { figures, findings } = await run();
  expect(findings).toEqual(planned.findings);
  expect(findings.map(({ code }) => code)).toEqual(['source/special']);
  const { decisions: _, filesRenamed, ...told } = planned.figures as SyncFigures;
  expect(filesRenamed).toBe(0);
  expect(told).toMatchObject({ filesExamined: FOLDERS * FILES + 1, filesCopied: FOLDERS * FILES });
  expect(figures).toMatchObject({ ...told, filesPending: 0 });
  const wanted = await describeTree(bench.source);
  wanted.delete('left-out.tmp');
  expect(await describeTree(target)).toEqual(wanted);
  // What another program has put there meanwhile is no first filling any more.
  await writeFile(join(target, 'foreign'), 'x');
  expect((await run()).figures).toMatchObject({ filesCopied: 0, filesRemoved: 1, filesUnchanged: FOLDERS * FILES });
});
