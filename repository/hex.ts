/** Hex digits by their character codes: ids are read and written by the million. */

/** The value of `0`-`9`, `a`-`f` and `A`-`F`. Of what is no digit, some value: whoever reads strangers' text checks it before. */
export function hexDigitValue(code: number): number {
  return (code & 0xf) + (code >> 6) * 9;
}

/** Whether it is `0`-`9` or `a`-`f`. */
export function isHexDigit(code: number): boolean {
  return (code >= 0x30 && code <= 0x39) || (code >= 0x61 && code <= 0x66);
}
