/** The end of the process. */
import { readFileSync } from 'node:fs';
import { createRequire, flushCompileCache } from 'node:module';
import type Koffi from 'koffi';

/** What Node writes in its own end alone: profiles, coverage, reports. */
const WRITTEN_AT_EXIT = /--(?:cpu-prof|heap-prof|prof|trace-event|report|perf)/;
/** fcntl(2): sets the flags of an open file. */
const F_SETFL = 4;

/** As the process got stdin, stdout and stderr: Node makes pipes non-blocking, also for whoever shares them. */
const givenFlags = [0, 1, 2].map(readFlags);

/**
 * Ends the process at once with an exit status, after the listeners of `exit`. Node's own `process.exit` waits for its
 * background threads, and for ever when V8 compiles on one of them that waits for the main thread to collect garbage
 * (nodejs/node issue 54918): of four hundred commands on a busy machine one never ended. What has been written to stdout
 * and stderr must have left before.
 */
export function endProcess(status: number): never {
  const options = [...process.execArgv, process.env['NODE_OPTIONS'] ?? ''].join(' ');
  const isMeasured = WRITTEN_AT_EXIT.test(options) || process.env['NODE_V8_COVERAGE'] !== undefined;
  if (isMeasured || process.platform !== 'linux') process.exit(status);
  process.exitCode = status;
  process.emit('exit', status);
  if (process.stdin.isTTY && process.stdin.isRaw) process.stdin.setRawMode(false);
  flushCompileCache();
  exitSystem(status);
  throw new Error('the process goes on after its end');
}

/** `_exit(2)`, with the flags of stdin, stdout and stderr as they were. */
function exitSystem(status: number): void {
  try {
    const koffi = createRequire(import.meta.url)('koffi') as typeof Koffi;
    const library = koffi.load(null);
    const fcntl = library.func('int fcntl(int descriptor, int command, ...)');
    for (const [descriptor, flags] of givenFlags.entries())
      if (flags !== undefined) fcntl(descriptor, F_SETFL, 'int', flags);
    library.func('void _exit(int status)')(status);
  } catch {
    process.removeAllListeners('exit');
    process.exit(status);
  }
}

/** `flags:` of proc(5) is octal. */
function readFlags(descriptor: number): number | undefined {
  try {
    const flags = /^flags:\s*([0-7]+)/m.exec(readFileSync(`/proc/self/fdinfo/${descriptor}`, 'latin1'))?.[1];
    return flags === undefined ? undefined : Number.parseInt(flags, 8);
  } catch {
    return undefined;
  }
}
