/** Reads a range of an open file in as many calls as the kernel wants for it. */
import { readSync } from 'node:fs';

/** Fills `content` from the offset on; returns its part that was filled, shorter only where the file ends first. */
export function readFully(descriptor: number, content: Uint8Array, offset: number): Uint8Array {
  let filled = 0;
  while (filled < content.length) {
    const count = readSync(descriptor, content, filled, content.length - filled, offset + filled);
    if (count === 0) break;
    filled += count;
  }
  return content.subarray(0, filled);
}
