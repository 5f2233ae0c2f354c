/** A flag of V8 that holds while nothing loads code: what was compiled under other flags is not taken. */
import v8 from 'node:v8';
import { Worker, type WorkerOptions } from 'node:worker_threads';

/** Other versions of Node may not know the flag, and would say so on every start. */
const KNOWS_FLAG = process.versions.node.startsWith('24.');

/** V8's own. */
const GROWS = '--semi-space-growth-factor=2';
const STAYS = '--semi-space-growth-factor=1';

let isKept = false;
/** Threads that are loading their code, and calls that load some of this thread's. */
let loading = 0;

/**
 * How much of what was just made V8 lets gather before it collects, its young generation, stays as large as it is from now on, in threads
 * that start later as small as it begins. It would grow to tens of megabytes that are never given back; where threads do the work, collecting a small one often costs nothing measurable.
 */
export function keepYoungGeneration(): void {
  isKept = true;
  setFlag();
}

/**
 * Starts a thread, and until it first says something, or ends, leaves V8 its own flags: a thread would compile all of
 * Node's code anew, 40 ms of processor time and more.
 */
export function startThread(module: string | URL, options: WorkerOptions): Worker {
  begin();
  const thread = new Worker(module, options);
  let isStarting = true;
  const started = (): void => {
    if (!isStarting) return;
    isStarting = false;
    end();
  };
  return thread.once('message', started).once('exit', started);
}

/** Does what imports much code, and leaves V8 its own flags meanwhile. Rejects as `load` does. */
export async function whileLoading<Result>(load: () => Promise<Result>): Promise<Result> {
  begin();
  try {
    return await load();
  } finally {
    end();
  }
}

function begin(): void {
  loading++;
  setFlag();
}

function end(): void {
  loading--;
  setFlag();
}

function setFlag(): void {
  if (KNOWS_FLAG && isKept) v8.setFlagsFromString(loading === 0 ? STAYS : GROWS);
}
