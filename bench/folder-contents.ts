/** What lies in a folder: to see that a restore is whole, what a repository weighs, and to warm the page cache. */
import { closeSync, lstatSync, openSync, readdirSync, readSync } from 'node:fs';
import path from 'node:path';

const READ_AT_ONCE_BYTES = 4 * 1024 * 1024;

export interface FolderContents {
  /** Everything but folders. */
  files: number;
  /** Of regular files. */
  bytes: number;
}

export function measureFolder(folder: string): FolderContents {
  const contents = { files: 0, bytes: 0 };
  for (const { size } of entriesBelow(folder)) {
    contents.files++;
    contents.bytes += size;
  }
  return contents;
}

/** Reads everything once, so that no program finds the disk slower than the one after it. */
export function warmPageCache(folder: string): void {
  const buffer = Buffer.allocUnsafe(READ_AT_ONCE_BYTES);
  for (const { file, size } of entriesBelow(folder)) {
    if (size === 0) continue;
    const descriptor = openSync(file, 'r');
    while (readSync(descriptor, buffer, 0, buffer.length, null) > 0);
    closeSync(descriptor);
  }
}

function* entriesBelow(folder: string): Generator<{ file: string; size: number }> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const file = path.join(folder, entry.name);
    if (entry.isDirectory()) yield* entriesBelow(file);
    else yield { file, size: entry.isFile() ? lstatSync(file).size : 0 };
  }
}
