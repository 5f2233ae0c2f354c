/** Policy files on this machine's disk. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { PolicyFiles } from './load-policies.ts';

/** Files below an absolute current folder. */
export function localPolicyFiles(currentFolder: string): PolicyFiles {
  return {
    currentFolder,
    read: (path) => readFile(path),
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
