/** Syncs whose source vanishes, in part or as a whole, while they run: what it does not show proves nothing. */
import { execFileSync } from 'node:child_process';
import { renameSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { sync } from '../../activities/sync.ts';
import type { ProgressState } from '../../common/progress.ts';
import type { SyncSettings } from '../../domain/action.ts';
import { itAsRoot } from '../peers.ts';
import { fillFolder, syncSettings } from './sync-settings.ts';
import { namesIn, openWorkbench, type Workbench } from './workbench.ts';

let bench: Workbench;
let settings: SyncSettings;
let target: string;

beforeEach(async () => {
  bench = await openWorkbench();
  target = join(bench.directory, 'standby', 'orders');
  settings = syncSettings(bench);
  settings.guards.maxDelete = { share: 1, files: 100 };
});
afterEach(() => bench.remove());

const run = () => sync(bench.deps, bench.request(settings), bench.context());
const fill = (files: Record<string, string>) => fillFolder(bench.source, files);

/** Runs with something done at the first report of each phase. */
async function runDoing(things: Partial<Record<'planning' | 'copying', () => void>>, files = Infinity) {
  const report = ({ phase, files: seen = 0 }: ProgressState): void => {
    if (phase !== 'planning' && phase !== 'copying') return;
    if (phase === 'planning' && seen < files) return;
    const thing = things[phase];
    delete things[phase];
    thing?.();
  };
  return sync(bench.deps, bench.request(settings), { ...bench.context(), progress: { report } });
}

const vanishing = { 'a.txt': 'a', 'm/x.txt': 'x', 'm/y/z.txt': 'z', 'n.txt': 'n' };

test.each([0, 1])('what vanishes only while the source is walked keeps its copy (after %i files)', async (files) => {
  await fill(vanishing);
  await run();
  await fill({ 'new.txt': 'new' });
  const [folder, aside] = [join(bench.source, 'm'), join(bench.directory, 'aside')];
  const outcome = await runDoing(
    { planning: () => renameSync(folder, aside), copying: () => renameSync(aside, folder) },
    files,
  );
  // It was taken for gone, or the test would prove nothing.
  expect(await namesIn(target, { recursive: true })).toEqual(
    expect.arrayContaining(['m', 'm/x.txt', 'm/y', 'm/y/z.txt', 'new.txt']),
  );
  expect(outcome.figures).toMatchObject({ filesRemoved: 0, filesCopied: 1 });
  expect(outcome.figures).toMatchObject({ filesExamined: 3 });
});

test('what vanished for good goes from the copy, too', async () => {
  await fill(vanishing);
  await run();
  await fill({ 'new.txt': 'new' });
  const aside = join(bench.directory, 'aside');
  const outcome = await runDoing({ planning: () => renameSync(join(bench.source, 'm'), aside) }, 0);
  expect(outcome.figures).toMatchObject({ filesRemoved: 2, filesCopied: 1 });
  expect(await namesIn(target, { recursive: true })).toEqual(['a.txt', 'n.txt', 'new.txt']);
});

test('a source that is gone as a whole when its copy would be thinned out fails the run, and nothing goes', async () => {
  await fill(vanishing);
  await run();
  await rm(join(bench.source, 'm'), { recursive: true });
  await fill({ 'a.txt': 'changed' });
  const outcome = runDoing({ copying: () => renameSync(bench.source, `${bench.source}-unmounted`) });
  await expect(outcome).rejects.toMatchObject({
    code: 'StorageUnreachable',
    message: expect.stringContaining('no longer there: nothing is removed') as string,
  });
  expect(await namesIn(target, { recursive: true })).toEqual(expect.arrayContaining(['m/x.txt', 'm/y/z.txt']));
});

itAsRoot(
  'a source that another disk covers when its copy would be thinned out fails the run, and nothing goes',
  async () => {
    await fill(vanishing);
    await run();
    await rm(join(bench.source, 'm'), { recursive: true });
    await fill({ 'a.txt': 'changed' });
    try {
      const outcome = runDoing({
        copying() {
          execFileSync('mount', ['-t', 'tmpfs', 'none', bench.source]);
          writeFileSync(join(bench.source, 'another.txt'), '');
        },
      });
      await expect(outcome).rejects.toMatchObject({ code: 'StorageUnreachable' });
      expect(await namesIn(target, { recursive: true })).toEqual(expect.arrayContaining(['m/x.txt', 'm/y/z.txt']));
    } finally {
      execFileSync('umount', [bench.source]);
    }
  },
);
