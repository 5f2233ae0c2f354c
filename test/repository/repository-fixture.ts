/** Small repositories for tests: created fast, filled by hand, in folders that are removed. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DEFAULT_LOCK_TIMING, type LockTiming } from '../../repository/lock-conflict.ts';
import { initRepository } from '../../repository/init-repository.ts';
import { openRepository, type OpenRepositoryOptions } from '../../repository/open-repository.ts';
import type { Repository } from '../../repository/repository.ts';
import { encodeTree, type TreeNode } from '../../repository/tree-node.ts';
import { fromText } from '../../files/byte-path.ts';
import { openLocalStorage } from '../../storage/local.ts';

export const PASSWORD = 'correct horse';
export const FAST_KDF = { N: 1024, r: 8, p: 1 };
export const FAST_LOCKS: LockTiming = { ...DEFAULT_LOCK_TIMING, settleMilliseconds: 5, pollMilliseconds: 10 };

export async function withTemporaryFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-repository-'));
  try {
    await body(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** A fresh repository in the folder `vault` of a temporary folder. */
export function withRepository(
  body: (repository: Repository, folder: string) => Promise<void>,
  options: OpenRepositoryOptions = {},
): Promise<void> {
  return withTemporaryFolder(async (folder) => {
    const repository = await createRepository(folder, options);
    await repository.loadIndex();
    await body(repository, folder);
    await repository.close();
  });
}

export function createRepository(folder: string, options: OpenRepositoryOptions = {}): Promise<Repository> {
  const storage = openLocalStorage(join(folder, 'vault'));
  return initRepository(storage, PASSWORD, { kdf: FAST_KDF, lockTiming: FAST_LOCKS, ...options });
}

/** Another instance, whose index is not loaded. */
export function openVault(folder: string, options: OpenRepositoryOptions = {}): Promise<Repository> {
  return openRepository(openLocalStorage(join(folder, 'vault')), PASSWORD, { lockTiming: FAST_LOCKS, ...options });
}

export async function reopen(folder: string, options: OpenRepositoryOptions = {}): Promise<Repository> {
  const repository = await openVault(folder, options);
  await repository.loadIndex();
  return repository;
}

/** A folder: names of files with their blobs' contents, or of folders. */
export interface Folder {
  [name: string]: readonly (Uint8Array | string)[] | Folder;
}

/** Saves a folder as trees and blobs; returns the root tree's id. Nothing is flushed. */
export async function saveFolder(repository: Repository, folder: Folder): Promise<string> {
  const nodes: TreeNode[] = [];
  for (const name of Object.keys(folder).toSorted()) {
    const content = folder[name]!;
    if (!Array.isArray(content)) {
      nodes.push({ ...node(name, 'dir'), subtree: await saveFolder(repository, content as Folder) });
      continue;
    }
    const blobs = (content as (Uint8Array | string)[]).map((blob) => Buffer.from(blob as Uint8Array));
    const ids: string[] = [];
    for (const blob of blobs) ids.push((await repository.saveBlob('data', blob)).id);
    const size = blobs.reduce((sum, blob) => sum + blob.length, 0);
    nodes.push({ ...node(name, 'file'), size, links: 1, content: ids });
  }
  return (await repository.saveBlob('tree', encodeTree(nodes))).id;
}

/** Saves a folder as a whole snapshot; returns the snapshot's id and its tree's. */
export async function saveSnapshotOf(
  repository: Repository,
  folder: Folder,
  time = '2026-11-23T02:00:00Z',
): Promise<{ id: string; tree: string }> {
  const tree = await saveFolder(repository, folder);
  await repository.flush();
  await repository.saveIndex();
  const id = await repository.saveSnapshot({ time, tree, paths: ['/srv'], hostname: 'app-01', username: 'root' });
  return { id, tree };
}

/** Paths of all packs, relative to the vault. */
export async function packFiles(folder: string): Promise<string[]> {
  const entries = await readdir(join(folder, 'vault', 'data'), { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join('data', entry.name.slice(0, 2), entry.name))
    .toSorted();
}

function node(name: string, type: string): TreeNode {
  const time = '2026-11-22T10:00:00.123456789Z';
  const mode = type === 'dir' ? 0o700 + 2 ** 31 : 0o644;
  return { name: fromText(name), type, mode, mtime: time, atime: time, ctime: time, uid: 0, gid: 0, content: null };
}
