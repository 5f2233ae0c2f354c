/** Cuts a stream of unknown length into chunks, window by window. */
import { WINDOW_BYTES } from './archive-messages.ts';
import { createChunkWindow } from './chunk-window.ts';
import { parsePolynomial } from './chunker.ts';

/** Yields the chunks of each window, in order; they are copies. Throws what the stream throws. */
export async function* cutStream(
  content: AsyncIterable<Uint8Array | string>,
  polynomial: string,
): AsyncGenerator<Uint8Array[]> {
  const window = createChunkWindow(parsePolynomial(polynomial), WINDOW_BYTES);
  let filled = 0;
  const takeChunks = (ended: boolean): Uint8Array[] => {
    const chunks: Uint8Array[] = [];
    let start = 0;
    while (start < filled) {
      const cut = window.findCut(start, filled, ended);
      if (cut === -1) break;
      chunks.push(window.bytes.slice(start, cut));
      start = cut;
    }
    window.bytes.copyWithin(0, start, filled);
    filled -= start;
    return chunks;
  };
  for await (const piece of content) {
    const bytes = typeof piece === 'string' ? Buffer.from(piece) : piece;
    for (let taken = 0; taken < bytes.length;) {
      const part = bytes.subarray(taken, taken + WINDOW_BYTES - filled);
      window.bytes.set(part, filled);
      filled += part.length;
      taken += part.length;
      // The largest chunk fits into the window, so that every full one has a cut.
      if (filled === WINDOW_BYTES) yield takeChunks(false);
    }
  }
  if (filled > 0) yield takeChunks(true);
}
