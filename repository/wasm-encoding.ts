/** The frame of a WebAssembly module and its numbers (core specification 1.0, chapter 5), for modules that are assembled here. */

export const WASM_I32 = 0x7f;
export const WASM_I64 = 0x7e;
/** Of the SIMD extension. */
export const WASM_V128 = 0x7b;

const MAGIC_AND_VERSION = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];
const SECTION_IDS = { type: 1, import: 2, function: 3, export: 7, code: 10 } as const;
const FUNCTION_TYPE = 0x60;
const MEMORY_KIND = 0x02;
const FUNCTION_KIND = 0x00;

export interface WasmFunction {
  /** Under which the module exports it. */
  name: string;
  parameters: readonly number[];
  results: readonly number[];
  /** Its locals as runs of a count and a type, then its instructions with the closing `end`. */
  body: readonly number[];
}

/** A module of one function that works on the memory it imports as `env.memory`. */
export function wasmModule({ name, parameters, results, body }: WasmFunction): Uint8Array<ArrayBuffer> {
  const type = [FUNCTION_TYPE, ...leb(parameters.length), ...parameters, ...leb(results.length), ...results];
  return Uint8Array.from([
    ...MAGIC_AND_VERSION,
    ...section('type', [1, ...type]),
    ...section('import', [1, ...text('env'), ...text('memory'), MEMORY_KIND, 0x00, 1]),
    ...section('function', [1, 0]),
    ...section('export', [1, ...text(name), FUNCTION_KIND, 0]),
    ...section('code', [1, ...leb(body.length), ...body]),
  ]);
}

/** An unsigned number in LEB128. */
export function leb(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...leb(value >>> 7)];
}

/** A signed number in LEB128. */
export function signedLeb(value: number): number[] {
  const low = value & 127;
  const rest = value >> 7;
  const done = (rest === 0 && low < 64) || (rest === -1 && low >= 64);
  return done ? [low] : [low | 128, ...signedLeb(rest)];
}

function section(kind: keyof typeof SECTION_IDS, content: number[]): number[] {
  return [SECTION_IDS[kind], ...leb(content.length), ...content];
}

function text(value: string): number[] {
  return [value.length, ...Buffer.from(value, 'ascii')];
}
