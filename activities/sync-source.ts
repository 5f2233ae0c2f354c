/** The source of a sync: folders of this machine, or a location, which its reader reads. */
import { stat } from 'node:fs/promises';
import type { ByteString } from '../common/byte-string.ts';
import { HoldfastError } from '../common/errors.ts';
import { rateClock } from '../common/rate-limits.ts';
import { acceptCommand } from '../domain/accept-command.ts';
import type { ActionRequest, LocationSettings, SyncSettings } from '../domain/action.ts';
import type { FileTree } from '../files/file-tree.ts';
import { openLocalTree } from '../files/local-tree.ts';
import { throttledTree } from '../storage/throttled-tree.ts';
import type { Dependencies } from './dependencies.ts';

/** By its directory, as the settings name it. Must be closed. */
export type SyncSources = ReadonlyMap<string, FileTree>;

/**
 * Throws GuardRefused, having opened nothing, when a folder is not there: `missingSource` on this machine, which no run may
 * pass; `emptySource` elsewhere, where a bucket has no folders that could be there and empty. What a location answers with
 * an error is thrown as it is.
 */
export async function openSources(
  deps: Dependencies,
  request: ActionRequest,
  settings: SyncSettings,
): Promise<SyncSources> {
  const { source, from } = settings;
  if (from === undefined || from.location.local !== undefined) {
    for (const directory of source.directories) await requireFolder(directory);
    return new Map(source.directories.map((directory) => [directory, openFolder(directory, from?.location)]));
  }
  const tree = await deps.openTree(from.location, from.path, 'reader');
  try {
    await requirePlace(tree, request, settings);
    return new Map(source.directories.map((directory) => [directory, tree]));
  } catch (error) {
    await tree.close();
    throw error;
  }
}

export async function closeSources(sources: SyncSources): Promise<void> {
  await Promise.all([...new Set(sources.values())].map((tree) => tree.close()));
}

function openFolder(directory: string, location: LocationSettings | undefined): FileTree {
  const tree = openLocalTree(directory);
  const limitsAt = rateClock(location?.limits ?? {});
  return limitsAt === undefined ? tree : throttledTree(tree, limitsAt);
}

async function requireFolder(directory: string): Promise<void> {
  if (await isFolder(directory)) return;
  throw new HoldfastError('GuardRefused', `the source ${directory} does not exist`, {
    hint: 'Check that it is mounted and spelled as in the policy; when it is empty on purpose, make an empty folder there.',
    context: { guard: 'missingSource', finding: 'source/missing' },
  });
}

export async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return false;
    throw error;
  }
}

async function requirePlace(tree: FileTree, request: ActionRequest, settings: SyncSettings): Promise<void> {
  const root = await tree.stat('' as ByteString);
  if (root?.type === 'dir') return;
  if (root !== undefined) {
    throw new HoldfastError('Usage', `the source ${tree.description} is not a folder`, {
      hint: 'Name the folder that it lies in, and choose it with include.',
    });
  }
  if (settings.guards.emptySource === 'allow' || request.accept?.includes('emptySource') === true) return;
  throw new HoldfastError('GuardRefused', `the source ${tree.description} does not exist`, {
    hint: `Check that it is mounted there and spelled as in the policy. If it is empty on purpose, run: ${acceptCommand(request.action, 'emptySource')}`,
    context: { guard: 'emptySource', finding: 'guard/empty-source' },
  });
}
