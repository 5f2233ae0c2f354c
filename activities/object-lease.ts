/** A lease at a location elsewhere: an object that says who works on something, kept fresh by one beside it, and taken over when its owner is surely dead. */
import { HoldfastError } from '../common/errors.ts';
import type { Storage } from '../storage/storage.ts';
import {
  describeHolder,
  giveBack,
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

export interface ObjectLeaseTiming {
  refreshMilliseconds: number;
  /** Not refreshed for this long, by the storage's own clock: its owner is dead, or has lost its way there. */
  staleAfterMilliseconds: number;
  pollMilliseconds: number;
}

const TIMING: ObjectLeaseTiming = {
  refreshMilliseconds: REFRESH_MS,
  staleAfterMilliseconds: STALE_AFTER_MS,
  // Each look is a request over the network.
  pollMilliseconds: 5 * POLL_MS,
};

/**
 * Takes the lease `name`, which the storage itself grants to one alone (`existing: 'refuse'`). A lease is never written
 * over: its owner refreshes `NAME.TOKEN` beside it. Throws RepositoryLocked (retryable), naming the holder, when the wait
 * is over. The storage stays the caller's, and open until the lease is released.
 */
export async function takeObjectLease(
  storage: Storage,
  name: string,
  options: LeaseOptions,
  timing: ObjectLeaseTiming = TIMING,
): Promise<Lease> {
  const own = newLease();
  return waitUntilLeased(options, timing.pollMilliseconds, async () => {
    if (await create(storage, name, own)) return hold(storage, name, own, timing);
    const text = await readText(storage, name);
    if (text === undefined) return undefined;
    const holder = parseLease(text);
    const isOver = isDead(holder) || (await isStale(storage, name, holder, own, timing));
    if (isOver && (await takeOver(storage, name, { text, holder, own, timing }))) return undefined;
    return { holder: describeHolder(holder) };
  });
}

/** false: somebody has it. */
async function create(storage: Storage, name: string, document: LeaseDocument): Promise<boolean> {
  try {
    await storage.write(name, Buffer.from(`${JSON.stringify(document)}\n`), { existing: 'refuse' });
    return true;
  } catch (error) {
    if (error instanceof HoldfastError && error.code === 'AlreadyExists') return false;
    throw error;
  }
}

/** undefined: there is none. */
async function readText(storage: Storage, name: string): Promise<string | undefined> {
  try {
    return (await storage.read(name)).toString('utf8');
  } catch (error) {
    if (error instanceof HoldfastError && error.code === 'NotFound') return undefined;
    throw error;
  }
}

/** Both times are the storage's own, since its clock and ours may differ: what is now, an object that is written now says. */
async function isStale(
  storage: Storage,
  name: string,
  holder: LeaseDocument | undefined,
  own: LeaseDocument,
  { staleAfterMilliseconds }: ObjectLeaseTiming,
): Promise<boolean> {
  const lease = await storage.stat(name);
  if (lease === undefined) return false;
  const fresh = holder === undefined ? undefined : await storage.stat(`${name}.${holder.token}`);
  const freshAt = Math.max(lease.modifiedAt.getTime(), fresh?.modifiedAt.getTime() ?? 0);
  return (await storageNow(storage, `${name}.${own.token}`)) - freshAt > staleAfterMilliseconds;
}

async function storageNow(storage: Storage, name: string): Promise<number> {
  await storage.write(name, Buffer.from('now\n'));
  try {
    return (await storage.stat(name))?.modifiedAt.getTime() ?? 0;
  } finally {
    await removeIfThere(storage, name);
  }
}

/**
 * Of several that find the same dead lease one wins the right to remove it, by an object that names it; who wins looks once
 * more. Returns whether it is worth trying to take the lease now.
 */
async function takeOver(
  storage: Storage,
  name: string,
  lease: { text: string; holder: LeaseDocument | undefined; own: LeaseDocument; timing: ObjectLeaseTiming },
): Promise<boolean> {
  const { text, holder, own, timing } = lease;
  const right = `${name}.${holder?.token ?? 'unknown'}.over`;
  if (!(await create(storage, right, own))) {
    // Who won it may have died with it.
    if (await isStale(storage, right, undefined, own, timing)) await removeIfThere(storage, right);
    return false;
  }
  try {
    if ((await readText(storage, name)) === text) await removeIfThere(storage, name);
    if (holder !== undefined) await removeIfThere(storage, `${name}.${holder.token}`);
  } finally {
    await removeIfThere(storage, right);
  }
  return true;
}

async function removeIfThere(storage: Storage, name: string): Promise<void> {
  try {
    await storage.remove(name);
  } catch (error) {
    if (!(error instanceof HoldfastError) || error.code !== 'NotFound') throw error;
  }
}

function hold(storage: Storage, name: string, own: LeaseDocument, timing: ObjectLeaseTiming): Lease {
  const lost = new AbortController();
  let refreshedAt = performance.now();
  let refreshing: Promise<void> | undefined;
  const isOwn = async (): Promise<boolean> => parseLease((await readText(storage, name)) ?? '')?.token === own.token;
  const refresh = async (): Promise<void> => {
    try {
      if (!(await isOwn())) return lost.abort();
      await storage.write(`${name}.${own.token}`, Buffer.from(`${new Date().toISOString()}\n`));
      refreshedAt = performance.now();
    } catch {
      // A network may be away for a while; before others may take the lease, the work under it ends.
      if (performance.now() - refreshedAt > timing.staleAfterMilliseconds / 2) lost.abort();
    }
  };
  const timer = setInterval(() => {
    refreshing ??= refresh().finally(() => {
      refreshing = undefined;
    });
    if (performance.now() - refreshedAt > timing.staleAfterMilliseconds / 2) lost.abort();
  }, timing.refreshMilliseconds);
  timer.unref();
  return {
    lost: lost.signal,
    async release() {
      clearInterval(timer);
      await refreshing;
      await giveBack(own, async () => {
        await removeIfThere(storage, `${name}.${own.token}`);
        if (await isOwn()) await removeIfThere(storage, name);
      });
    },
  };
}
