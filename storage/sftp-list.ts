/** Lists the objects below a folder of an SFTP server, in byte order, a folder's names in memory at a time. */
import { posix } from 'node:path';
import type { FileEntryWithStats } from 'ssh2';
import { forEachConcurrently } from '../common/concurrency.ts';
import { throwIfAborted } from '../common/errors.ts';
import { SftpStatus, sftpStatus, translateSftpError } from './sftp-errors.ts';
import { readRemoteFolder } from './sftp-folder.ts';
import type { SftpPool } from './sftp-pool.ts';
import type { SftpSession } from './sftp-session.ts';
import { isAbandoned, isTemporary } from './sftp-temporary.ts';
import { statRemote } from './sftp-write.ts';
import type { ObjectEntry } from './storage.ts';

/** Folders that are read before their turn: restic's layout has 256 small ones, and each takes four answers, one after the other. */
const AHEAD = 64;

/** Entries looked at at once, where the listing of a folder does not say what they are. */
const LOOKS = 32;

export interface SftpListing {
  pool: SftpPool;
  root: string;
  prefix: string;
  signal: AbortSignal | undefined;
  /** Whether unfinished files that were left behind are removed on the way. */
  removesAbandoned: boolean;
}

type Item = ObjectEntry | { folder: string };

/** A missing root or folder lists nothing. Begins at the prefix's own folder: each one above would cost four answers. */
export async function* listRemote(listing: SftpListing): AsyncGenerator<ObjectEntry> {
  const folder = listing.prefix.slice(0, listing.prefix.lastIndexOf('/') + 1);
  // No name begins so.
  if (/(^|\/)\.{0,2}\//.test(folder)) return;
  yield* listItems(listing, await readFolder(listing, folder));
}

async function* listItems(listing: SftpListing, items: readonly Item[]): AsyncGenerator<ObjectEntry> {
  const ahead = new Map<string, Promise<Item[]>>();
  const folders = items.flatMap((item) => ('folder' in item ? [item.folder] : []));
  let next = 0;
  for (const item of items) {
    throwIfAborted(listing.signal);
    if (!('folder' in item)) {
      yield item;
      continue;
    }
    for (; next < folders.length && ahead.size < AHEAD; next++) {
      const reading = readFolder(listing, folders[next]!);
      // Told when its turn comes.
      reading.catch(() => {});
      ahead.set(folders[next]!, reading);
    }
    const content = await ahead.get(item.folder);
    ahead.delete(item.folder);
    yield* listItems(listing, content ?? []);
  }
}

/** What of a folder can still lead to the prefix, in byte order, where a folder sorts as its name with the slash. */
async function readFolder(listing: SftpListing, folder: string): Promise<Item[]> {
  const { pool, root, prefix, signal } = listing;
  const path = posix.join(root, folder);
  try {
    return await pool.run(
      async (session) => {
        const items: Item[] = [];
        await forEachConcurrently(await readRemoteFolder(session, path, signal), LOOKS, async (entry) => {
          const name = `${folder}${entry.filename}`;
          if (isTemporary(entry.filename)) {
            if (listing.removesAbandoned) removeAbandoned(session, posix.join(root, name), entry);
            return;
          }
          if (!name.startsWith(prefix) && !prefix.startsWith(`${name}/`)) return;
          const item = await itemOf(session, posix.join(root, name), name, entry);
          if (item !== undefined) items.push(item);
        });
        return items
          .filter((item) => !('folder' in item) || item.folder.startsWith(prefix) || prefix.startsWith(item.folder))
          .toSorted((a, b) => (sortKey(a) < sortKey(b) ? -1 : 1));
      },
      { repeatable: true, signal },
    );
  } catch (error) {
    if (sftpStatus(error) === SftpStatus.noSuchFile || (await isFile(listing, path))) return [];
    throw translateSftpError(error, 'list', path);
  }
}

/** Not every server says of a file that it is no such folder. */
async function isFile({ pool, signal }: SftpListing, path: string): Promise<boolean> {
  try {
    const look = { repeatable: true, signal };
    return (await pool.run((session) => statRemote(session, path, signal), look))?.isDirectory() === false;
  } catch {
    return false;
  }
}

function sortKey(item: Item): string {
  return 'folder' in item ? item.folder : item.name;
}

/** People move `data` to another disk and leave a symbolic link. Some servers tell no types in a listing. */
async function itemOf(
  session: SftpSession,
  path: string,
  name: string,
  { attrs }: FileEntryWithStats,
): Promise<Item | undefined> {
  const isPlain = attrs.mode !== undefined && (attrs.isFile() || attrs.isDirectory());
  const stats = isPlain ? attrs : await statRemote(session, path);
  if (stats === undefined) return undefined;
  if (stats.isDirectory()) return { folder: `${name}/` };
  return stats.isFile() ? { name, sizeBytes: stats.size, modifiedAt: new Date(stats.mtime * 1000) } : undefined;
}

/** Not waited for, and no matter when it fails: the next listing comes. */
export function removeAbandoned(session: SftpSession, path: string, { filename, attrs }: FileEntryWithStats): void {
  if (!isAbandoned(filename, attrs.mtime * 1000)) return;
  session.request<void>((sftp, done) => sftp.unlink(path, done)).catch(() => {});
}
