/** What must hold before a backup begins: the sources are there, and none is suddenly empty. */
import { lstatSync, opendirSync, statSync } from 'node:fs';
import { HoldfastError } from '../common/errors.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import { toBytes } from '../files/byte-path.ts';
import { fromEscapedText } from '../files/escaped-text.ts';
import { countParentEntries } from './parent-trees.ts';
import type { Repository } from './repository.ts';

/** Throws GuardRefused (`context.guard` is `missingSource`) for a source that is not there, AccessDenied when none can be read. */
export function requireSources(sources: readonly string[], links: readonly string[] = []): void {
  const asLinks = new Set(links);
  const refused = sources.filter((source) => !isAccessible(source, asLinks.has(source)));
  if (refused.length < sources.length) return;
  throw new HoldfastError('AccessDenied', `The source ${refused.join(', ')} may not be read by this account.`, {
    hint: 'Run holdfast as an account that may read the source, or grant it the right.',
    context: { path: refused[0] ?? '' },
  });
}

/**
 * Throws GuardRefused (`context.guard` is `emptySource`) for a source that is empty now and was not in the snapshot:
 * more often a file system that is not mounted than data that is really gone.
 */
export async function requireContent(
  repository: Repository,
  sources: readonly string[],
  snapshot: Snapshot | undefined,
  signal?: AbortSignal,
): Promise<void> {
  if (snapshot === undefined) return;
  for (const source of sources) {
    if (!isEmptyFolder(source)) continue;
    const before = await countParentEntries(repository, snapshot.tree, fromEscapedText(source), signal);
    if (before === undefined || before === 0) continue;
    throw new HoldfastError(
      'GuardRefused',
      `The source ${source} is empty, but was not in snapshot ${snapshot.id.slice(0, 8)}.`,
      {
        hint: `Check that ${source} is mounted. If it is meant to be empty, back it up with --accept-empty.`,
        context: { guard: 'emptySource', path: source },
      },
    );
  }
}

function isAccessible(source: string, isLink: boolean): boolean {
  const path = toBytes(fromEscapedText(source));
  try {
    if (isLink) lstatSync(path);
    else if (statSync(path).isDirectory()) opendirSync(path).closeSync();
    return true;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      throw new HoldfastError('GuardRefused', `The source ${source} does not exist.`, {
        hint: 'Check that it is mounted, and how it is spelled.',
        context: { guard: 'missingSource', path: source },
        cause: error,
      });
    }
    if (code === 'EACCES' || code === 'EPERM') return false;
    throw new HoldfastError('Unexpected', `The source ${source} cannot be read: ${message}.`, { cause: error });
  }
}

function isEmptyFolder(source: string): boolean {
  try {
    const folder = opendirSync(toBytes(fromEscapedText(source)));
    try {
      return folder.readSync() === null;
    } finally {
      folder.closeSync();
    }
  } catch {
    // Not a folder, or not readable: the walk tells.
    return false;
  }
}
