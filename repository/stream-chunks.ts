/** Cuts a stream of unknown length into chunks, window by window. */
import { WINDOW_BYTES } from './archive-messages.ts';
import { createChunkWindow } from './chunk-window.ts';
import { parsePolynomial } from './chunker.ts';

/** Chunks that follow each other. */
export interface CutWindow {
  /** Valid until the next window is asked for. */
  content: Uint8Array;
  /** Where each chunk ends in it; the last one at its end. */
  ends: number[];
}

/** Throws what the stream throws. */
export async function* cutStream(
  content: AsyncIterable<Uint8Array | string>,
  polynomial: string,
): AsyncGenerator<CutWindow> {
  const window = createChunkWindow(parsePolynomial(polynomial), WINDOW_BYTES);
  let filled = 0;
  const cut = (ended: boolean): CutWindow => {
    const ends: number[] = [];
    for (let start = 0; start < filled; start = ends.at(-1)!) {
      const end = window.findCut(start, filled, ended);
      if (end === -1) break;
      ends.push(end);
    }
    return { content: window.bytes.subarray(0, ends.at(-1)), ends };
  };
  for await (const piece of content) {
    const bytes = typeof piece === 'string' ? Buffer.from(piece) : piece;
    for (let read = 0; read < bytes.length;) {
      const part = bytes.subarray(read, read + WINDOW_BYTES - filled);
      window.bytes.set(part, filled);
      filled += part.length;
      read += part.length;
      // The largest chunk fits into the window, so that every full one has a cut.
      if (filled < WINDOW_BYTES) continue;
      const taken = cut(false);
      yield taken;
      window.bytes.copyWithin(0, taken.content.length, filled);
      filled -= taken.content.length;
    }
  }
  if (filled > 0) yield cut(true);
}
