/** Where holdfast keeps what is not the person's own: the state of a folder, and the cache of a machine. */
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Environment } from './command.ts';

/** `.holdfast` of the current folder. */
export function stateDirectoryOf(directory: string): string {
  return join(directory, '.holdfast');
}

/** Holdfast's cache below XDG_CACHE_HOME, else `~/.cache`: it may be deleted at any time. */
export function cacheDirectoryOf(environment: Environment): string {
  const caches = environment['XDG_CACHE_HOME'];
  // The specification has relative ones ignored.
  const base = caches?.startsWith('/') ? caches : join(environment['HOME'] || homedir(), '.cache');
  return join(base, 'holdfast');
}
