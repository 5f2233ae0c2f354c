/** What a disk keeps, found out on a tree that keeps as little as it is told to. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import type { ByteString } from '../../common/byte-string.ts';
import { HoldfastError } from '../../common/errors.ts';
import { tryDiskKeeps, withinDiskKeeps, type DiskKeeps } from '../../files/disk-keeps.ts';
import type { FileEntry, FileTree } from '../../files/file-tree.ts';
import { openLocalTree } from '../../files/local-tree.ts';
import { passTree } from '../../files/pass-tree.ts';
import { bytes } from './tree-contract/tree-under-test.ts';

const EXACT: DiskKeeps = { timeUnitNs: 1, modes: true, owners: true, links: true, oddNames: true, anyBytes: true };
const POOR: DiskKeeps = {
  ...{ timeUnitNs: 2_000_000_000, modes: false, owners: false, links: false, oddNames: false, anyBytes: false },
};
const PROBE = bytes('.probe');

async function openFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-keeps-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  return folder;
}

/** Keeps so much, refuses links and new owners, and takes every mode for its own. */
function poorTree(folder: string, { timeUnitNs, modes, owners, links, oddNames, anyBytes }: DiskKeeps): FileTree {
  const tree = openLocalTree(folder);
  const refuse = (): Promise<never> => Promise.reject(new HoldfastError('AccessDenied', 'not here'));
  return {
    ...passTree(tree),
    async stat(path) {
      const entry = await tree.stat(path);
      const { mtimeNs = 0n } = entry ?? {};
      return entry && { ...entry, mtimeNs: mtimeNs - (mtimeNs % BigInt(timeUnitNs)), ...(!modes && { mode: 0o755 }) };
    },
    setMetadata: (path, metadata) =>
      metadata.uid !== undefined && !owners ? refuse() : tree.setMetadata(path, metadata),
    replace: (path, content, metadata) =>
      (!oddNames && path.includes(':')) || (!anyBytes && path.includes('\xff'))
        ? refuse()
        : tree.replace(path, content, metadata),
    replaceSymlink: (path, target, metadata) => (links ? tree.replaceSymlink(path, target, metadata) : refuse()),
  };
}

const asRoot = process.getuid?.() === 0;

it.each([
  { ...EXACT, timeUnitNs: 100 },
  { ...EXACT, timeUnitNs: 1000 },
  { ...EXACT, timeUnitNs: 1_000_000 },
  { ...EXACT, timeUnitNs: 10_000_000 },
  { ...POOR, timeUnitNs: 1_000_000_000, links: true },
  POOR,
  { ...EXACT, modes: false },
  { ...EXACT, links: false },
  { ...EXACT, oddNames: false },
  { ...EXACT, anyBytes: false },
])('finds %o, and leaves nothing', async (keeps) => {
  const folder = await openFolder();
  const owners = keeps.owners && asRoot;
  expect(await tryDiskKeeps(poorTree(folder, keeps), PROBE, asRoot)).toEqual({ ...keeps, owners });
  expect(await readdir(folder)).toEqual([]);
});

it('finds nothing to mind where everything is kept, and where times follow no rule', async () => {
  const folder = await openFolder();
  expect(await tryDiskKeeps(openLocalTree(folder), PROBE, asRoot)).toBeUndefined();
  const drifting: FileTree = {
    ...passTree(openLocalTree(folder)),
    stat: async (path) => ({ ...(await openLocalTree(folder).stat(path))!, mtimeNs: 7n }),
  };
  expect(await tryDiskKeeps(drifting, PROBE, asRoot)).toBeUndefined();
  expect(await readdir(folder)).toEqual([]);
});

it('takes for equal what the disk cannot tell apart, also before 1970', async () => {
  const entry = (mtimeNs: bigint): FileEntry => ({
    ...{ path: bytes('a'), type: 'file', mode: 0o640, sizeBytes: 1, mtimeNs, ctimeNs: 0n, uid: 7, gid: 8 },
    ...{ inode: 1n, device: 1n, links: 1 },
  });
  const tree = withinDiskKeeps(openLocalTree(await openFolder()), POOR);
  const kept = (mtimeNs: bigint) => tree.keeps!(entry(mtimeNs));
  expect(kept(3_999_999_999n)).toEqual({ mode: 0o600, mtimeNs: 2_000_000_000n, uid: 0, gid: 0 });
  expect(kept(-1n).mtimeNs).toBe(-2_000_000_000n);
  expect(kept(-2_000_000_000n).mtimeNs).toBe(-2_000_000_000n);
  expect(tree.refuses!({ ...entry(0n), type: 'symlink' })).toContain('no symbolic links');
  expect(tree.refuses!(entry(0n))).toBeUndefined();
  const named = (path: string) => tree.refuses!({ ...entry(0n), path: path as ByteString });
  for (const name of ['a:b', 'what?', 'folder*/inside', 'tab\t', 'back\\slash'])
    expect(named(name)).toContain('has no names with');
  expect(named('\xff')).toContain('UTF-8');
  expect([named('plain.txt'), named(bytes('ü & co (1).txt'))]).toEqual([undefined, undefined]);
  await expect(tree.makeFolder(bytes('a:b'), {})).rejects.toMatchObject({ code: 'Usage' });
});
