/** One-shot zstd by the library that Node itself is linked with: node:zlib makes a stream for every blob, which costs small ones ten times their content. */
import { createRequire } from 'node:module';
import type Koffi from 'koffi';

/**
 * Decompresses into memory of its own, which the next call overwrites. undefined: not done (no zstd, another length
 * than promised, or too long for it), and node:zlib is to say what is wrong.
 */
export type NativeDecompressor = (compressed: Uint8Array, plainLength: number) => Buffer | undefined;

/**
 * Compresses into the start of `target` and returns the bytes written: one frame that names its content's size. -1: not
 * done, mostly because the target is too short for it.
 */
export type NativeCompressor = (plain: Uint8Array, target: Uint8Array) => number;

/** No chunk is longer (8 MiB). What claims to be is not worth the memory before its content has been seen. */
const LARGEST_PLAIN_BYTES = 8 * 1024 * 1024;
/** Grown to what is needed, in steps of this. */
const STEP_BYTES = 1024 * 1024;

/**
 * One instance a thread. undefined where Node does not export the library: it is no promise of Node's, so that node:zlib
 * must be at hand. The context lies in memory of this side, which goes when the thread does.
 */
export function loadNativeDecompressor(): NativeDecompressor | undefined {
  try {
    const koffi = createRequire(import.meta.url)('koffi') as typeof Koffi;
    const own = koffi.load(null);
    const contextSize = own.func('size_t ZSTD_estimateDCtxSize()') as () => number | bigint;
    const initialize = own.func('void *ZSTD_initStaticDCtx(uint8_t *memory, size_t size)');
    const decompress = own.func(
      'size_t ZSTD_decompressDCtx(void *context, uint8_t *plain, size_t capacity, const uint8_t *compressed, size_t size)',
    ) as (context: unknown, plain: Buffer, capacity: number, compressed: Uint8Array, size: number) => number | bigint;
    const memory = Buffer.allocUnsafeSlow(Number(contextSize()));
    const context: unknown = initialize(memory, memory.length);
    if (context === null) return undefined;
    let output = Buffer.alloc(0);
    return (compressed, plainLength) => {
      if (plainLength === 0 || plainLength > LARGEST_PLAIN_BYTES) return undefined;
      if (output.length < plainLength) {
        output = Buffer.allocUnsafeSlow(Math.ceil(plainLength / STEP_BYTES) * STEP_BYTES);
      }
      // An error is a number far beyond any capacity. The context lives as long as its memory, which this closure holds.
      const written = decompress(context, output, plainLength, compressed, compressed.length);
      return written === plainLength && memory.length > 0 ? output.subarray(0, plainLength) : undefined;
    };
  } catch {
    return undefined;
  }
}

/**
 * One instance a thread, which takes a megabyte or two at the usual levels. undefined where Node does not export the
 * library.
 *
 * @param level 1 to 19.
 */
export function loadNativeCompressor(level: number): NativeCompressor | undefined {
  try {
    const koffi = createRequire(import.meta.url)('koffi') as typeof Koffi;
    const own = koffi.load(null);
    const contextSize = own.func('size_t ZSTD_estimateCCtxSize(int level)') as (level: number) => number | bigint;
    const initialize = own.func('void *ZSTD_initStaticCCtx(uint8_t *memory, size_t size)');
    const compress = own.func(
      'size_t ZSTD_compressCCtx(void *context, uint8_t *target, size_t capacity, const uint8_t *plain, size_t size, int level)',
    ) as (
      context: unknown,
      target: Uint8Array,
      capacity: number,
      plain: Uint8Array,
      size: number,
      level: number,
    ) => number;
    const memory = Buffer.allocUnsafeSlow(Number(contextSize(level)));
    const context: unknown = initialize(memory, memory.length);
    if (context === null) return undefined;
    return (plain, target) => {
      if (plain.length === 0 || target.length === 0) return -1;
      const written = compress(context, target, target.length, plain, plain.length, level);
      // An error is a number far beyond any capacity. The context lives as long as its memory, which this closure holds.
      return written <= target.length && memory.length > 0 ? written : -1;
    };
  } catch {
    return undefined;
  }
}
