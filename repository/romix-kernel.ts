/** scrypt's BlockMix (RFC 7914, section 4) on several lanes at once as a WebAssembly module with SIMD, assembled here. */
import { leb, signedLeb, WASM_I32, WASM_V128, wasmModule } from './wasm-encoding.ts';

export const SALSA_BYTES = 64;
/** The table of addresses at the start of the memory has three entries of 32 bits a lane: both inputs and the output. */
export const ADDRESSES = 3;

/**
 * The word of RFC 7914 that stands in place i of a 64-byte block here. The four vectors of a block are the diagonals of
 * Salsa20's matrix (its words 0 5 10 15, 4 9 14 3, 8 13 2 7 and 12 1 6 11), so that one instruction does a step for all four columns.
 */
export const DIAGONAL_ORDER: readonly number[] = Array.from({ length: 16 }, (_, place) => (place * 5) % 16);

/** Instructions of the core specification, chapter 5.4; those of vectors begin with 0xfd and a number in LEB128. */
const op = {
  loop: [0x03, 0x40],
  end: [0x0b],
  branchIf: [0x0d, 0],
  i32Const: [0x41],
  i32LtU: [0x49],
  i32Add: [0x6a],
  i32Sub: [0x6b],
  i32Load: [0x28, 2],
  v128Load: [0xfd, 0x00, 4],
  v128Store: [0xfd, 0x0b, 4],
  i8x16Shuffle: [0xfd, 0x0d],
  v128Xor: [0xfd, 0x51],
  i32x4Shl: [0xfd, 0xab, 0x01],
  i32x4ShrU: [0xfd, 0xad, 0x01],
  i32x4Add: [0xfd, 0xae, 0x01],
} as const;

/** The rows of a block. */
const [A, B, C, D] = [0, 1, 2, 3];
const ROWS = [A, B, C, D] as const;
const ROW_BYTES = 16;
const DOUBLE_ROUNDS = 4;

/** The one parameter: half of a BlockMix block in bytes, 64·r. Then the i32 locals, of which the last three are there for each lane. */
const HALF = 0;
const END = 1;
const ROUND = 2;
const INPUT = 3;

/**
 * The module for `lanes` lanes. It imports `env.memory` and exports `mix(64·r)`: for each lane
 * output = BlockMix(input xor other), of 128·r bytes each, whose addresses stand in the table: lane k's at 12·k. The output
 * overlaps no input. The lanes' instructions alternate: what one must wait for, another fills.
 */
export function romixKernel(lanes: number): Uint8Array<ArrayBuffer> {
  const body = new MixBody(lanes).code;
  return wasmModule({ name: 'mix', parameters: [WASM_I32], results: [], body });
}

class MixBody {
  readonly code: number[] = [];
  readonly #lanes: readonly number[];
  readonly #firstVector: number;

  constructor(lanes: number) {
    this.#lanes = Array.from({ length: lanes }, (_, lane) => lane);
    this.#firstVector = INPUT + ADDRESSES * lanes;
    const i32Locals = this.#firstVector - END;
    this.#emit([2, ...leb(i32Locals), WASM_I32, ...leb(9 * lanes), WASM_V128]);
    this.#eachAddress((local, entry) =>
      this.#emit([...op.i32Const, 0], [...op.i32Load, ...leb(4 * entry)], set(local)),
    );
    this.#loadLastBlocks();
    this.#emit(get(this.#output(0)), get(HALF), op.i32Add, set(END), op.loop);
    // The even blocks make the first half of the output, the odd ones the second.
    this.#mixBlock(0, []);
    this.#mixBlock(SALSA_BYTES, [...get(HALF), ...op.i32Add]);
    this.#eachAddress((local, entry) => this.#advance(local, entry % ADDRESSES === 2 ? SALSA_BYTES : 2 * SALSA_BYTES));
    this.#emit(get(this.#output(0)), get(END), op.i32LtU, op.branchIf, op.end, op.end);
  }

  #input(lane: number): number {
    return INPUT + ADDRESSES * lane;
  }

  #other(lane: number): number {
    return INPUT + ADDRESSES * lane + 1;
  }

  #output(lane: number): number {
    return INPUT + ADDRESSES * lane + 2;
  }

  /** The state that is mixed. */
  #row(lane: number, row: number): number {
    return this.#firstVector + 9 * lane + row;
  }

  /** What the state was before the rounds. */
  #before(lane: number, row: number): number {
    return this.#row(lane, row) + 4;
  }

  #sum(lane: number): number {
    return this.#row(lane, 0) + 8;
  }

  #emit(...instructions: readonly (readonly number[])[]): void {
    for (const bytes of instructions) for (const byte of bytes) this.code.push(byte);
  }

  #eachAddress(emit: (local: number, entry: number) => void): void {
    for (let entry = 0; entry < ADDRESSES * this.#lanes.length; entry++) emit(INPUT + entry, entry);
  }

  #advance(local: number, bytes: number): void {
    this.#emit(get(local), op.i32Const, signedLeb(bytes), op.i32Add, set(local));
  }

  /** BlockMix begins with X = the last block. */
  #loadLastBlocks(): void {
    const last = [
      ...get(HALF),
      ...op.i32Add,
      ...get(HALF),
      ...op.i32Add,
      ...op.i32Const,
      ...signedLeb(SALSA_BYTES),
      ...op.i32Sub,
    ];
    for (const lane of this.#lanes) {
      for (const row of ROWS) {
        const load = [...op.v128Load, ...leb(row * ROW_BYTES)];
        this.#emit(
          get(this.#input(lane)),
          last,
          load,
          get(this.#other(lane)),
          last,
          load,
          op.v128Xor,
          set(this.#row(lane, row)),
        );
      }
    }
  }

  /** X = Salsa20/8(X xor the block at `offset`), which is also written to the output, behind `toPlace` from its address. */
  #mixBlock(offset: number, toPlace: readonly number[]): void {
    for (const row of ROWS) {
      const load = [...op.v128Load, ...leb(offset + row * ROW_BYTES)];
      for (const lane of this.#lanes) {
        this.#emit(get(this.#row(lane, row)), get(this.#input(lane)), load, op.v128Xor);
        this.#emit(get(this.#other(lane)), load, op.v128Xor, tee(this.#before(lane, row)), set(this.#row(lane, row)));
      }
    }
    this.#emit(op.i32Const, [DOUBLE_ROUNDS], set(ROUND), op.loop);
    this.#doubleRound();
    this.#emit(get(ROUND), op.i32Const, [1], op.i32Sub, tee(ROUND), op.branchIf, op.end);
    for (const row of ROWS) {
      for (const lane of this.#lanes) {
        this.#emit(
          get(this.#output(lane)),
          toPlace,
          get(this.#row(lane, row)),
          get(this.#before(lane, row)),
          op.i32x4Add,
        );
        this.#emit(tee(this.#row(lane, row)), op.v128Store, leb(row * ROW_BYTES));
      }
    }
  }

  #doubleRound(): void {
    this.#columnRound(B, D);
    this.#turn(B, 3);
    this.#turn(C, 2);
    this.#turn(D, 1);
    // With its rows turned, B and D have changed places: the same steps do the rows of the matrix.
    this.#columnRound(D, B);
    this.#turn(B, 1);
    this.#turn(C, 2);
    this.#turn(D, 3);
  }

  #columnRound(second: number, last: number): void {
    this.#step(second, A, last, 7);
    this.#step(C, second, A, 9);
    this.#step(last, C, second, 13);
    this.#step(A, last, C, 18);
  }

  /** target ^= (left + right) <<< bits */
  #step(target: number, left: number, right: number, bits: number): void {
    for (const lane of this.#lanes) {
      this.#emit(get(this.#row(lane, left)), get(this.#row(lane, right)), op.i32x4Add, set(this.#sum(lane)));
    }
    for (const lane of this.#lanes) {
      const sum = get(this.#sum(lane));
      this.#emit(get(this.#row(lane, target)), sum, op.i32Const, signedLeb(bits), op.i32x4Shl, op.v128Xor);
      this.#emit(sum, op.i32Const, signedLeb(32 - bits), op.i32x4ShrU, op.v128Xor, set(this.#row(lane, target)));
    }
  }

  /** Word i becomes word i + places. */
  #turn(row: number, places: number): void {
    const bytes = Array.from({ length: ROW_BYTES }, (_, byte) => (byte + 4 * places) % ROW_BYTES);
    for (const lane of this.#lanes) {
      const vector = get(this.#row(lane, row));
      this.#emit(vector, vector, op.i8x16Shuffle, bytes, set(this.#row(lane, row)));
    }
  }
}

function get(local: number): number[] {
  return [0x20, ...leb(local)];
}

function set(local: number): number[] {
  return [0x21, ...leb(local)];
}

function tee(local: number): number[] {
  return [0x22, ...leb(local)];
}
