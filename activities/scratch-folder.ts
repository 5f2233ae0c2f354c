/** Folders for restore tests: fresh, readable by the worker alone, always removed, also those of attempts that died. */
import { createHash, randomUUID } from 'node:crypto';
import { chmod, lstat, mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { isLeaseOver, takeLease } from './file-lease.ts';

const PREFIX = 'holdfast-restore-test-';

export interface ScratchFolder {
  /** Absolute, mode 0700, empty. */
  path: string;
  /** Removes the folder with all that is in it. */
  remove(): Promise<void>;
}

/**
 * Makes a folder below `parent` (which is made when absent) for the action, after removing what dead attempts of the
 * same action left there. A folder counts as dead when nobody refreshes its lease any more.
 */
export async function makeScratchFolder(parent: string, actionId: string): Promise<ScratchFolder> {
  await mkdir(parent, { recursive: true, mode: 0o700 });
  const stem = `${PREFIX}${createHash('sha256').update(actionId).digest('hex').slice(0, 12)}-`;
  await removeLeftovers(parent, stem);
  const path = join(parent, stem + randomUUID());
  // The lease first: a folder without one counts as left over.
  const lease = await takeLease(leasePath(path), { subject: path });
  await mkdir(path, { mode: 0o700 });
  return {
    path,
    async remove() {
      await removeTree(path);
      await lease.release();
    },
  };
}

function leasePath(folder: string): string {
  return `${folder}.lease`;
}

async function removeLeftovers(parent: string, stem: string): Promise<void> {
  const names = (await readdir(parent)).filter((name) => name.startsWith(stem));
  for (const folder of new Set(names.map((name) => join(parent, name.replace(/\.lease.*$/, ''))))) {
    if (!(await isLeaseOver(leasePath(folder)))) continue;
    await removeTree(folder);
    for (const name of names)
      if (name.startsWith(`${folder.slice(parent.length + 1)}.lease`)) await rm(join(parent, name), { force: true });
  }
}

/** Restored folders may forbid their own owner to remove what is in them. */
async function removeTree(path: string): Promise<void> {
  if (process.getuid?.() !== 0) await openFolders(path);
  await rm(path, { recursive: true, force: true });
}

/** Names as bytes: a restored name need not be UTF-8. */
async function openFolders(root: string): Promise<void> {
  const folders = [Buffer.from(root)];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    const stats = await lstat(folder).catch(() => undefined);
    if (stats?.isDirectory() !== true) continue;
    if ((stats.mode & 0o700) !== 0o700) await chmod(folder, 0o700);
    for (const entry of await readdir(folder, { withFileTypes: true, encoding: 'buffer' })) {
      if (entry.isDirectory()) folders.push(Buffer.concat([folder, Buffer.from('/'), entry.name]));
    }
    await nextTurn();
  }
}
