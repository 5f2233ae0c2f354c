/** Memory that is given back to the system before the collector comes by. */
import { createRequire } from 'node:module';
import type Koffi from 'koffi';

/** Linux's MADV_DONTNEED: private anonymous memory is freed at once, and reads as zeros afterwards. */
const MADV_DONTNEED = 4;

/**
 * The memory stays valid, but its content is lost, and with it whatever it kept of secrets. WebAssembly's own is collected
 * long after its last use. Where the system has no such call, or refuses, it waits for that.
 */
export function giveBackMemory({ buffer }: WebAssembly.Memory): void {
  if (process.platform !== 'linux') return;
  const koffi = createRequire(import.meta.url)('koffi') as typeof Koffi;
  const madvise = koffi.load(null).func('int madvise(uint8_t *address, size_t length, int advice)');
  madvise(new Uint8Array(buffer), buffer.byteLength, MADV_DONTNEED);
}
