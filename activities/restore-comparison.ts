/** Compares restored files with the snapshot, independently of the restore: each blob's bytes by their hash, and the metadata. */
import { createHash } from 'node:crypto';
import { open, readlink, lstat, type FileHandle } from 'node:fs/promises';
import type { ByteString } from '../common/byte-string.ts';
import { throwIfAborted } from '../common/errors.ts';
import type { Progress } from '../common/progress.ts';
import type { FindingList } from '../domain/findings.ts';
import { displayPath, fromText, joinPath, toBytes } from '../files/byte-path.ts';
import { fromGoMode } from '../repository/go-file-mode.ts';
import { parseGoTime } from '../repository/go-time.ts';
import type { Repository } from '../repository/repository.ts';
import type { TreeNode } from '../repository/tree-node.ts';
import { walkSnapshot } from '../repository/walk-snapshot.ts';

export interface ComparisonRequest {
  treeId: string;
  /** The folder into which the snapshot's root was restored; absolute. */
  target: string;
  /** What was restored. */
  isSelected: (path: ByteString, node: TreeNode) => boolean;
  /** Everything was restored: then folders have their metadata too. */
  full: boolean;
  findings: FindingList;
  signal: AbortSignal;
  progress: Progress;
}

/** Reads every selected file again. Differences are findings `restore/mismatch`; returns the number of files compared. */
export async function compareRestored(repository: Repository, request: ComparisonRequest): Promise<number> {
  const root = fromText(request.target);
  let compared = 0;
  // Trees that cannot be read have been told when the files were chosen.
  const walk = { signal: request.signal, onError: () => undefined };
  for await (const { path, node } of walkSnapshot(repository, request.treeId, walk)) {
    if (node.type === 'dir' ? !request.full : node.type === 'socket' || !request.isSelected(path, node)) continue;
    const differences = await compareEntry(
      repository,
      joinPath(root, path.slice(1) as ByteString),
      node,
      request.signal,
    );
    for (const difference of differences) request.findings.add(mismatch(path, difference));
    if (node.type !== 'dir') compared++;
    request.progress.report({ phase: 'comparing', files: compared });
  }
  return compared;
}

function mismatch(path: ByteString, difference: string) {
  const subject = displayPath(path);
  return {
    code: 'restore/mismatch',
    severity: 'critical' as const,
    subject,
    message: `${subject} was not restored as it is in the snapshot: ${difference}`,
    hint: 'Run "holdfast check --read-data" on the repository, and look at the disks of both sides.',
  };
}

async function compareEntry(
  repository: Repository,
  restored: ByteString,
  node: TreeNode,
  signal: AbortSignal,
): Promise<string[]> {
  throwIfAborted(signal);
  const path = toBytes(restored);
  try {
    const stats = await lstat(path, { bigint: true });
    const differences = [...compareType(node, stats.isFile(), stats.isSymbolicLink())];
    if (differences.length > 0) return differences;
    if (node.type === 'symlink') return compareLink(node, await readlink(path, 'latin1'));
    const mode = Number(stats.mode & 0o7777n);
    const wanted = fromGoMode(node.mode ?? 0);
    if (mode !== wanted) differences.push(`its mode is ${mode.toString(8)}, not ${wanted.toString(8)}`);
    const mtime = parseGoTime(node.mtime);
    if (mtime !== undefined && mtime !== stats.mtimeNs) differences.push('its modification time differs');
    if (node.type === 'file') differences.push(...(await compareFile(repository, path, node, stats.size, signal)));
    return differences;
  } catch (error) {
    throwIfAborted(signal);
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return ['it is missing'];
    if (code === 'EACCES') return ['it cannot be read'];
    throw error;
  }
}

function compareType(node: TreeNode, isFile: boolean, isLink: boolean): string[] {
  if ((node.type === 'file') === isFile && (node.type === 'symlink') === isLink) return [];
  return [`it is no ${node.type}`];
}

function compareLink(node: TreeNode, target: string): string[] {
  return node.linktarget === target ? [] : ['it links elsewhere'];
}

async function compareFile(
  repository: Repository,
  path: Buffer,
  node: TreeNode,
  sizeBytes: bigint,
  signal: AbortSignal,
): Promise<string[]> {
  if (sizeBytes !== BigInt(node.size ?? 0)) return [`it has ${sizeBytes} bytes, not ${node.size ?? 0}`];
  const file = await open(path, 'r');
  try {
    let offset = 0;
    for (const id of node.content ?? []) {
      throwIfAborted(signal);
      const length = blobLength(repository, id);
      if (length === undefined) return [`the repository does not know its blob ${id}`];
      if ((await hashRange(file, offset, length)) !== id) return [`its content differs at byte ${offset}`];
      offset += length;
    }
    return BigInt(offset) === sizeBytes ? [] : [`its blobs hold ${offset} bytes, not ${sizeBytes}`];
  } finally {
    await file.close();
  }
}

/** Plain bytes: 32 fewer than stored, where nothing was compressed. */
function blobLength(repository: Repository, id: string): number | undefined {
  const location = repository.findBlob('data', id);
  return location === undefined ? undefined : (location.uncompressedLength ?? location.length - 32);
}

const PIECE_BYTES = 1024 * 1024;

async function hashRange(file: FileHandle, offset: number, length: number): Promise<string> {
  const hash = createHash('sha256');
  const piece = Buffer.allocUnsafe(Math.min(PIECE_BYTES, length));
  for (let done = 0; done < length;) {
    const { bytesRead } = await file.read(piece, 0, Math.min(piece.length, length - done), offset + done);
    if (bytesRead === 0) break;
    hash.update(piece.subarray(0, bytesRead));
    done += bytesRead;
  }
  return hash.digest('hex');
}
