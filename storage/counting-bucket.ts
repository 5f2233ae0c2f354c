/** A bucket that counts what is asked of it, by the classes of operations that providers bill. */
import type { Bucket } from './bucket.ts';
import { eachPiece } from './pass-pieces.ts';
import type { StorageCounts } from './storage.ts';

/** Adds to `counts`. Calls, not requests: a long list comes in pages. */
export function countingBucket(bucket: Bucket, counts: StorageCounts): Bucket {
  const { name, prefix, times, listsMetadata, knowsWhatItRemoves } = bucket;
  return {
    name,
    prefix,
    times,
    listsMetadata,
    knowsWhatItRemoves,
    list(...call) {
      counts.lists += 1;
      return bucket.list(...call);
    },
    listFolder(...call) {
      counts.lists += 1;
      return bucket.listFolder(...call);
    },
    head(...call) {
      counts.stats += 1;
      return bucket.head(...call);
    },
    async get(...call) {
      counts.reads += 1;
      const opened = await bucket.get(...call);
      return opened && { ...opened, pieces: counted(opened.pieces, (bytes) => (counts.bytesRead += bytes)) };
    },
    put(key, content, call) {
      counts.writes += 1;
      if (!(content instanceof Uint8Array)) {
        const pieces = eachPiece(content, async ({ length }) => void (counts.bytesWritten += length));
        return bucket.put(key, pieces, call);
      }
      counts.bytesWritten += content.length;
      return bucket.put(key, content, call);
    },
    copy(...call) {
      counts.writes += 1;
      return bucket.copy(...call);
    },
    changeMetadata(...call) {
      counts.writes += 1;
      return bucket.changeMetadata(...call);
    },
    remove(...call) {
      counts.removes += 1;
      return bucket.remove(...call);
    },
    checksums(...call) {
      counts.stats += 1;
      return bucket.checksums(...call);
    },
    probeRights: (...call) => bucket.probeRights(...call),
    rules: (...call) => bucket.rules(...call),
    close: () => bucket.close(),
  };
}

async function* counted(pieces: AsyncIterable<Buffer>, add: (bytes: number) => void): AsyncGenerator<Buffer> {
  for await (const piece of pieces) {
    add(piece.length);
    yield piece;
  }
}
