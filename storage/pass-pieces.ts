/** Looks at the pieces of a stream on their way. */
import { Readable } from 'node:stream';

/** The same stream, each piece shown before it goes on; ends the first when its own reader stops, or never begins. */
export function passPieces(body: Readable, see: (piece: Uint8Array) => Promise<void>): Readable {
  // Whoever reads gets its errors; before that nobody listens.
  body.on('error', () => undefined);
  return Readable.from(eachPiece(body, see), { objectMode: false }).once('close', () => body.destroy());
}

/** The same of any source of pieces. */
export async function* eachPiece(
  pieces: AsyncIterable<Uint8Array>,
  see: (piece: Uint8Array) => Promise<void>,
): AsyncGenerator<Uint8Array> {
  for await (const piece of pieces) {
    await see(piece);
    yield piece;
  }
}
