/** A lease: a file that says who works on something, kept fresh while the work goes on, and taken over when its owner is dead. */
import { randomUUID } from 'node:crypto';
import { constants, copyFile, link, open, readFile, rename, rm, stat, utimes } from 'node:fs/promises';
import {
  describeHolder,
  isDead,
  newLease,
  parseLease,
  POLL_MS,
  REFRESH_MS,
  STALE_AFTER_MS,
  waitUntilLeased,
  type Lease,
  type LeaseDocument,
  type LeaseOptions,
} from './lease.ts';

/**
 * Takes the lease at an absolute path whose folder exists. Throws RepositoryLocked (retryable), naming the holder, when
 * the wait is over.
 */
export async function takeLease(path: string, options: LeaseOptions): Promise<Lease> {
  const document = newLease();
  return waitUntilLeased(options, POLL_MS, async () => {
    if (await create(path, document)) return hold(path, document.token);
    const holder = await readLease(path);
    if (holder?.stale !== true) return holder && { holder: holder.description };
    await removeStale(path, holder.text);
    return undefined;
  });
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
    const document = parseLease(text);
    const stale = Date.now() - mtimeMs > STALE_AFTER_MS || isDead(document);
    return { text, stale, description: describeHolder(document) };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
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
  const isOwn = async (): Promise<boolean> => parseLease(await readFile(path, 'utf8').catch(() => ''))?.token === token;
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
