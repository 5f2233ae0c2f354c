/** Whether a file and its copy have the same content: by what their servers say of it, or by reading. */
import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { ByteString } from '../common/byte-string.ts';
import { IntegrityError } from '../common/errors.ts';
import { giveBack } from '../common/lent-memory.ts';
import type { ContentChecksum, FileTree } from '../files/file-tree.ts';
import { crc32c } from '../storage/crc32c.ts';
import { fromSource, heldStream, sourcePieces } from './source-error.ts';

export interface ComparedTrees {
  source: FileTree;
  target: FileTree;
  signal: AbortSignal;
}

/** `damaged`: the target's copy says itself that it is not what was written. */
export type Comparison = 'equal' | 'different' | 'damaged';

type Algorithm = ContentChecksum['algorithm'];

/**
 * Reads both. Throws SourceError when the source cannot be read, and what else the target throws.
 *
 * @param at The path in the target, where that is another one.
 */
export async function compareContent(
  { source, target, signal }: ComparedTrees,
  path: ByteString,
  at = path,
): Promise<Comparison> {
  const ofSource = fromSource(() => digestSource({ source, signal }, path, 'sha256'));
  const ofTarget = digestTarget({ target, signal }, at, 'sha256');
  const [left, right] = await Promise.allSettled([ofSource, ofTarget]);
  if (left.status === 'rejected') throw left.reason;
  if (right.status === 'fulfilled') return left.value === right.value ? 'equal' : 'different';
  if (right.reason instanceof IntegrityError) return 'damaged';
  throw right.reason;
}

/**
 * As `compareContent`, but of what a server has a checksum for nothing is read: where both have one of a kind, no side;
 * where one has, the other alone. Such a checksum tells what was stored, not what a disk gives back today.
 */
export async function compareChecksums(trees: ComparedTrees, path: ByteString): Promise<Comparison> {
  const { source, target, signal } = trees;
  const [ofSource, ofTarget] = await Promise.all([
    fromSource(async () => (await source.checksums?.(path, { signal })) ?? []),
    target.checksums?.(path, { signal }) ?? [],
  ]);
  for (const { algorithm, value } of ofSource) {
    const other = ofTarget.find((checksum) => checksum.algorithm === algorithm);
    if (other !== undefined) return verdict(value === other.value);
  }
  const [ofTargetOnly] = ofTarget;
  if (ofTargetOnly !== undefined) {
    const { algorithm, value } = ofTargetOnly;
    return verdict((await fromSource(() => digestSource(trees, path, algorithm))) === value);
  }
  const [ofSourceOnly] = ofSource;
  if (ofSourceOnly === undefined) return compareContent(trees, path);
  try {
    return verdict((await digestTarget(trees, path, ofSourceOnly.algorithm)) === ofSourceOnly.value);
  } catch (error) {
    if (error instanceof IntegrityError) return 'damaged';
    throw error;
  }
}

/** Of these no two contents have the same by chance. */
const STRONG: ReadonlySet<Algorithm> = new Set<Algorithm>(['sha256', 'sha1', 'md5']);

/**
 * Whether the target's server says by itself that it has the source's content at another path; false where it says nothing
 * that would be a proof. The source is read where its own server says nothing. Throws SourceError like the others.
 */
export async function isProvenByChecksum(trees: ComparedTrees, path: ByteString, at: ByteString): Promise<boolean> {
  const { source, target, signal } = trees;
  const known = ((await target.checksums?.(at, { signal })) ?? []).find(({ algorithm }) => STRONG.has(algorithm));
  if (known === undefined) return false;
  const { algorithm, value } = known;
  const ofSource = await fromSource(async () => (await source.checksums?.(path, { signal })) ?? []);
  const same = ofSource.find((checksum) => checksum.algorithm === algorithm);
  return (same?.value ?? (await fromSource(() => digestSource(trees, path, algorithm)))) === value;
}

function verdict(equal: boolean): Comparison {
  return equal ? 'equal' : 'different';
}

async function digestSource(
  { source, signal }: Pick<ComparedTrees, 'source' | 'signal'>,
  path: ByteString,
  algorithm: Algorithm,
): Promise<string> {
  return digest(sourcePieces(heldStream(await source.openRead(path, { signal }))), algorithm);
}

async function digestTarget(
  { target, signal }: Pick<ComparedTrees, 'target' | 'signal'>,
  path: ByteString,
  algorithm: Algorithm,
): Promise<string> {
  return digest(heldStream(await target.openRead(path, { signal })) as AsyncIterable<Uint8Array>, algorithm);
}

/** Lower-case hex. */
async function digest(content: AsyncIterable<Uint8Array>, algorithm: Algorithm): Promise<string> {
  if (algorithm === 'crc32' || algorithm === 'crc32c') {
    const next = algorithm === 'crc32' ? crc32 : crc32c;
    let value = 0;
    for await (const piece of content) {
      value = next(piece, value);
      giveBack(piece);
    }
    return (value >>> 0).toString(16).padStart(8, '0');
  }
  const hash = createHash(algorithm);
  for await (const piece of content) {
    hash.update(piece);
    giveBack(piece);
  }
  return hash.digest('hex');
}
