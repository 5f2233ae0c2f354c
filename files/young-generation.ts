/** How much of what was just made V8 lets gather before it collects: its young generation. */
import v8 from 'node:v8';
import { Worker, type WorkerOptions } from 'node:worker_threads';

/** Other versions of Node may not know the flag, and would say so on every start. */
const KNOWS_FLAG = process.versions.node.startsWith('24.');
/** V8's own. */
const GROWS = '--semi-space-growth-factor=2';
const STAYS = '--semi-space-growth-factor=1';

let isKept = false;
/** Threads that are loading their code. */
let starting = 0;

/**
 * From now on it stays as large as it is, in threads that start later as small as it begins. It would grow to tens of
 * megabytes that are never given back; where threads do the work, collecting a small one often costs nothing measurable.
 */
export function keepYoungGeneration(): void {
  isKept = true;
  setFlag();
}

/**
 * Starts a thread, and until it first says something, or ends, leaves V8 its own flags: code that was compiled under others is not taken,
 * so that a thread would compile all of Node's anew, 40 ms of processor time and more.
 */
export function startThread(module: string | URL, options: WorkerOptions): Worker {
  starting++;
  setFlag();
  const thread = new Worker(module, options);
  let isStarting = true;
  const started = (): void => {
    if (!isStarting) return;
    isStarting = false;
    starting--;
    setFlag();
  };
  return thread.once('message', started).once('exit', started);
}

function setFlag(): void {
  if (KNOWS_FLAG && isKept) v8.setFlagsFromString(starting === 0 ? STAYS : GROWS);
}
