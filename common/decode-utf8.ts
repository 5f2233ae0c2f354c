/** UTF-8 in byte strings, character by character, as Go decodes it: a byte that belongs to no character stands for itself. */

export interface DecodedCharacter {
  /** undefined: the byte is not UTF-8. */
  codePoint: number | undefined;
  /** Bytes taken, 1 for one that is not UTF-8. */
  width: number;
}

/** @param bytes One character (0-255) a byte. Overlong forms and surrogates are not UTF-8. */
export function decodeUtf8(bytes: string, index: number): DecodedCharacter {
  const invalid = { codePoint: undefined, width: 1 };
  const first = bytes.charCodeAt(index);
  if (first < 0x80) return { codePoint: first, width: 1 };
  const width = sequenceLength(first);
  if (width === 0 || index + width > bytes.length) return invalid;
  let codePoint = first & (0xff >> (width + 1));
  for (let offset = 1; offset < width; offset++) {
    const next = bytes.charCodeAt(index + offset);
    if ((next & 0xc0) !== 0x80) return invalid;
    codePoint = (codePoint << 6) | (next & 0x3f);
  }
  const smallest = width === 2 ? 0x80 : width === 3 ? 0x800 : 0x10000;
  if (codePoint < smallest || codePoint > 0x10ffff || (codePoint >= 0xd800 && codePoint <= 0xdfff)) return invalid;
  return { codePoint, width };
}

function sequenceLength(first: number): number {
  if (first < 0xc2) return 0;
  if (first < 0xe0) return 2;
  if (first < 0xf0) return 3;
  return first < 0xf5 ? 4 : 0;
}
