import { lstat, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { settleFolders } from '../../activities/sync-remove.ts';
import type { EntryMetadata, FileTree } from '../../files/file-tree.ts';
import type { ByteString } from '../../common/byte-string.ts';
import { openLocalTree } from '../../files/local-tree.ts';
import { passTree } from '../../files/pass-tree.ts';

test('folders elsewhere get their modes and times beside each other, those below before those above', async () => {
  const root = await mkdtemp(join(tmpdir(), 'holdfast-settle-'));
  const paths = ['', 'a', 'a/x', 'a/y', 'a/y/z', 'b', 'b/x'];
  for (const path of paths) await mkdir(join(root, path), { recursive: true });
  const begun: string[] = [];
  let running = 0;
  let most = 0;
  const local = openLocalTree(root);
  const target: FileTree = {
    ...passTree(local),
    isRemote: true,
    async setMetadata(path, metadata) {
      begun.push(path);
      most = Math.max(most, (running += 1));
      // As an answer over a network, it comes later.
      await nextTurn();
      await local.setMetadata(path, metadata);
      running -= 1;
    },
  };
  const metadata: EntryMetadata = { mode: 0o750, mtimeNs: 1_000_000_000n };
  const folders = new Map(paths.map((path) => [path as ByteString, metadata]));
  await settleFolders({ folders, target, signal: new AbortController().signal });
  expect(begun).toEqual(['a/y/z', 'a/x', 'a/y', 'b/x', 'a', 'b', '']);
  expect(most).toBe(3);
  for (const path of paths) expect((await lstat(join(root, path))).mtimeMs).toBe(1000);
  await rm(root, { recursive: true });
});
