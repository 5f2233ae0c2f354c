import { spawnSync } from 'node:child_process';
import { lstatSync, mkdirSync, readdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { archive } from '../../repository/archive.ts';
import { restore } from '../../repository/restore.ts';
import { describeTree, noise } from './odd-tree.ts';
import { reopen, withRepository } from './repository-fixture.ts';

const KILLED_RESTORE = fileURLToPath(new URL('killed-restore.ts', import.meta.url));
const FOLDERS = 8;
const FILES = 250;
const KILLED_AFTER = 700;

/** 2,000 small files, a file of several parts before them and one behind. */
function makeSource(source: string): void {
  for (let folder = 0; folder < FOLDERS; folder++) {
    const path = join(source, `folder${folder}`);
    mkdirSync(path, { recursive: true });
    for (let file = 0; file < FILES; file++) writeFileSync(join(path, `${file}`), `${folder} ${file} `.repeat(200));
  }
  for (const name of ['a-first', 'z-last']) writeFileSync(join(source, name), noise(40_000_000, name));
}

it('a restore that was killed goes on where it was: what is whole is not written again, what is not is', async () => {
  await withRepository(async (repository, folder) => {
    const source = join(folder, 'source');
    makeSource(source);
    await archive(repository, {
      source: { directories: [source], exclude: [], excludeIfPresent: [], excludeCaches: false, oneFileSystem: false },
      hostname: 'app-01',
      tags: [],
      time: new Date(),
    });
    const target = join(folder, 'restored');
    const words = [KILLED_RESTORE, join(folder, 'vault'), target, `${KILLED_AFTER}`];
    const { signal, stderr } = spawnSync(process.execPath, words, { encoding: 'utf8' });
    expect([signal, stderr]).toEqual(['SIGKILL', '']);

    const restored = join(target, source);
    const times = (root: string): Map<string, bigint[]> =>
      new Map(
        (readdirSync(root, { recursive: true, encoding: 'utf8' }) as string[])
          .filter((name) => !name.includes('.holdfast-tmp-') && lstatSync(join(root, name)).isFile())
          .map((name) => {
            const { mtimeNs, size, ctimeNs } = lstatSync(join(root, name), { bigint: true });
            return [name, [mtimeNs, size, ctimeNs]];
          }),
      );
    const original = times(source);
    // As a kill in the middle of a write leaves a file: part of it, with a time of its own.
    const halves = [...times(restored)].slice(0, 3).map(([name]) => name);
    for (const name of halves) truncateSync(join(restored, name), 5);
    const isWhole = ([name, [mtime, size]]: [string, bigint[]]): boolean =>
      original.get(name)?.[0] === mtime && original.get(name)?.[1] === size;
    const whole = [...times(restored)].filter(isWhole);
    expect(whole.length).toBeGreaterThanOrEqual(KILLED_AFTER - halves.length);
    expect(whole.length).toBeLessThan(FOLDERS * FILES);

    const again = await reopen(folder);
    const [snapshot] = await again.listSnapshots();
    const result = await restore(again, { snapshot: snapshot!, target, overwrite: 'if-changed' });
    await again.close();
    const total = FOLDERS * FILES + 2;
    expect(result).toMatchObject({ files: total - result.unchanged, problems: [] });
    // Of each thread one file may have had its content already, and not yet its time.
    expect(result.unchanged - whole.length).toBeOneOf([0, 1, 2, 3, 4]);
    const now = times(restored);
    for (const [name, [, , ctime]] of whole) expect(now.get(name)?.[2]).toBe(ctime);
    expect(describeTree(restored)).toEqual(describeTree(source));
  });
});
