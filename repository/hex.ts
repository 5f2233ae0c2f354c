/** Hex digits by their character codes: ids are read and written by the million. */

/** The value of `0`-`9`, `a`-`f` and `A`-`F`. Of what is no digit, some value: whoever reads strangers' text checks it before. */
export function hexDigitValue(code: number): number {
  return (code & 0xf) + (code >> 6) * 9;
}

/** The values of `0`-`9` and `a`-`f` by their codes, of a byte; -1 of all others. */
export const HEX_DIGITS = Int8Array.from({ length: 256 }, (_, code) => (isHexDigit(code) ? hexDigitValue(code) : -1));

/** Whether it is `0`-`9` or `a`-`f`. */
export function isHexDigit(code: number): boolean {
  return (code >= 0x30 && code <= 0x39) || (code >= 0x61 && code <= 0x66);
}
