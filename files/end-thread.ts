/**
 * Ends a worker thread by asking, and in no other way: one that is killed while it loads a native library, or in the middle
 * of making a zstd stream, takes the whole process with it.
 */
import type { Worker } from 'node:worker_threads';

/**
 * Sends `wake`, on which the thread is to close its port, and resolves when it has ended. The thread skips the tasks before
 * it by a flag in shared memory, so that it only finishes the one in its hands; tasks are short (a pack, a batch of files).
 * One that hangs in a system call could not be killed either.
 */
export async function endThread(thread: Worker, wake: unknown): Promise<void> {
  // Node's way to say that it has ended already.
  if (thread.threadId === -1) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  thread.once('exit', () => resolve());
  thread.postMessage(wake);
  await promise;
}
