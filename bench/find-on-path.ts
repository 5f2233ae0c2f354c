/** Where a program is. */
import { accessSync, constants, statSync } from 'node:fs';
import path from 'node:path';

/** The first file of that name on the PATH that may be executed. */
export function findOnPath(name: string): string | undefined {
  return firstExecutable(name, (process.env['PATH'] ?? '').split(path.delimiter));
}

/**
 * A server that tests and benchmarks start: also where `go install` and holdfast's cache put it, and in Debian's folder for
 * what only root starts.
 */
export function findServer(name: string): string | undefined {
  const home = process.env['HOME'] ?? '';
  const cache = process.env['XDG_CACHE_HOME'] || path.join(home, '.cache');
  const folders = [path.join(cache, 'holdfast', 'servers'), path.join(home, 'go', 'bin'), '/usr/sbin'];
  return findOnPath(name) ?? firstExecutable(name, folders);
}

function firstExecutable(name: string, folders: string[]): string | undefined {
  return folders
    .filter((folder) => folder !== '')
    .map((folder) => path.join(folder, name))
    .find(isExecutable);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
