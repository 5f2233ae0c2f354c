/** Memory for large pieces of files on their way, which is used again when whoever takes a piece last gives it back. */

/** Of each length; what more comes back is left to the garbage collector. */
const SPARE_BYTES = 8 * 1024 * 1024;

const spare = new Map<number, Buffer[]>();
/** The memory of the pieces that were told to be lent. */
const lent = new WeakMap<Uint8Array, Buffer>();

/** Memory of that length that came back, with anything in it; undefined when there is none. */
export function takeMemory(bytes: number): Buffer | undefined {
  return spare.get(bytes)?.pop();
}

/** The first bytes of memory that nobody else has, as a piece that may be given back. Nobody need do so. */
export function lendPiece(memory: Buffer, bytes: number): Buffer {
  const piece = memory.subarray(0, bytes);
  lent.set(piece, memory);
  return piece;
}

/**
 * Call it with a piece that nobody will look at again, for example because it was written: its memory is then filled with
 * something else. Pieces that were not lent, or of which this is only a part, are left alone. Returns whether it was lent.
 */
export function giveBack(piece: Uint8Array): boolean {
  const memory = lent.get(piece);
  if (memory === undefined) return false;
  lent.delete(piece);
  keepMemory(memory);
  return true;
}

/** For memory of which no piece was lent. */
export function keepMemory(memory: Buffer): void {
  const kept = spare.get(memory.length) ?? [];
  spare.set(memory.length, kept);
  if ((kept.length + 1) * memory.length <= SPARE_BYTES) kept.push(memory);
}
