/** The marker in the root of a sync's target: read before anything is planned, written before anything is copied. */
import { isDeepStrictEqual } from 'node:util';
import type { ByteString } from '../common/byte-string.ts';
import { HoldfastError } from '../common/errors.ts';
import { acceptCommand } from '../domain/accept-command.ts';
import type { ActionRequest, SyncSettings } from '../domain/action.ts';
import {
  checkTargetClaim,
  parseSyncMarker,
  SYNC_MARKER_FILE,
  type SyncMarker,
  type TargetState,
} from '../domain/sync-marker.ts';
import { fromText, toBytes } from '../files/byte-path.ts';
import type { DiskKeeps } from '../files/disk-keeps.ts';
import type { FileTree } from '../files/file-tree.ts';
import type { Dependencies } from './dependencies.ts';
import { readHistory } from './sync-history.ts';
import { isSyncLock, isSyncMarker } from './sync-own-names.ts';

const EMPTY = '' as ByteString;
const MARKER = fromText(SYNC_MARKER_FILE);
/** A name with a capital that Unicode writes in two ways, and what it may be found by. */
const PROBE = fromText(`${SYNC_MARKER_FILE}-\u00c4`);
const PROBE_IN_CAPITALS = fromText(`${SYNC_MARKER_FILE.toUpperCase()}-\u00c4`);
const PROBE_DECOMPOSED = fromText(`${SYNC_MARKER_FILE}-A\u0308`);
/** The file by which is tried what the target keeps of a file's metadata. */
export const KEEPS_PROBE = `${SYNC_MARKER_FILE}-keeps`;
/** A new disk with ext4 has it. */
const LOST_AND_FOUND = fromText('lost+found');
/** A marker has some hundred bytes. */
const MAX_MARKER_BYTES = 64 * 1024;

/**
 * Throws GuardRefused (`foreignTarget`, `missingTarget`), having changed nothing, when the target is not this policy's.
 *
 * @param tree The whole target, not decrypted.
 * @returns The policy's own marker when it is there already.
 */
export async function requireOwnTarget(
  deps: Pick<Dependencies, 'openEvidence'>,
  request: ActionRequest,
  settings: SyncSettings,
  tree: FileTree,
): Promise<SyncMarker | undefined> {
  const { policy = '' } = request.action;
  const state = await readState(tree);
  if (state.kind === 'marked' && state.marker.policy === policy) return state.marker;
  const refusal = checkTargetClaim({
    description: tree.description,
    state,
    policyNames: [policy, ...(settings.formerly ?? [])],
    mode: settings.mode,
    // A marker needs no records beside it.
    history: state.kind === 'marked' ? { succeeded: false, marked: false } : await readHistory(deps, request),
    accept: request.accept ?? [],
  });
  if (refusal === undefined) return undefined;
  const { guard, message, hint } = refusal;
  throw new HoldfastError('GuardRefused', message, {
    hint: `${hint}, run: ${acceptCommand(request.action, guard)}`,
    context: { guard, finding: guard === 'foreignTarget' ? 'guard/foreign-target' : 'guard/missing-target' },
  });
}

/**
 * Puts the policy's marker in the root, which is made when it is not there (mode 0700), and tries with it which names the
 * target does not tell apart: nothing else says so.
 */
export async function writeSyncMarker(
  tree: FileTree,
  request: ActionRequest,
  settings: SyncSettings,
  { now, keeps }: { now: Date; keeps: DiskKeeps | undefined },
): Promise<SyncMarker> {
  const root = await tree.stat(EMPTY);
  if (root === undefined) await tree.makeFolder(EMPTY, { mode: 0o700 });
  // Settled again with the other folders when the sync is done.
  else if ((root.mode & 0o300) !== 0o300) await tree.setMetadata(EMPTY, { mode: root.mode | 0o700 });
  const marker: SyncMarker = {
    format: 'holdfast-sync/1',
    policy: request.action.policy ?? '',
    target: settings.to.name,
    path: settings.path,
    createdAt: now.toISOString(),
    folds: await tryFolds(tree),
    ...(keeps === undefined ? {} : { keeps }),
  };
  await writeText(tree, MARKER, marker);
  return marker;
}

/** What is there now, when it is another disk than the one of which the marker tells. */
export async function renewSyncMarker(tree: FileTree, marker: SyncMarker, keeps: DiskKeeps | undefined): Promise<void> {
  if (isDeepStrictEqual(marker.keeps, keeps)) return;
  const { keeps: _, ...rest } = marker;
  await writeText(tree, MARKER, { ...rest, ...(keeps === undefined ? {} : { keeps }) });
}

async function tryFolds(tree: FileTree): Promise<SyncMarker['folds']> {
  await writeText(tree, PROBE, {});
  const folds: SyncMarker['folds'] = [];
  if ((await tree.stat(PROBE_IN_CAPITALS)) !== undefined) folds.push('case');
  if ((await tree.stat(PROBE_DECOMPOSED)) !== undefined) folds.push('unicode');
  if (folds.length > 0 && !(await isListed(tree, PROBE))) folds.push('spelling');
  await removeProbe(tree);
  return folds;
}

/** A writer who may not delete leaves it: it is no part of the copy. */
async function removeProbe(tree: FileTree): Promise<void> {
  try {
    await tree.remove(PROBE);
  } catch (error) {
    if (!(error instanceof HoldfastError) || error.code !== 'AccessDenied') throw error;
  }
}

async function isListed(tree: FileTree, wanted: ByteString): Promise<boolean> {
  for await (const { path } of tree.list(EMPTY)) if (path === wanted) return true;
  return false;
}

async function writeText(tree: FileTree, path: ByteString, content: object): Promise<void> {
  await tree.replace(path, once(Buffer.from(`${JSON.stringify(content, undefined, 2)}\n`)), { mode: 0o600 });
}

async function readState(tree: FileTree): Promise<TargetState> {
  if ((await tree.stat(EMPTY)) === undefined) return { kind: 'absent' };
  const found = await tree.stat(MARKER);
  if (found !== undefined) {
    const marker = found.type === 'file' ? parseSyncMarker(await readText(tree)) : undefined;
    return marker === undefined ? { kind: 'unreadable' } : { kind: 'marked', marker };
  }
  for await (const { path } of tree.list(EMPTY)) {
    if (!isSyncLock(toBytes(path).toString('utf8')) && !isSyncMarker(path) && path !== LOST_AND_FOUND)
      return { kind: 'unmarked' };
  }
  return { kind: 'empty' };
}

async function readText(tree: FileTree): Promise<string> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of (await tree.openRead(MARKER)) as AsyncIterable<Uint8Array>) {
    pieces.push(piece);
    length += piece.length;
    if (length > MAX_MARKER_BYTES) break;
  }
  return Buffer.concat(pieces).toString('utf8');
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
