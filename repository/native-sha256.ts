/** SHA-256 of two inputs at once, by the OpenSSL that Node itself is linked with: the processor's instructions wait for each other within one input, so that two take hardly longer than one. */
import { hash } from 'node:crypto';
import { createRequire } from 'node:module';
import type Koffi from 'koffi';

/** Of SHA-256; states and lengths count in these. */
export const BLOCK_BYTES = 64;
const STATE_WORDS = 8;
/** The function's memory has room for eight inputs. */
const LANES = 8;

/** The state before the first block (FIPS 180-4, 5.3.3). */
export const INITIAL_STATE = Uint32Array.of(
  0x6a09e667,
  0xbb67ae85,
  0x3c6ef372,
  0xa54ff53a,
  0x510e527f,
  0x9b05688c,
  0x1f83d9ab,
  0x5be0cd19,
);

export interface BlockHasher {
  /**
   * Where the bytes lie, for `advance`. The caller holds on to the memory until then. It must be no small array of V8's own
   * heap, which moves things: Buffers are not in it.
   */
  addressOf(bytes: Uint8Array): number;
  /** Takes `blocks` blocks of 64 bytes into the state `a`, and as many into `b`. */
  advance(a: Uint32Array, addressA: number, b: Uint32Array | undefined, addressB: number, blocks: number): void;
}

/**
 * undefined where Node does not export the function (it is OpenSSL's own, for processors of x86-64), where it does not
 * answer as node:crypto does, or where two at once are not faster than one after the other.
 */
export function loadBlockHasher(): BlockHasher | undefined {
  try {
    const hasher = bind();
    return isRight(hasher) && isFaster(hasher) ? hasher : undefined;
  } catch {
    return undefined;
  }
}

/** `sha256_multi_block` of OpenSSL (crypto/sha/asm/sha256-mb-x86_64.pl): states word by word, inputs as pointer and count. */
function bind(): BlockHasher {
  const koffi = createRequire(import.meta.url)('koffi') as typeof Koffi;
  const own = koffi.load(null);
  // Of four inputs, in pairs: the smallest number that it takes is 1, for four of them.
  const multiBlock = own.func('void sha256_multi_block(uint32_t *states, const uint32_t *inputs, int fours)') as (
    states: Uint32Array,
    inputs: Uint32Array,
    fours: number,
  ) => void;
  // Moving nothing says where it would have been moved to.
  const locate = own.func('uint64_t memmove(const uint8_t *target, const uint8_t *source, size_t size)') as (
    target: Uint8Array,
    source: Uint8Array,
    size: number,
  ) => number | bigint;
  const states = new Uint32Array(STATE_WORDS * LANES);
  // Four words an input: the pointer's low and high half, the count of blocks, nothing.
  const inputs = new Uint32Array(4 * LANES);
  const bases = new WeakMap<ArrayBufferLike, number>();
  const setInput = (lane: number, address: number, blocks: number): void => {
    inputs[4 * lane] = address % 2 ** 32;
    inputs[4 * lane + 1] = Math.floor(address / 2 ** 32);
    inputs[4 * lane + 2] = blocks;
  };
  return {
    addressOf({ buffer, byteOffset }) {
      let base = bases.get(buffer);
      if (base === undefined) {
        const start = new Uint8Array(buffer);
        base = Number(locate(start, start, 0));
        bases.set(buffer, base);
      }
      return base + byteOffset;
    },
    advance(a, addressA, b, addressB, blocks) {
      setInput(0, addressA, blocks);
      setInput(1, b === undefined ? addressA : addressB, b === undefined ? 0 : blocks);
      for (let word = 0; word < STATE_WORDS; word++) {
        states[word * LANES] = a[word]!;
        if (b !== undefined) states[word * LANES + 1] = b[word]!;
      }
      multiBlock(states, inputs, 1);
      for (let word = 0; word < STATE_WORDS; word++) {
        a[word] = states[word * LANES]!;
        if (b !== undefined) b[word] = states[word * LANES + 1]!;
      }
    },
  };
}

/** Where the two inputs begin, so that no order of the memory passes by chance. */
const [FIRST, SECOND] = [3, 4096 + 5];
const TRIAL_BLOCKS = 60;

function trialMemory(): Buffer {
  const memory = Buffer.allocUnsafeSlow(2 * 4096);
  for (let index = 0; index < memory.length; index++) memory[index] = (index * 31 + (index >> 5)) & 0xff;
  return memory;
}

/** Two inputs through several calls, and one alone, ended by the padding that SHA-256 has. */
function isRight(hasher: BlockHasher): boolean {
  const memory = trialMemory();
  const padding = Buffer.allocUnsafeSlow(BLOCK_BYTES).fill(0);
  padding[0] = 0x80;
  padding.writeUInt32BE(TRIAL_BLOCKS * BLOCK_BYTES * 8, BLOCK_BYTES - 4);
  const [first, second] = [INITIAL_STATE.slice(), INITIAL_STATE.slice()];
  const base = hasher.addressOf(memory);
  const half = TRIAL_BLOCKS / 2;
  hasher.advance(first, base + FIRST, second, base + SECOND, half);
  hasher.advance(second, base + SECOND + half * BLOCK_BYTES, first, base + FIRST + half * BLOCK_BYTES, half);
  hasher.advance(first, hasher.addressOf(padding), undefined, 0, 1);
  hasher.advance(second, hasher.addressOf(padding), undefined, 0, 1);
  const expected = [FIRST, SECOND].map((start) =>
    hash('sha256', memory.subarray(start, start + TRIAL_BLOCKS * BLOCK_BYTES), 'hex'),
  );
  return hexOfState(first) === expected[0] && hexOfState(second) === expected[1];
}

/** Without the instructions for SHA-256 the function takes up to eight inputs side by side, and two are slower than usual. */
function isFaster(hasher: BlockHasher): boolean {
  const memory = trialMemory();
  const base = hasher.addressOf(memory);
  const [first, second] = [INITIAL_STATE.slice(), INITIAL_STATE.slice()];
  const input = memory.subarray(FIRST, FIRST + TRIAL_BLOCKS * BLOCK_BYTES);
  let [one, two] = [Infinity, Infinity];
  // The best of some: anything may come in between.
  for (let round = 0; round < 12; round++) {
    const start = performance.now();
    hasher.advance(first, base + FIRST, second, base + SECOND, TRIAL_BLOCKS);
    const middle = performance.now();
    hash('sha256', input, 'hex');
    hash('sha256', input, 'hex');
    one = Math.min(one, middle - start);
    two = Math.min(two, performance.now() - middle);
  }
  return one < two;
}

const HEX_BYTES = Buffer.allocUnsafeSlow(STATE_WORDS * 4);

/** The hash, of a state after the last block. */
export function hexOfState(state: Uint32Array): string {
  for (let word = 0; word < STATE_WORDS; word++) HEX_BYTES.writeUInt32BE(state[word]!, word * 4);
  return HEX_BYTES.toString('hex');
}
