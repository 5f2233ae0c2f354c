/** A lease: a file that says who works on something, kept fresh while the work goes on, and taken over when its owner is dead. */
import { randomUUID } from 'node:crypto';
import { constants, copyFile, link, open, readFile, rename, rm, stat, utimes } from 'node:fs/promises';
import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { HoldfastError, InterruptedError, throwIfAborted } from '../common/errors.ts';

const REFRESH_MS = 30_000;
/** Not refreshed for this long: its owner is dead, or has lost its disk. */
const STALE_AFTER_MS = 10 * 60_000;
const POLL_MS = 1000;

interface LeaseDocument {
  token: string;
  pid: number;
  host: string;
  startedAt: string;
}

export interface Lease {
  /** Fires when somebody took the lease over: the work under it must stop. */
  readonly lost: AbortSignal;
  release(): Promise<void>;
}

export interface LeaseOptions {
  signal?: AbortSignal;
  /** Default 0. */
  waitSeconds?: number;
  onWait?: (holder: string) => void;
  /** What is leased, for the error: `the sync target /mnt/standby`. */
  subject: string;
}

/**
 * Takes the lease at an absolute path whose folder exists. Throws RepositoryLocked (retryable), naming the holder, when
 * the wait is over.
 */
export async function takeLease(path: string, options: LeaseOptions): Promise<Lease> {
  const document: LeaseDocument = {
    token: randomUUID(),
    pid: process.pid,
    host: hostname(),
    startedAt: new Date().toISOString(),
  };
  const deadline = performance.now() + (options.waitSeconds ?? 0) * 1000;
  for (;;) {
    throwIfAborted(options.signal);
    if (await create(path, document)) return hold(path, document.token);
    const holder = await readLease(path);
    if (holder === undefined) continue;
    if (holder.stale) {
      await removeStale(path, holder.text);
      continue;
    }
    if (performance.now() >= deadline) throw inUse(options.subject, holder.description);
    options.onWait?.(holder.description);
    await wait(POLL_MS, options.signal);
  }
}

/** Whether nobody holds the lease any more: the file is gone, or its owner is dead. */
export async function isLeaseOver(path: string): Promise<boolean> {
  const holder = await readLease(path);
  return holder === undefined || holder.stale;
}

async function create(path: string, document: LeaseDocument): Promise<boolean> {
  // Written aside and linked, so that nobody reads a lease without its content.
  const own = `${path}.${document.token}`;
  const handle = await open(own, 'wx', 0o600);
  try {
    await handle.writeFile(`${JSON.stringify(document)}\n`);
  } finally {
    await handle.close();
  }
  try {
    await linkOrCopy(own, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(own, { force: true });
  }
}

/**
 * Fails with EEXIST when the path is taken. Disks of cameras and sticks (FAT, exFAT) have no links: a copy may be read before
 * it has its content, and is then the lease of an unknown process, which nobody takes over before its time.
 */
async function linkOrCopy(own: string, path: string): Promise<void> {
  try {
    await link(own, path);
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'].includes(code)) throw error;
    await copyFile(own, path, constants.COPYFILE_EXCL);
  }
}

interface Holder {
  text: string;
  stale: boolean;
  description: string;
}

/** Undefined when there is none. */
async function readLease(path: string): Promise<Holder | undefined> {
  try {
    const text = await readFile(path, 'utf8');
    const { mtimeMs } = await stat(path);
    const document = parse(text);
    const stale = Date.now() - mtimeMs > STALE_AFTER_MS || isDead(document);
    const description =
      document === undefined
        ? 'an unknown process'
        : `process ${document.pid} on ${document.host}, since ${document.startedAt}`;
    return { text, stale, description };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function parse(text: string): LeaseDocument | undefined {
  try {
    return JSON.parse(text) as LeaseDocument;
  } catch {
    return undefined;
  }
}

function isDead(document: LeaseDocument | undefined): boolean {
  if (document === undefined || document.host !== hostname()) return false;
  try {
    process.kill(document.pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}

/** Moved aside first: who finds that it moved away somebody's fresh lease puts it back. */
async function removeStale(path: string, text: string): Promise<void> {
  const aside = `${path}.${randomUUID()}`;
  try {
    await rename(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  if ((await readFile(aside, 'utf8')) !== text) await linkOrCopy(aside, path).catch(() => undefined);
  await rm(aside, { force: true });
}

function hold(path: string, token: string): Lease {
  const lost = new AbortController();
  const isOwn = async (): Promise<boolean> => parse(await readFile(path, 'utf8').catch(() => ''))?.token === token;
  const refresh = async (): Promise<void> => {
    if (!(await isOwn())) return lost.abort();
    await utimes(path, new Date(), new Date());
  };
  const timer = setInterval(() => void refresh().catch(() => lost.abort()), REFRESH_MS);
  timer.unref();
  return {
    lost: lost.signal,
    async release() {
      clearInterval(timer);
      if (await isOwn()) await rm(path, { force: true });
    },
  };
}

function inUse(subject: string, holder: string): HoldfastError {
  return new HoldfastError('RepositoryLocked', `${subject} is in use by ${holder}`, {
    hint: 'Wait until it is done; when that process is dead, its lease ends by itself after ten minutes.',
  });
}

async function wait(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await delay(milliseconds, undefined, signal === undefined ? {} : { signal });
  } catch (cause) {
    throw new InterruptedError('interrupted while waiting for a lease', { cause });
  }
}
