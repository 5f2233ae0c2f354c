/** A storage whose uploads and downloads keep to a rate: token buckets, one for each direction. */
import { setTimeout as sleep } from 'node:timers/promises';
import { InterruptedError, throwIfAborted } from '../common/errors.ts';
import type { RateLimits } from '../common/rate-limits.ts';
import { passFolders, passRights } from './pass-folders.ts';
import { eachPiece, passPieces } from './pass-pieces.ts';
import type { CallOptions, Storage } from './storage.ts';

/** What is sent in one go when a limit holds: small, so that the line is used evenly. */
const PIECE_BYTES = 64 * 1024;

/** Time of which unused bytes may be caught up with: a second's worth, so that a pause is no licence for a burst. */
const BURST_SECONDS = 1;

/** The most that a timer takes. */
const LONGEST_WAIT_MILLISECONDS = 2 ** 31 - 1;

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
    // What goes to the folder directly would keep to no limit.
    capabilities: { atomicWrites: storage.capabilities.atomicWrites },
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

/** Waits until so many bytes may pass. Those who come at once stand in a line: each pays for the time of those before. */
function createTokenBucket(rateNow: () => number | undefined): (bytes: number, call: CallOptions) => Promise<void> {
  /** When all bytes so far are paid for, in milliseconds of the monotonic clock. */
  let paidUntil = -Infinity;
  return async (bytes, { signal }) => {
    throwIfAborted(signal);
    const wanted = rateNow();
    if (wanted === undefined || bytes === 0) return;
    const rate = Math.max(1, wanted);
    const now = performance.now();
    paidUntil = Math.max(paidUntil, now - BURST_SECONDS * 1000) + (bytes / rate) * 1000;
    const wait = Math.min(paidUntil - now, LONGEST_WAIT_MILLISECONDS);
    if (wait <= 0) return;
    try {
      await sleep(wait, undefined, signal === undefined ? {} : { signal });
    } catch (error) {
      throw new InterruptedError('interrupted', { cause: error });
    }
  };
}
