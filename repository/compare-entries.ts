/** Looking at what stands where entries are to be restored, in a reader thread: what is the snapshot's already need not be written again. */
import { fstatSync, lstatSync, readlinkSync, constants, type BigIntStats } from 'node:fs';
import type { ByteString } from '../common/byte-string.ts';
import { fromBytes, toBytes } from '../files/byte-path.ts';
import { errorCode, isAbsence } from '../files/file-errors.ts';
import { HeldFolders } from '../files/held-folders.ts';
import type { NativeFolderCalls } from '../files/native-folder.ts';
import { readFully } from '../files/read-fully.ts';
import type { SafeFolder } from '../files/safe-folder.ts';
import { removeAbandoned } from '../files/temporary-name.ts';
import { sha256Hex } from './crypto.ts';
import { fromGoMode } from './go-file-mode.ts';
import { parseGoTime } from './go-time.ts';
import { targetPath } from './restore-entries.ts';
import type { CompareBatch, Overwrite, PlaceState, RestoreEntry, RestoreTarget } from './restore-messages.ts';

const SELF = '' as ByteString;
const READ = constants.O_NONBLOCK;

/** One answer an entry, in the order of the folders and their entries. What cannot be looked at is to be replaced: trying says why not. */
export function compareEntries(calls: NativeFolderCalls, batch: CompareBatch): { states: PlaceState[] } {
  const states: PlaceState[] = [];
  using held = new HeldFolders(targetPath(batch.target));
  for (const [number, { folder: path, entries }] of batch.folders.entries()) {
    const folder = openIfThere(held, path);
    if (folder !== undefined && batch.sweep?.[number] === true) removeAbandoned(folder);
    for (const entry of entries) {
      states.push(folder === undefined ? { kind: 'absent' } : compareEntry(calls, batch, folder, entry));
    }
  }
  return { states };
}

/** undefined: there is no such folder yet. */
function openIfThere(held: HeldFolders, path: ByteString): SafeFolder | undefined {
  try {
    return held.open(path);
  } catch (error) {
    if (errorCode(error) === undefined) throw error;
    return undefined;
  }
}

function compareEntry(
  calls: NativeFolderCalls,
  { overwrite, target }: CompareBatch,
  folder: SafeFolder,
  entry: RestoreEntry,
): PlaceState {
  try {
    const path = toBytes(folder.entry(entry.name));
    const stats = lstatSync(path, { bigint: true });
    if (isKept(overwrite, stats, entry)) return { kind: 'kept' };
    const { node } = entry;
    if (node.type === 'file') return compareFile(calls, { overwrite, target }, folder, entry, stats);
    const isSame =
      (node.type === 'symlink' &&
        stats.isSymbolicLink() &&
        fromBytes(readlinkSync(path, 'buffer')) === (node.linktarget ?? SELF)) ||
      (node.type === 'fifo' && stats.isFIFO()) ||
      (node.type === 'dev' && stats.isBlockDevice() && stats.rdev === (node.device ?? 0n)) ||
      (node.type === 'chardev' && stats.isCharacterDevice() && stats.rdev === (node.device ?? 0n));
    return isSame ? { kind: 'same', metadata: differs(target, stats, entry) } : { kind: 'other' };
  } catch (error) {
    if (errorCode(error) === undefined) throw error;
    return { kind: isAbsence(error) ? 'absent' : 'other' };
  }
}

/** Whether what stands in the place is to be left alone. */
export function isKept(overwrite: Overwrite, stats: BigIntStats, { node }: Pick<RestoreEntry, 'node'>): boolean {
  if (overwrite === 'never') return true;
  return overwrite === 'if-newer' && (parseGoTime(node.mtime) ?? 0n) <= stats.mtimeNs;
}

function compareFile(
  calls: NativeFolderCalls,
  { overwrite, target }: { overwrite: Overwrite; target: RestoreTarget },
  folder: SafeFolder,
  entry: RestoreEntry,
  stats: BigIntStats,
): PlaceState {
  const { node, sizes = [] } = entry;
  if (!stats.isFile()) return { kind: 'other' };
  const size = sizes.reduce((sum, each) => sum + each, 0);
  const same: PlaceState = { kind: 'same', metadata: differs(target, stats, entry) };
  const sizeFits = stats.size === BigInt(size);
  if (overwrite === 'if-changed' && sizeFits && stats.mtimeNs === parseGoTime(node.mtime)) return same;
  const { descriptor, writable } = openForBoth(calls, folder, entry.name);
  try {
    const missing = findMissing(descriptor, node.content ?? [], sizes);
    if (missing.length === 0 && sizeFits) return same;
    // Another name of the same inode would change with it. Where nothing is to be kept, the old content need not go before the new is whole.
    const inPlace = writable && fstatSync(descriptor).nlink === 1 && missing.length < sizes.length;
    return inPlace ? { kind: 'changed', missing } : { kind: 'other' };
  } finally {
    calls.close(descriptor);
  }
}

function openForBoth(calls: NativeFolderCalls, folder: SafeFolder, name: ByteString): Opened {
  try {
    return { descriptor: calls.open(folder.descriptor, name, constants.O_RDWR | READ, 0), writable: true };
  } catch {
    return { descriptor: calls.open(folder.descriptor, name, constants.O_RDONLY | READ, 0), writable: false };
  }
}

interface Opened {
  descriptor: number;
  writable: boolean;
}

/** The numbers of the blobs that do not stand where they belong. */
function findMissing(descriptor: number, content: readonly string[], sizes: readonly number[]): number[] {
  const missing: number[] = [];
  let memory = Buffer.alloc(0);
  let offset = 0;
  for (const [index, id] of content.entries()) {
    const size = sizes[index] ?? 0;
    if (memory.length < size) memory = Buffer.allocUnsafeSlow(size);
    const found = readFully(descriptor, memory.subarray(0, size), offset);
    if (found.length < size || sha256Hex(found) !== id) missing.push(index);
    offset += size;
  }
  return missing;
}

/** Attributes are not read: what has some gets them once more. */
function differs({ owners }: RestoreTarget, stats: BigIntStats, { node }: RestoreEntry): boolean {
  const mode = Number(stats.mode & 0o7777n);
  return (
    stats.mtimeNs !== parseGoTime(node.mtime) ||
    (node.type !== 'symlink' && mode !== fromGoMode(node.mode ?? 0)) ||
    (owners && (stats.uid !== BigInt(node.uid) || stats.gid !== BigInt(node.gid))) ||
    (node.extended_attributes?.length ?? 0) > 0
  );
}
