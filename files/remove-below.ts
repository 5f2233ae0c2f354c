/** Removing a folder with all that is in it, reached through descriptors alone. */
import { lstatSync, readdirSync, rmdirSync, unlinkSync } from 'node:fs';
import type { ByteString } from '../common/byte-string.ts';
import { toBytes } from './byte-path.ts';
import { openChildFolder, type BorrowedFolder } from './safe-folder.ts';

/** A file, a link, or a folder with all below it; a link is never followed. Throws Node's error, `ENOENT` where nothing is there. */
export function removeBelow(folder: BorrowedFolder, name: ByteString): void {
  const path = toBytes(folder.entry(name));
  if (!lstatSync(path).isDirectory()) return unlinkSync(path);
  {
    using child = openChildFolder(folder, name);
    const names = readdirSync(toBytes(child.entry('' as ByteString)), 'latin1') as ByteString[];
    for (const below of names) removeBelow(child, below);
  }
  rmdirSync(path);
}
