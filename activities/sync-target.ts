/** The target of a sync: that it is where it was, made when it is new, and nobody else is syncing into it. */
import { createHash } from 'node:crypto';
import { mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { HoldfastError } from '../common/errors.ts';
import type { ActionRequest, SyncSettings } from '../domain/action.ts';
import { takeLease, type Lease } from './file-lease.ts';
import type { CallContext, Dependencies } from './dependencies.ts';
import { readHistory } from './sync-history.ts';

const LEASE_WAIT_SECONDS = 1800;

/** Whether a name in a location's root is a sync's lock file: never walked, never synced. */
export function isSyncLock(path: string): boolean {
  return /^\.holdfast-sync(\.[0-9a-f]{16})?\.lock/.test(path);
}

/** Absolute. */
export function targetDirectory(settings: SyncSettings): string {
  return join(settings.to.local.path, settings.path);
}

/**
 * Makes the location's folder and the target, mode 0700, at the first run. Refuses (GuardRefused, `missingTarget`) when
 * the target is gone though the records say that a run succeeded: a disk that is not mounted must not be filled anew
 * beside its mount point.
 */
export async function prepareTarget(deps: Dependencies, request: ActionRequest, settings: SyncSettings): Promise<void> {
  const directory = targetDirectory(settings);
  if (await isFolder(directory)) return;
  if (!request.accept?.includes('missingTarget') && (await readHistory(deps, request)).succeeded) {
    const { policy = '' } = request.action;
    throw new HoldfastError(
      'GuardRefused',
      `the target ${directory} does not exist, though a sync to it has succeeded before`,
      {
        hint: `Check that it is mounted. If it is to be filled anew, run: holdfast run ${policy} sync --accept missingTarget`,
        context: { guard: 'missingTarget', finding: 'guard/missing-target' },
      },
    );
  }
  if (request.dryRun !== true) await mkdir(directory, { recursive: true, mode: 0o700 });
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

/** One sync at a time writes into a target; another one waits for up to half an hour. */
export async function leaseTarget(settings: SyncSettings, context: CallContext): Promise<Lease> {
  const { path } = settings;
  const which = path === '' ? '' : `.${createHash('sha256').update(path).digest('hex').slice(0, 16)}`;
  return takeLease(join(settings.to.local.path, `.holdfast-sync${which}.lock`), {
    subject: `the sync target ${targetDirectory(settings)}`,
    signal: context.signal,
    waitSeconds: LEASE_WAIT_SECONDS,
    onWait: (holder) => context.progress.report({ phase: `waiting for ${holder}` }),
  });
}
