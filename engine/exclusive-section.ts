/** A lock file: one process at a time decides about the server of a state folder. */
import { open, type FileHandle } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import koffi from 'koffi';
import { HoldfastError, throwIfAborted } from '../common/errors.ts';
import { identifyProcess } from './process-identity.ts';

const LOCK_EXCLUSIVE = 2;
const LOCK_NON_BLOCKING = 4;
const RETRY_MS = 50;
/** Whoever starts or stops a server needs a second or two; a longer wait is worth a word. */
const TELL_AFTER_MS = 3000;

export interface ExclusiveOptions {
  waitSeconds: number;
  signal?: AbortSignal;
  /** Told once, when it takes long. */
  onWait?: () => void;
}

/**
 * Runs the section while this process holds the file's lock, waiting for it up to `waitSeconds`. The kernel keeps the
 * lock (flock(2)) and drops it when its holder dies, so a lock left behind does not exist; the holder writes its
 * identity into the file, for people. Throws EngineUnreachable, naming the holder, when the wait was in vain.
 */
export async function exclusively<Result>(
  path: string,
  options: ExclusiveOptions,
  section: () => Promise<Result>,
): Promise<Result> {
  const file = await open(path, 'a+', 0o600);
  try {
    await acquire(file, path, options);
    await file.truncate(0);
    await file.write(JSON.stringify(await identifyProcess(process.pid)));
    return await section();
  } finally {
    await file.close();
  }
}

async function acquire(file: FileHandle, path: string, options: ExclusiveOptions) {
  const flock = koffi.load(null).func('int flock(int fd, int operation)') as (fd: number, operation: number) => number;
  const started = performance.now();
  const until = started + options.waitSeconds * 1000;
  let told = false;
  while (flock(file.fd, LOCK_EXCLUSIVE | LOCK_NON_BLOCKING) !== 0) {
    throwIfAborted(options.signal);
    if (performance.now() > until)
      throw new HoldfastError('EngineUnreachable', `another process holds ${path}: ${await holder(path)}`, {
        hint: 'wait until it has started or stopped its engine, or end it',
      });
    if (!told && performance.now() > started + TELL_AFTER_MS) {
      told = true;
      options.onWait?.();
    }
    await sleep(RETRY_MS);
  }
}

async function holder(path: string): Promise<string> {
  const file = await open(path, 'r');
  try {
    return (await file.readFile('utf8')) || 'unknown';
  } finally {
    await file.close();
  }
}
