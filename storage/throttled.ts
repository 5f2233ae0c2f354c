/** A storage whose uploads and downloads keep to a rate: token buckets, one for each direction. */
import { throwIfAborted } from '../common/errors.ts';
import type { RateLimits } from '../common/rate-limits.ts';
import { passCapabilities, passFolders, passRights } from './pass-folders.ts';
import { eachPiece, passPieces } from './pass-pieces.ts';
import type { Storage } from './storage.ts';
import { createTokenBucket } from './token-bucket.ts';

/** What is sent in one go when a limit holds: small, so that the line is used evenly. */
const PIECE_BYTES = 64 * 1024;

/**
 * All calls through one storage share its limits. Bytes are paid for before they are written, and after they were read
 * (a read of unknown length cannot be paid for in advance), so that on the average neither direction is faster than its rate.
 * `limitsAt` is asked again for each piece: limits may depend on the time of day.
 */
export function throttled(
  storage: Storage,
  limitsAt: (now: Date) => RateLimits,
  now: () => Date = () => new Date(),
): Storage {
  const upload = createTokenBucket(() => limitsAt(now()).uploadBytesPerSecond);
  const download = createTokenBucket(() => limitsAt(now()).downloadBytesPerSecond);
  return {
    description: storage.description,
    capabilities: passCapabilities(storage),
    list: (prefix, call) => storage.list(prefix, call),
    async read(name, range, call = {}) {
      const content = await storage.read(name, range, call);
      await download(content.length, call);
      return content;
    },
    openRead: async (name, call = {}) =>
      passPieces(await storage.openRead(name, call), (piece) => download(piece.length, call)),
    async write(name, content, call = {}) {
      throwIfAborted(call.signal);
      // Whole content stays whole, so that the backend can try again: it is paid for in advance.
      if (content instanceof Uint8Array) {
        for (let done = 0; done < content.length; done += PIECE_BYTES) {
          await upload(Math.min(PIECE_BYTES, content.length - done), call);
        }
        return storage.write(name, content, call);
      }
      return storage.write(
        name,
        eachPiece(content, (piece) => upload(piece.length, call)),
        call,
      );
    },
    remove: (name, call) => storage.remove(name, call),
    ...passFolders(storage),
    ...passRights(storage),
    stat: (name, call) => storage.stat(name, call),
    close: () => storage.close(),
  };
}
