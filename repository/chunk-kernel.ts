/** The chunker's inner loop as a WebAssembly module, assembled here instruction by instruction. */
import { leb, signedLeb, WASM_I32, WASM_I64, wasmModule } from './wasm-encoding.ts';

/** Lanes that roll side by side: after 64 bytes the hash depends on the window alone, so that their loads' latencies overlap. */
export const LANES = 4;
/** 256 values of 64 bits each, little endian, at the start of the memory. */
export const OUT_TABLE_OFFSET = 0;
export const MOD_TABLE_OFFSET = 2048;

const WINDOW_BYTES = 64;
const CUT_MASK = 0xfffff;
/** The polynomial's degree less the eight bits that index the mod table. */
const INDEX_SHIFT = 45;

/** Instructions of the WebAssembly core specification 1.0, chapter 5.4 (binary format). */
const op = {
  block: 0x02,
  loop: 0x03,
  if: 0x04,
  end: 0x0b,
  branchIf: 0x0d,
  return: 0x0f,
  get: 0x20,
  set: 0x21,
  tee: 0x22,
  i64Load: 0x29,
  i32Load8U: 0x2d,
  i64Load8U: 0x31,
  i32Const: 0x41,
  i64Const: 0x42,
  i32Eqz: 0x45,
  i64Eqz: 0x50,
  i32LtU: 0x49,
  i32Add: 0x6a,
  i32Shl: 0x74,
  i64And: 0x83,
  i64Xor: 0x85,
  i64Shl: 0x86,
  i64ShrU: 0x88,
  i32WrapI64: 0xa7,
} as const;

const EMPTY_BLOCK = 0x40;

/** Locals of `scan(base: i32, laneBytes: i32) -> i32`: parameters, then i32 pointers, the end, i32 hits, i64 hashes. */
const BASE = 0;
const LANE_BYTES = 1;
const POINTER = 2;
const END = POINTER + LANES;
const HIT = END + 1;
const HASH = HIT + LANES;

/**
 * The module. It imports `env.memory` and exports `scan(base, laneBytes)`: lane k starts with the window at
 * `base + k·laneBytes`, takes in `laneBytes` bytes behind it one by one, and looks after each whether the last 64
 * hash to a cut. The result is the address behind the byte of the first cut of all lanes in the order of addresses, or -1.
 */
export function chunkKernel(): Uint8Array<ArrayBuffer> {
  const body = [
    ...[2, ...leb(LANES * 2 + 1), WASM_I32, ...leb(LANES), WASM_I64],
    ...forLanes((lane) => setPointer(lane)),
    ...loopUntil(LANE_WARM_END, forLanes(appendByte)),
    ...forLanes((lane) => setPointer(lane)),
    ...LANE_SCAN_END,
    ...loop(forLanes((lane) => [...rollByte(lane), ...noteHit(lane)])),
    ...forLanes((lane) => [op.get, HIT + lane, op.if, EMPTY_BLOCK, op.get, HIT + lane, op.return, op.end]),
    ...[op.i32Const, ...signedLeb(-1), op.end],
  ];
  return wasmModule({ name: 'scan', parameters: [WASM_I32, WASM_I32], results: [WASM_I32], body });
}

const LANE_WARM_END = [op.get, BASE, op.i32Const, ...signedLeb(WINDOW_BYTES), op.i32Add, op.set, END];
const LANE_SCAN_END = [op.get, BASE, op.get, LANE_BYTES, op.i32Add, op.set, END];

function forLanes(emit: (lane: number) => number[]): number[] {
  return Array.from({ length: LANES }, (_, lane) => emit(lane)).flat();
}

/** pointer[lane] = base + lane · laneBytes */
function setPointer(lane: number): number[] {
  const previous = lane === 0 ? [op.get, BASE] : [op.get, POINTER + lane - 1, op.get, LANE_BYTES, op.i32Add];
  return [...previous, op.set, POINTER + lane];
}

function loopUntil(setEnd: number[], body: number[]): number[] {
  return [...setEnd, ...loop(body)];
}

/** Repeats the body, which moves the first pointer, until that reaches the end. */
function loop(body: number[]): number[] {
  return [op.loop, EMPTY_BLOCK, ...body, op.get, POINTER, op.get, END, op.i32LtU, op.branchIf, 0, op.end];
}

/** hash = (hash << 8) ^ mod[hash >> 45] ^ bytes[pointer + offset] */
function shiftIn(lane: number, offset: number): number[] {
  return [
    ...[op.get, HASH + lane, op.i64Const, ...signedLeb(8), op.i64Shl],
    ...[op.get, HASH + lane, op.i64Const, ...signedLeb(INDEX_SHIFT), op.i64ShrU, op.i32WrapI64],
    ...[op.i32Const, ...signedLeb(3), op.i32Shl, op.i64Load, 3, ...leb(MOD_TABLE_OFFSET), op.i64Xor],
    ...[op.get, POINTER + lane, op.i64Load8U, 0, ...leb(offset), op.i64Xor],
  ];
}

function advance(lane: number): number[] {
  return [op.get, POINTER + lane, op.i32Const, ...signedLeb(1), op.i32Add, op.set, POINTER + lane];
}

/** Takes a byte of the first window in. */
function appendByte(lane: number): number[] {
  return [...shiftIn(lane, 0), op.set, HASH + lane, ...advance(lane)];
}

/** Takes in the byte behind the window and drops the window's first. */
function rollByte(lane: number): number[] {
  return [
    ...shiftIn(lane, WINDOW_BYTES),
    ...[op.get, POINTER + lane, op.i32Load8U, 0, 0, op.i32Const, ...signedLeb(3), op.i32Shl],
    ...[op.i64Load, 3, ...leb(OUT_TABLE_OFFSET), op.i64Xor, op.set, HASH + lane],
    ...advance(lane),
  ];
}

/** The first lane's first hit is the first of all; of the other lanes their first hit is kept. Zero runs hit at every byte. */
function noteHit(lane: number): number[] {
  const address = [op.get, POINTER + lane, op.i32Const, ...signedLeb(WINDOW_BYTES), op.i32Add];
  const keep =
    lane === 0
      ? [...address, op.return]
      : [op.get, HIT + lane, op.i32Eqz, op.if, EMPTY_BLOCK, ...address, op.set, HIT + lane, op.end];
  const isCut = [op.get, HASH + lane, op.i64Const, ...signedLeb(CUT_MASK), op.i64And, op.i64Eqz];
  return [...isCut, op.if, EMPTY_BLOCK, ...keep, op.end];
}
