/** The bytes of a file of a snapshot, in order, with a few blobs read ahead. */
import { IntegrityError, NotFoundError } from '../common/errors.ts';
import type { ByteString } from '../common/byte-string.ts';
import { displayPath } from '../files/byte-path.ts';
import { plainSize } from './plain-size.ts';
import type { Repository } from './repository.ts';
import type { TreeNode } from './tree-node.ts';

/** Of at most 8 MiB each: what a dump holds in memory. */
const BLOBS_AHEAD = 3;

/** Yields one blob after the other, each verified against its MAC and its id. Throws IntegrityError for one that is missing or damaged. */
export async function* dumpContent(
  repository: Repository,
  path: ByteString,
  node: TreeNode,
  signal?: AbortSignal,
): AsyncGenerator<Buffer> {
  checkSize(repository, path, node);
  const ids = node.content ?? [];
  const ahead: Promise<Buffer>[] = [];
  for (let next = 0; next < ids.length || ahead.length > 0;) {
    while (ahead.length < BLOBS_AHEAD && next < ids.length) {
      const reading = repository.loadBlob('data', ids[next++]!, signal === undefined ? {} : { signal });
      // Its failure is told when it is its turn.
      reading.catch(() => undefined);
      ahead.push(reading);
    }
    try {
      yield await ahead.shift()!;
    } catch (error) {
      throw asDamage(path, error);
    }
  }
}

/** What a missing or damaged blob or tree means for the dump of this path; other failures (storage, interruption) stay what they are. */
export function asDamage(path: ByteString, error: unknown): unknown {
  return error instanceof IntegrityError || error instanceof NotFoundError ? damaged(path, error) : error;
}

/** Before the first byte: a file that lacks a blob, or whose blobs are not as long as the file, is not begun. */
function checkSize(repository: Repository, path: ByteString, node: TreeNode): void {
  let size = 0;
  for (const id of node.content ?? []) {
    const location = repository.findBlob('data', id);
    if (location === undefined) throw damaged(path, new Error(`data blob ${id} is in no pack of the index`));
    size += plainSize(location);
  }
  if (size !== (node.size ?? 0))
    throw damaged(path, new Error(`its blobs have ${size} bytes, the file ${node.size ?? 0}`));
}

function damaged(path: ByteString, cause: unknown): IntegrityError {
  const message = cause instanceof Error ? cause.message : String(cause);
  return new IntegrityError(`${displayPath(path) || '/'} cannot be dumped whole: ${message}`, {
    hint: 'what came out of it must not be used; "holdfast restore" brings back all that is whole, and names what is not',
    cause,
  });
}
