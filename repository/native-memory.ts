/** Memory as the system gives it and takes it back, where V8 would not ask for that. */
import { createRequire } from 'node:module';
import type Koffi from 'koffi';

/** Linux's MADV_DONTNEED: private anonymous memory is freed at once, and reads as zeros afterwards. */
const MADV_DONTNEED = 4;
/** Linux's MADV_HUGEPAGE: the range gets large pages where the system has them on request, as most are set up. */
const MADV_HUGEPAGE = 14;
/** glibc's names for what `mallopt` sets. */
const M_TRIM_THRESHOLD = -1;
const M_MMAP_THRESHOLD = -3;
/** Pieces of at least this come from the system and go back to it by themselves. */
const LARGE_BYTES = 4 * 1024 * 1024;
/** Of a large page on most processors; where they are larger, what is asked for is not done. */
const LARGE_PAGE_BYTES = 2 * 1024 * 1024;

interface NativeMemory {
  advise: (address: Uint8Array, length: number, advice: number) => number;
  addressOf: (memory: Uint8Array) => bigint;
  /** Undefined where the C library has no such call: musl keeps little. */
  trim: ((padBytes: number) => number) | undefined;
}

let native: NativeMemory | undefined;

/**
 * The memory stays valid, but its content is lost, and with it whatever it kept of secrets. WebAssembly's own is collected
 * long after its last use. Where the system has no such call, or refuses, it waits for that.
 */
export function giveBackMemory({ buffer }: WebAssembly.Memory): void {
  if (process.platform !== 'linux') return;
  loadNative().advise(new Uint8Array(buffer), buffer.byteLength, MADV_DONTNEED);
}

/**
 * Memory that is not zeroed, for megabytes that are written from the start on: it takes as much as was written, in steps of a
 * large page, and one page fault for each. With pages of 4 KiB the faults of 16 MiB cost 5 to 20 ms, so with them less than one.
 */
export function allocateLarge(bytes: number): Buffer<ArrayBuffer> {
  if (process.platform !== 'linux' || bytes < LARGE_BYTES) return Buffer.allocUnsafeSlow(bytes);
  const { advise, addressOf } = loadNative();
  const memory = Buffer.allocUnsafeSlow(bytes);
  const beyond = Number(addressOf(memory) % BigInt(LARGE_PAGE_BYTES));
  const start = beyond === 0 ? 0 : LARGE_PAGE_BYTES - beyond;
  // A system without them refuses.
  advise(memory.subarray(start), Math.floor((bytes - start) / LARGE_PAGE_BYTES) * LARGE_PAGE_BYTES, MADV_HUGEPAGE);
  return memory;
}

/**
 * Gives back what was freed and the C library keeps for later: glibc has an arena for each of a dozen threads, and looks
 * at none of them again that nothing is freed in. It takes a millisecond or two.
 */
export function giveBackFreed(): void {
  if (process.platform === 'linux') loadNative().trim?.(0);
}

function loadNative(): NativeMemory {
  if (native !== undefined) return native;
  const koffi = createRequire(import.meta.url)('koffi') as typeof Koffi;
  const own = koffi.load(null);
  native = {
    advise: own.func('int madvise(uint8_t *address, size_t length, int advice)'),
    addressOf: (memory) => koffi.address(memory),
    trim: tuneGlibc(own),
  };
  return native;
}

/**
 * glibc takes the largest piece that was ever freed, up to 32 MiB, for one that will be wanted again, and from then on keeps as
 * much, and twice that of what is freed at the end of each arena: of a backup's packs that was 50 MiB and more of nothing.
 */
function tuneGlibc(own: ReturnType<typeof Koffi.load>): NativeMemory['trim'] {
  try {
    const tune = own.func('int mallopt(int parameter, int value)') as (parameter: number, value: number) => number;
    tune(M_MMAP_THRESHOLD, LARGE_BYTES);
    tune(M_TRIM_THRESHOLD, LARGE_BYTES);
    return own.func('int malloc_trim(size_t pad)');
  } catch {
    return undefined;
  }
}
