/** What a server on this machine spends while a program is measured: it has the same processors, so that both together decide. */
import { readFileSync } from 'node:fs';
import { descendantsOf } from '../test/servers/spawn-server.ts';

/** Linux counts processor time for programs in hundredths of a second, on every kind of machine that Node runs on. */
const TICKS_PER_SECOND = 100;

/** How long a server is waited for that still has processes of a program which has ended. */
const PATIENCE_MILLISECONDS = 10_000;
const LOOK_EVERY_MILLISECONDS = 5;

/**
 * Does the work and returns its result with the processor time, user and system, that the server and its processes took for
 * it, in seconds. Those of a session that has ended are counted by the kernel with who waited for them, so it waits until there are
 * no more than before. What the kernel writes to the disk later is nobody's. Throws an Error when a session does not end.
 */
export function measureServer<Result>(pid: number, work: () => Result): { result: Result; seconds: number } {
  const children = descendantsOf(pid).length;
  const before = processorSeconds(pid);
  const result = work();
  const patience = performance.now() + PATIENCE_MILLISECONDS;
  while (descendantsOf(pid).length > children) {
    if (performance.now() > patience) throw new Error('The server goes on with a session whose program has ended.');
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LOOK_EVERY_MILLISECONDS);
  }
  return { result, seconds: processorSeconds(pid) - before };
}

/** Of a process, of those that it has waited for, and of those that it still has. */
function processorSeconds(pid: number): number {
  const ticks = [pid, ...descendantsOf(pid)].flatMap((each) => {
    // proc_pid_stat(5): the name, in parentheses, may have anything in it; utime, stime, cutime and cstime are 14 to 17.
    const text = readFileSync(`/proc/${each}/stat`, 'utf8');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return fields.slice(11, 15).map(Number);
  });
  return ticks.reduce((sum, count) => sum + count, 0) / TICKS_PER_SECOND;
}
