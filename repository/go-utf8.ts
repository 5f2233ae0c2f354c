/** UTF-8 as Go decodes it: every byte that belongs to no character stands for itself. */

/** One character of UTF-8; no code point, and one byte, where the bytes are none (overlong and surrogates included). */
export function decodeUtf8(bytes: Buffer, index: number): { codePoint: number | undefined; width: number } {
  const invalid = { codePoint: undefined, width: 1 };
  const first = bytes[index] ?? 0;
  if (first < 0x80) return { codePoint: first, width: 1 };
  const width =
    first >= 0xc2 && first < 0xe0 ? 2 : first >= 0xe0 && first < 0xf0 ? 3 : first >= 0xf0 && first < 0xf5 ? 4 : 0;
  if (width === 0 || index + width > bytes.length) return invalid;
  let codePoint = first & (0xff >> (width + 1));
  for (let offset = 1; offset < width; offset++) {
    const next = bytes[index + offset] ?? 0;
    if ((next & 0xc0) !== 0x80) return invalid;
    codePoint = (codePoint << 6) | (next & 0x3f);
  }
  const smallest = width === 2 ? 0x80 : width === 3 ? 0x800 : 0x10000;
  if (codePoint < smallest || codePoint > 0x10ffff || (codePoint >= 0xd800 && codePoint <= 0xdfff)) return invalid;
  return { codePoint, width };
}
