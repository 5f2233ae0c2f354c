/** Looks at the pieces of a stream on their way. */
import { Readable } from 'node:stream';

/** The same stream, each piece shown before it goes on; ends the first when its own reader stops. */
export function passPieces(body: Readable, see: (piece: Uint8Array) => Promise<void>): Readable {
  return Readable.from(eachPiece(body, see), { objectMode: false });
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
