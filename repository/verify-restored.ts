/** Verifying a restore: walks the snapshot once more and has the threads compare every restored file with it. */
import type { ByteString } from '../common/byte-string.ts';
import { forEachConcurrently } from '../common/concurrency.ts';
import type { ReaderPool } from './reader-pool.ts';
import type { Repository } from './repository.ts';
import type { RestoreRequest } from './restore.ts';
import { plainSize } from './plain-size.ts';
import { locateContent } from './restore-blobs.ts';
import { RestoreLinks } from './restore-links.ts';
import type { RestoreAnswer, RestoreTarget } from './restore-messages.ts';
import type { RestoreSelection } from './restore-selection.ts';
import { findStart, placeOf, walkFrom } from './restore-walk.ts';
import type { TreeNode } from './tree-node.ts';
import { TreeReader } from './tree-reader.ts';
import type { FileToVerify } from './verify-entries.ts';

const MAX_BATCH_FILES = 128;
const MAX_BATCH_BYTES = 16 * 1024 * 1024;

export interface VerifyOptions {
  repository: Repository;
  request: RestoreRequest;
  selection: RestoreSelection;
  pool: ReaderPool;
  target: RestoreTarget;
  /** Below the target: files whose restore has failed. */
  failed: ReadonlySet<ByteString>;
  onAnswer: (answer: RestoreAnswer) => void;
}

/** What differs is in the answers. Memory is bounded. */
export async function verifyRestored(options: VerifyOptions): Promise<void> {
  const { pool, request, target } = options;
  let bytes = 0;
  await forEachConcurrently(batches(options), pool.concurrency, async (files) => {
    const answer = await pool.run('verify-entries', { target, files });
    bytes += answer.bytes;
    options.onAnswer(answer);
    request.progress?.report({ phase: 'verifying', bytes });
  });
}

async function* batches(options: VerifyOptions): AsyncGenerator<FileToVerify[]> {
  let batch: FileToVerify[] = [];
  let bytes = 0;
  for await (const { file, content } of restoredFiles(options)) {
    let { offset } = file;
    let part = file;
    batch.push(part);
    for (const blob of content) {
      part.blobs.push(blob);
      offset += blob.sizeBytes;
      bytes += blob.sizeBytes;
      if (bytes < MAX_BATCH_BYTES) continue;
      yield batch;
      // A big file goes on in the next batch.
      part = { ...file, offset, blobs: [] };
      batch = [part];
      bytes = 0;
    }
    if (batch.length < MAX_BATCH_FILES) continue;
    yield batch;
    batch = [];
    bytes = 0;
  }
  if (batch.length > 0) yield batch;
}

interface RestoredFile {
  file: FileToVerify;
  content: FileToVerify['blobs'];
}

async function* restoredFiles(options: VerifyOptions): AsyncGenerator<RestoredFile> {
  const { repository, request, selection, failed } = options;
  const start = await findStart(repository, request.snapshot.tree, request.subPath, request.signal);
  const links = new RestoreLinks();
  const walk = walkFrom(repository, start, {
    signal: request.signal,
    trees: new TreeReader(repository),
    descend: (path) => selection.descends(path),
    // Told of when it was to be restored.
    onError: () => undefined,
  });
  for await (const { path, node } of walk) {
    if (node.type !== 'file' || !selection.takes(path, node)) continue;
    const place = placeOf(start, path);
    if (failed.has(place.path) || links.takes(place, node)) continue;
    const content = contentOf(repository, node);
    const sizeBytes = content.reduce((sum, blob) => sum + blob.sizeBytes, 0);
    yield { file: { folder: place.folder, name: place.name, sizeBytes, offset: 0, blobs: [] }, content };
  }
}

function contentOf(repository: Repository, node: TreeNode): FileToVerify['blobs'] {
  const ids = node.content ?? [];
  const locations = locateContent(repository, ids) ?? [];
  return locations.map((location, index) => ({ id: ids[index] ?? '', sizeBytes: plainSize(location) }));
}
