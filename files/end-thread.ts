/** Ends a worker thread by asking: one that is killed in the middle of making a zstd stream takes the whole process with it. */
import type { Worker } from 'node:worker_threads';

/** Longer than any one task, shorter than what Ctrl-C may take. A thread that still works then hangs in a system call. */
const GRACE_MILLISECONDS = 1_200;

/**
 * Sends `wake`, on which the thread is to close its port, and resolves when it has ended. The thread skips the tasks before
 * it by a flag in shared memory, so that it only finishes the one in its hands.
 */
export async function endThread(thread: Worker, wake: unknown): Promise<void> {
  // Node's way to say that it has ended already.
  if (thread.threadId === -1) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  thread.once('exit', () => resolve());
  const deadline = setTimeout(() => void thread.terminate(), GRACE_MILLISECONDS);
  thread.postMessage(wake);
  await promise;
  clearTimeout(deadline);
}
