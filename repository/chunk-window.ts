/** A buffer that finds its own cuts: the chunker in WebAssembly, on bytes that are read straight into its memory. */
import { CHUNKER_WINDOW_BYTES, MAX_CHUNK_BYTES, MIN_CHUNK_BYTES } from './chunker.ts';
import { LANES, MOD_TABLE_OFFSET, OUT_TABLE_OFFSET } from './chunk-kernel.ts';
import { CHUNK_MODULE } from './chunk-module.ts';
import { rabinTables } from './rabin-tables.ts';

const PAGE_BYTES = 65_536;
/** Where the bytes start: behind the tables. */
const BASE = PAGE_BYTES;
/** Positions one lane looks at in one call; a cut is overshot by at most the four lanes' worth of them. */
const LANE_BYTES = 16_384;

export interface ChunkWindow {
  /** Fill it from offset 0. Its memory does not move. */
  readonly bytes: Uint8Array;
  /** As `Chunker.findCut`, on `bytes`. */
  findCut(start: number, end: number, last: boolean): number;
}

/** A window of `size` bytes, at least MAX_CHUNK_BYTES for files of any size. */
export function createChunkWindow(polynomial: bigint, size: number): ChunkWindow {
  // The lanes may look at up to three bytes behind the end.
  const memory = new WebAssembly.Memory({ initial: Math.ceil((BASE + size + LANES) / PAGE_BYTES) });
  fillTables(new DataView(memory.buffer), polynomial);
  const kernel = new WebAssembly.Instance(CHUNK_MODULE, { env: { memory } });
  const scan = kernel.exports['scan'] as (base: number, laneBytes: number) => number;
  return {
    bytes: new Uint8Array(memory.buffer, BASE, size),
    findCut(start, end, last) {
      const limit = Math.min(end, start + MAX_CHUNK_BYTES);
      const cut = firstCut(scan, BASE + start + MIN_CHUNK_BYTES, BASE + limit);
      if (cut !== -1) return cut - BASE;
      return limit - start === MAX_CHUNK_BYTES || last ? limit : -1;
    },
  };
}

/** The first cut at a position in [from, to]; -1 when there is none. */
function firstCut(scan: (base: number, laneBytes: number) => number, from: number, to: number): number {
  for (let base = from - 1; base < to;) {
    const laneBytes = Math.min(LANE_BYTES, Math.ceil((to - base) / LANES));
    const cut = scan(base - CHUNKER_WINDOW_BYTES, laneBytes);
    if (cut !== -1) return cut <= to ? cut : -1;
    base += laneBytes * LANES;
  }
  return -1;
}

function fillTables(view: DataView, polynomial: bigint): void {
  const tables = rabinTables(polynomial);
  for (let byte = 0; byte < 256; byte++) {
    view.setInt32(OUT_TABLE_OFFSET + byte * 8, tables.outLow[byte]!, true);
    view.setInt32(OUT_TABLE_OFFSET + byte * 8 + 4, tables.outHigh[byte]!, true);
    view.setInt32(MOD_TABLE_OFFSET + byte * 8, tables.modLow[byte]!, true);
    view.setInt32(MOD_TABLE_OFFSET + byte * 8 + 4, tables.modHigh[byte]!, true);
  }
}
