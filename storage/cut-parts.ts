/** Cuts a stream of unknown length into parts that are sent one by one, with only a few of them in memory. */

/**
 * Parts of exactly `sizeOf(number)` bytes, the first being number 1, and a last one that may be shorter, also empty when
 * nothing else came. Each part is memory of its own, which its receiver may keep.
 */
export async function* cutParts(
  content: AsyncIterable<Uint8Array>,
  sizeOf: (number: number) => number,
): AsyncGenerator<Buffer, void, void> {
  let number = 1;
  let part = Buffer.allocUnsafeSlow(sizeOf(number));
  let filled = 0;
  for await (const piece of content) {
    for (let taken = 0; taken < piece.length;) {
      // Only when more comes is a full part known not to be the last.
      if (filled === part.length) {
        yield part;
        number += 1;
        part = Buffer.allocUnsafeSlow(sizeOf(number));
        filled = 0;
      }
      const length = Math.min(piece.length - taken, part.length - filled);
      part.set(piece.subarray(taken, taken + length), filled);
      taken += length;
      filled += length;
    }
  }
  yield part.subarray(0, filled);
}
