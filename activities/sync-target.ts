/** The target of a sync: that it is where it was, made when it is new, and nobody else is syncing into it. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { ByteString } from '../common/byte-string.ts';
import { HoldfastError } from '../common/errors.ts';
import { acceptCommand } from '../domain/accept-command.ts';
import type { ActionRequest, SyncSettings } from '../domain/action.ts';
import type { FileTree } from '../files/file-tree.ts';
import { takeLease } from './file-lease.ts';
import type { Lease, LeaseOptions } from './lease.ts';
import { takeObjectLease } from './object-lease.ts';
import type { CallContext, Dependencies } from './dependencies.ts';
import { readHistory } from './sync-history.ts';

const LEASE_WAIT_SECONDS = 1800;

/**
 * Makes the location's folder and the target, mode 0700, at the first run. Refuses (GuardRefused, `missingTarget`) when
 * the target is gone though the records say that a run succeeded: a disk that is not mounted must not be filled anew
 * beside its mount point.
 *
 * @param target All of it, as it is stored.
 */
export async function prepareTarget(deps: Dependencies, request: ActionRequest, target: FileTree): Promise<void> {
  const root = await target.stat('' as ByteString);
  if (root?.type === 'dir') return;
  if (!request.accept?.includes('missingTarget') && (await readHistory(deps, request)).succeeded) {
    throw new HoldfastError(
      'GuardRefused',
      `the target ${target.description} does not exist, though a sync to it has succeeded before`,
      {
        hint: `Check that it is mounted. If it is to be filled anew, run: ${acceptCommand(request.action, 'missingTarget')}`,
        context: { guard: 'missingTarget', finding: 'guard/missing-target' },
      },
    );
  }
  if (request.dryRun !== true) await target.makeFolder('' as ByteString, { mode: 0o700 });
}

/** One sync at a time writes into a target; another one waits for up to half an hour. */
export async function leaseTarget(
  deps: Dependencies,
  settings: SyncSettings,
  target: FileTree,
  context: CallContext,
): Promise<Lease> {
  const { to, path } = settings;
  const which = path === '' ? '' : `.${createHash('sha256').update(path).digest('hex').slice(0, 16)}`;
  const name = `.holdfast-sync${which}.lock`;
  const options: LeaseOptions = {
    subject: `the sync target ${target.description}`,
    signal: context.signal,
    waitSeconds: LEASE_WAIT_SECONDS,
    onWait: (holder) => context.progress.report({ phase: `waiting for ${holder}` }),
  };
  return to.local === undefined
    ? leaseElsewhere(deps, settings, name, options)
    : takeLease(join(to.local.path, name), options);
}

/** By the maintainer, who alone may remove what a dead one has left. */
async function leaseElsewhere(
  deps: Dependencies,
  { to }: SyncSettings,
  name: string,
  options: LeaseOptions,
): Promise<Lease> {
  const storage = await deps.openStorage(to, '', 'maintainer');
  try {
    const lease = await takeObjectLease(storage, name, options);
    return {
      lost: lease.lost,
      async release() {
        try {
          await lease.release();
        } finally {
          await storage.close();
        }
      },
    };
  } catch (error) {
    await storage.close();
    throw error;
  }
}
