/** The part of the suite for trees that is about what copies many files of another tree sooner than one by one, where there is such. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import type { ByteString } from '../../../common/byte-string.ts';
import type { CopyTold, FileEntry, FileTree } from '../../../files/file-tree.ts';
import { openLocalTree } from '../../../files/local-tree.ts';
import { SIZES } from './contents.ts';
import { bytes, collect, keptTime, put, read, type TreeAbilities, walk, type WithTree } from './tree-under-test.ts';

const MiB = 1024 * 1024;
/** Around what a copier's threads take at once. */
const LARGE_SIZES = [MiB - 1, MiB, MiB + 1, 8 * MiB + 1];

export function describeCopiers(withTree: WithTree, abilities: TreeAbilities): void {
  it('copies many files as by replacing each: of every size, with their metadata, whole or not at all', () =>
    withTree(async ({ tree, reopen, stored }) => {
      const source = await openSource();
      const contents = new Map([...SIZES, ...LARGE_SIZES].map((size) => [`folder/size-${size}`, randomBytes(size)]));
      await source.makeFolder(bytes('folder'), {});
      let time = 1_500_000_000_123_456_789n;
      for (const [path, content] of contents)
        await put(source, path, content, { mode: 0o640, mtimeNs: (time += 1_000_000_007n) });
      await source.replaceSymlink(bytes('link'), bytes('folder/size-0'), {});
      const told = new Map<string, number | 'failed'>();
      const entries = await collect(source.walk());
      const gone = entries.find(({ path }) => path === 'folder/size-1')!;
      const copied = await copyAll(tree, source, entries, told, () => source.remove(gone.path));
      // It has none for these two, and then all of this is asked of `replace`.
      if (!copied) return;
      for (const each of [tree, await reopen()]) {
        for (const [path, content] of contents) {
          if (path === gone.path) continue;
          expect([path, (await read(each, path)).equals(content)]).toEqual([path, true]);
          const [original, copy] = [(await source.stat(bytes(path)))!, (await each.stat(bytes(path)))!];
          expect([copy.sizeBytes, copy.mtimeNs]).toEqual([content.length, keptTime(abilities, original.mtimeNs)]);
          if (abilities.modes) expect(copy.mode).toBe(0o640);
        }
        expect(await each.stat(bytes('link'))).toMatchObject({ type: 'symlink', linkTarget: 'folder/size-0' });
      }
      expect(told).toEqual(
        new Map<string, number | 'failed'>([
          ...[...contents].map(([path, content]) => [path, content.length] as const),
          ['link', 0],
          [gone.path, 'failed'],
        ]),
      );
      expect(await walk(tree)).toEqual(entries.map(({ path }) => path).filter((path) => path !== gone.path));
      expect(await stored()).toHaveLength(entries.length - 1);
    }));
}

async function openSource(): Promise<FileTree> {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-copied-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  return openLocalTree(folder);
}

/** @returns Whether there is a copier. `before`: when the walk is over. */
async function copyAll(
  tree: FileTree,
  source: FileTree,
  entries: readonly FileEntry[],
  outcomes: Map<string, number | 'failed'>,
  before: () => Promise<void>,
): Promise<boolean> {
  const told: CopyTold = {
    onCopied: (path: ByteString, sizeBytes) => void outcomes.set(path, sizeBytes),
    onFailed: (path: ByteString) => void outcomes.set(path, 'failed'),
  };
  const copier = tree.openCopier?.(source, told, new AbortController().signal);
  if (copier === undefined) return false;
  await before();
  try {
    for (const entry of entries) {
      if (entry.type === 'dir') await copier.makeFolder(entry.path, 0o755);
      else await copier.copy(entry, { mode: entry.mode, mtimeNs: entry.mtimeNs });
    }
    await copier.settle();
  } finally {
    await copier.close();
  }
  return true;
}
