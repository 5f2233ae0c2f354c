/** scrypt (RFC 7914) with its p lanes in several threads: a password becomes a key in a fraction of the time of one thread. */
import { pbkdf2Sync } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { giveBackMemory } from './native-memory.ts';
import { laneMemoryBytes, MAX_LANES_AT_ONCE, mixLanes, RomixModules, type RomixParameters } from './romix.ts';
import { workerModule } from '../files/worker-module.ts';
import { startThread } from '../files/v8-flags.ts';

const DERIVED_BYTES = 64;
const MAX_THREADS = 4;
/** Of all threads together, while nothing else is in memory. */
const MAX_MEMORY_BYTES = 128 * 1024 * 1024;
/** N·r·p below which OpenSSL is through before threads have started: two lanes of N = 32768, r = 8. */
const MIN_COST = 2 * 32_768 * 8;

/** To the end of the process, for the reason that `chunk-module.ts` tells. */
const MODULES = new RomixModules();

export interface LaneParameters {
  N: number;
  r: number;
  p: number;
}

/** What a thread is given: lanes of 128·r bytes each in shared memory, which it mixes in their places. */
export interface MixTask extends RomixParameters {
  lanes: Uint8Array[];
}

/**
 * 64 bytes, those of `crypto.scrypt`. undefined: not so (too little work or too much memory, parameters that scrypt
 * has not, no SIMD in WebAssembly, a thread that failed), and whoever asks leaves it to `crypto.scrypt`.
 *
 * @param processors How many are free for it, of which the calling thread has one: it mixes, too, and is blocked meanwhile,
 * so that one thread less has to start. Default: threads alone, for all processors.
 */
export async function scryptByLanes(
  password: string,
  salt: Uint8Array,
  parameters: LaneParameters,
  processors?: number,
): Promise<Buffer | undefined> {
  const plan = planThreads(parameters, processors ?? availableParallelism());
  if (plan === undefined) return undefined;
  const { N, r, p } = parameters;
  const laneBytes = 128 * r;
  const blocks = pbkdf2Sync(password, salt, 1, p * laneBytes, 'sha256');
  const shared = new Uint8Array(new SharedArrayBuffer(blocks.length));
  shared.set(blocks);
  try {
    const lanes = Array.from({ length: p }, (_, lane) => shared.subarray(lane * laneBytes, (lane + 1) * laneBytes));
    const tasks = Array.from({ length: plan.threads }, (_, thread) => {
      const own = lanes.filter((_, lane) => lane % plan.threads === thread);
      return { lanes: own, N, r, atOnce: plan.atOnce, modules: MODULES.forLanes(own.length, plan.atOnce) };
    });
    const here = processors === undefined ? undefined : tasks.shift();
    const elsewhere = Promise.all(tasks.map(runThread));
    // Told where it is awaited.
    elsewhere.catch(() => undefined);
    if (here !== undefined) mixLanes(here.lanes, { ...here, giveBack: giveBackMemory });
    await elsewhere;
    blocks.set(shared);
    return pbkdf2Sync(password, blocks, 1, DERIVED_BYTES, 'sha256');
  } catch {
    return undefined;
  } finally {
    shared.fill(0);
    blocks.fill(0);
  }
}

/** How many threads mix, and how many lanes at once in each. undefined: `crypto.scrypt` does it better, or refuses. */
export function planThreads(
  { N, r, p }: LaneParameters,
  processors: number,
): { threads: number; atOnce: number } | undefined {
  const isPowerOfTwo = N > 1 && Number.isInteger(Math.log2(N));
  const lanesInMemory = Math.floor(MAX_MEMORY_BYTES / laneMemoryBytes(N, r));
  if (!isPowerOfTwo || N * r * p < MIN_COST || lanesInMemory < Math.min(2, p)) return undefined;
  const threads = Math.min(processors, MAX_THREADS, p, lanesInMemory);
  return { threads, atOnce: Math.min(MAX_LANES_AT_ONCE, Math.floor(lanesInMemory / threads)) };
}

async function runThread(workerData: MixTask): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const thread = startThread(workerModule('./romix-worker', import.meta.url), { workerData });
  thread.once('message', () => resolve());
  thread.once('error', reject);
  thread.once('exit', () => reject(new Error('a thread ended before its lanes were mixed')));
  await promise;
}
