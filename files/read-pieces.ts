/** The bytes of a local file in large pieces, of memory that may be given back (`common/lent-memory.ts`). */
import type { FileHandle } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { callbackify } from 'node:util';
import { keepMemory, lendPiece, takeMemory } from '../common/lent-memory.ts';

/** Whole messages of SFTP, of the largest that servers take: of a MiB the rest would go by one of its own. */
export const PIECE_BYTES = 4 * 255 * 1024;

/** Shorter ones are copied: who keeps one would keep the memory of a whole one. */
const SHORT_BYTES = PIECE_BYTES / 2;

/** From where the handle stands to the file's end. The handle is closed with the stream. */
export function readInPieces(handle: FileHandle, { signal }: { signal?: AbortSignal | undefined } = {}): Readable {
  let reading: Promise<void> = Promise.resolve();
  return new Readable({
    // One piece ahead: several that wait would be copied into one.
    highWaterMark: 1,
    ...(signal === undefined ? {} : { signal }),
    read() {
      reading = readPiece(handle).then(
        (piece) => void this.push(piece),
        (error: Error) => void this.destroy(error),
      );
    },
    destroy(error, done) {
      const close = async (): Promise<void> => {
        // A descriptor that is closed while it is read may be another file's by then.
        await reading;
        await handle.close();
      };
      callbackify(close)((second) => done(error ?? second));
    },
  });
}

/** null at the file's end. */
async function readPiece(handle: FileHandle): Promise<Buffer | null> {
  const memory = takeMemory(PIECE_BYTES) ?? Buffer.allocUnsafeSlow(PIECE_BYTES);
  const { bytesRead } = await handle.read(memory, 0, PIECE_BYTES, null);
  if (bytesRead >= SHORT_BYTES) return lendPiece(memory, bytesRead);
  const copy = bytesRead === 0 ? null : Buffer.from(memory.subarray(0, bytesRead));
  keepMemory(memory);
  return copy;
}
