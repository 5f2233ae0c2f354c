/** A tree of files whose uploads and downloads keep to a rate. */
import type { RateLimits } from '../common/rate-limits.ts';
import type { FileTree } from '../files/file-tree.ts';
import { passTree } from '../files/pass-tree.ts';
import { eachPiece, passPieces } from './pass-pieces.ts';
import { createTokenBucket } from './token-bucket.ts';

/** As `throttled` does with a storage: all calls through one tree share its limits. */
export function throttledTree(
  tree: FileTree,
  limitsAt: (now: Date) => RateLimits,
  now: () => Date = () => new Date(),
): FileTree {
  const upload = createTokenBucket(() => limitsAt(now()).uploadBytesPerSecond);
  const download = createTokenBucket(() => limitsAt(now()).downloadBytesPerSecond);
  return {
    ...passTree(tree),
    openRead: async (path, call = {}) =>
      passPieces(await tree.openRead(path, call), (piece) => download(piece.length, call)),
    replace: (path, content, metadata, call = {}) =>
      tree.replace(
        path,
        eachPiece(content, (piece) => upload(piece.length, call)),
        metadata,
        call,
      ),
  };
}
