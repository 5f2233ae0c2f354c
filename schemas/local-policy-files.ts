/** Policy files on this machine's disk. */
import { open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { PolicyFiles } from './load-policies.ts';
import { LONGEST_FILE } from './policy-text.ts';

/** Files below an absolute current folder. */
export function localPolicyFiles(currentFolder: string): PolicyFiles {
  return {
    currentFolder,
    read: readBeginning,
    stat: kindOf,
    async list(path) {
      const entries: { name: string; kind: 'file' | 'folder' }[] = [];
      for (const entry of await readdir(path, { withFileTypes: true })) {
        // A link to a folder could lead round in a circle; a link to a file is as good as the file.
        const kind = entry.isDirectory() ? 'folder' : entry.isFile() ? 'file' : await kindOf(join(path, entry.name));
        if (kind === 'file' || (kind === 'folder' && entry.isDirectory())) entries.push({ name: entry.name, kind });
      }
      return entries;
    },
  };
}

/** One byte more than a policy file may have tells that it is too long. */
async function readBeginning(path: string): Promise<Uint8Array> {
  const file = await open(path);
  try {
    const bytes = Buffer.alloc(Math.min((await file.stat()).size, LONGEST_FILE + 1));
    let length = 0;
    while (length < bytes.length) {
      const { bytesRead } = await file.read(bytes, length, bytes.length - length);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    return bytes.subarray(0, length);
  } finally {
    await file.close();
  }
}

async function kindOf(path: string): Promise<'file' | 'folder' | undefined> {
  try {
    const found = await stat(path);
    return found.isDirectory() ? 'folder' : found.isFile() ? 'file' : undefined;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP') return undefined;
    throw error;
  }
}
