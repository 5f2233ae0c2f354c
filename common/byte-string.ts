/** Byte strings: file names and paths as the bytes they are, held in a JavaScript string with one character (0-255) a byte. */

/**
 * A string whose every character stands for one byte (what Buffer calls `latin1`). Names that are not UTF-8 survive,
 * and `<` compares byte by byte, which is the order of restic's trees. Convert with `files/byte-path.ts`.
 */
export type ByteString = string & { readonly __bytes: unique symbol };

/**
 * Compares two `/`-separated byte paths as a walk in byte order meets them: folder by folder, a folder before its
 * content, siblings by their bytes. Returns a negative number, zero or a positive number.
 */
export function compareBytePaths(a: ByteString, b: ByteString): number {
  const shared = Math.min(a.length, b.length);
  for (let index = 0; index < shared; index++) {
    const left = a.charCodeAt(index);
    const right = b.charCodeAt(index);
    if (left === right) continue;
    // The separator sorts before every byte a name may hold, so that "a/b" comes before "a-b".
    if (left === 0x2f) return -1;
    if (right === 0x2f) return 1;
    return left - right;
  }
  return a.length - b.length;
}
