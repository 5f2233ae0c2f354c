/** scrypt's ROMix (RFC 7914, section 5) of several lanes in one thread. */
import { ADDRESSES, DIAGONAL_ORDER, romixKernel, SALSA_BYTES } from './romix-kernel.ts';

/**
 * Of the N blocks of a lane's table every second is stored, and the others are mixed again when they are asked for: a quarter more
 * work, and half the memory. As fresh memory costs a page fault for each 4 KiB, both take the same time in all.
 */
const STRIDE = 2;
const PAGE_BYTES = 65_536;
const WORD_BYTES = 4;

/** More have no registers left; fewer leave the processor waiting for each other's results. */
export const MAX_LANES_AT_ONCE = 3;

export interface RomixParameters {
  N: number;
  r: number;
  /** Lanes whose memory is there at the same time. */
  atOnce: number;
  /** See `RomixModules`. */
  modules: ReadonlyMap<number, WebAssembly.Module>;
  /** Of a thread that goes on: gives back the memory in which was mixed. */
  giveBack?: (memory: WebAssembly.Memory) => void;
}

type Kernel = (halfBytes: number) => void;

/** The memory of one lane under way. */
export function laneMemoryBytes(N: number, r: number): number {
  return Math.ceil(N / STRIDE) * 128 * r;
}

/**
 * Mixes the lanes, of 128·r bytes each, in their places, in groups of at most `atOnce`. N is a power of two, at least 2.
 * Throws where there is no SIMD in WebAssembly, or not so much memory.
 */
export function mixLanes(lanes: readonly Uint8Array[], { N, r, atOnce, modules, giveBack }: RomixParameters): void {
  const groups = divide(lanes, Math.ceil(lanes.length / atOnce));
  const layout = layOut(N, r, Math.max(...groups.map((group) => group.length)));
  const memory = new WebAssembly.Memory({ initial: Math.ceil(layout.sizeBytes / PAGE_BYTES) });
  const kernels = new Map<number, Kernel>();
  for (const group of groups) {
    const walks = group.map((lane, index) => new LaneWalk(memory, { layout, index, N, r }, lane));
    const kernel = kernels.get(group.length) ?? bindKernel(memory, modules.get(group.length)!);
    kernels.set(group.length, kernel);
    mixGroup(walks, kernel, 64 * r);
  }
  giveBack?.(memory);
}

/** Compiled kernels by the lanes they take, each compiled when it is first needed, and kept. */
export class RomixModules {
  readonly #modules = new Map<number, WebAssembly.Module>();

  /** What `mixLanes` needs for this many lanes. Throws where there is no SIMD in WebAssembly. */
  forLanes(lanes: number, atOnce: number): ReadonlyMap<number, WebAssembly.Module> {
    for (const { length } of divide(Array.from({ length: lanes }), Math.ceil(lanes / atOnce))) {
      if (!this.#modules.has(length)) this.#modules.set(length, new WebAssembly.Module(romixKernel(length)));
    }
    return this.#modules;
  }
}

/** Four lanes in two groups are two and two: a group costs little more than its longest lane alone. */
function divide<Item>(items: readonly Item[], groups: number): Item[][] {
  const boundary = (group: number): number => Math.ceil((group * items.length) / groups);
  return Array.from({ length: groups }, (_, group) => items.slice(boundary(group), boundary(group + 1)));
}

/** Of lanes that are through, the last step is repeated until the others are: the table of addresses stays as it is. */
function mixGroup(walks: readonly LaneWalk[], mix: Kernel, halfBytes: number): void {
  let left = walks.length;
  while (left > 0) {
    mix(halfBytes);
    for (const walk of walks) if (!walk.isThrough && walk.advance()) left--;
  }
}

function bindKernel(memory: WebAssembly.Memory, module: WebAssembly.Module): Kernel {
  const kernel = new WebAssembly.Instance(module, { env: { memory } });
  return kernel.exports['mix'] as Kernel;
}

/** Addresses in the memory: the table of addresses, a block of zeros, then for each lane its stored blocks and three to work in. */
interface Layout {
  zeros: number;
  lanes: number;
  laneBytes: number;
  sizeBytes: number;
}

function layOut(N: number, r: number, lanes: number): Layout {
  const blockBytes = 128 * r;
  const laneBytes = laneMemoryBytes(N, r) + 3 * blockBytes;
  const zeros = Math.ceil((lanes * ADDRESSES * WORD_BYTES) / SALSA_BYTES) * SALSA_BYTES;
  return { zeros, lanes: zeros + blockBytes, laneBytes, sizeBytes: zeros + blockBytes + lanes * laneBytes };
}

/** One lane on its way through ROMix's two loops: says before each call of the kernel what is to be mixed for it. */
class LaneWalk {
  isThrough = false;
  readonly #lane: Uint8Array;
  readonly #words: Int32Array;
  /** Of this lane's entry in the table of addresses. */
  readonly #entry: number;
  readonly #N: number;
  readonly #blockBytes: number;
  readonly #zeros: number;
  readonly #stored: number;
  /** Where X is mixed to when that is no block to store; the one of the two where X is not. */
  readonly #work: readonly [number, number];
  /** Where a block that was not stored is mixed again. */
  readonly #again: number;
  #x: number;
  #next = 0;
  /** Steps done of the 2·N. */
  #done = 0;
  #isMixingAgain = false;

  constructor(
    memory: WebAssembly.Memory,
    { layout, index, N, r }: { layout: Layout; index: number; N: number; r: number },
    lane: Uint8Array,
  ) {
    this.#lane = lane;
    this.#words = new Int32Array(memory.buffer);
    this.#entry = index * ADDRESSES;
    this.#N = N;
    this.#blockBytes = 128 * r;
    this.#zeros = layout.zeros;
    this.#stored = layout.lanes + index * layout.laneBytes;
    const work = this.#stored + layout.laneBytes - 3 * this.#blockBytes;
    this.#work = [work, work + this.#blockBytes];
    this.#again = work + 2 * this.#blockBytes;
    this.#x = this.#stored;
    copyWords(lane, this.#words, this.#x, 'in');
    this.#plan();
  }

  /** Takes in what was mixed, and says what is next; true when the lane is through, and stands in its place. */
  advance(): boolean {
    if (this.#isMixingAgain) {
      this.#isMixingAgain = false;
      this.#mix(this.#x, this.#again, this.#next);
      return false;
    }
    this.#x = this.#next;
    this.#done++;
    if (this.#done < 2 * this.#N) {
      this.#plan();
      return false;
    }
    copyWords(this.#lane, this.#words, this.#x, 'out');
    this.isThrough = true;
    return true;
  }

  #plan(): void {
    const step = this.#done;
    if (step < this.#N) {
      // V[i] = X; X = BlockMix(X): mixed straight to where V[i + 1] is stored.
      const isStored = step + 1 < this.#N && (step + 1) % STRIDE === 0;
      this.#next = isStored ? this.#storedAt(step + 1) : this.#workPlace();
      this.#mix(this.#x, this.#zeros, this.#next);
      return;
    }
    // X = BlockMix(X xor V[Integerify(X) mod N]); Integerify begins with the first word of the last 64 bytes.
    const asked = this.#words[(this.#x + this.#blockBytes - SALSA_BYTES) / WORD_BYTES]! & (this.#N - 1);
    this.#next = this.#workPlace();
    if (asked % STRIDE === 0) {
      this.#mix(this.#x, this.#storedAt(asked), this.#next);
      return;
    }
    this.#isMixingAgain = true;
    this.#mix(this.#storedAt(asked - 1), this.#zeros, this.#again);
  }

  #storedAt(block: number): number {
    return this.#stored + (block / STRIDE) * this.#blockBytes;
  }

  #workPlace(): number {
    return this.#x === this.#work[0] ? this.#work[1] : this.#work[0];
  }

  #mix(input: number, other: number, output: number): void {
    const words = this.#words;
    words[this.#entry] = input;
    words[this.#entry + 1] = other;
    words[this.#entry + 2] = output;
  }
}

/** Between a lane in RFC 7914's order of words and a block at an address of the memory in the kernel's. */
function copyWords(lane: Uint8Array, words: Int32Array, address: number, direction: 'in' | 'out'): void {
  const view = new DataView(lane.buffer, lane.byteOffset, lane.byteLength);
  for (let place = 0; place < lane.byteLength / WORD_BYTES; place++) {
    const offset = WORD_BYTES * (place - (place % 16) + DIAGONAL_ORDER[place % 16]!);
    const index = address / WORD_BYTES + place;
    if (direction === 'in') words[index] = view.getInt32(offset, true);
    else view.setInt32(offset, words[index]!, true);
  }
}
