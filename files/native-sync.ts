/** Making all that was written to a file system durable at once. */
import { createRequire } from 'node:module';
import { release } from 'node:os';
import type Koffi from 'koffi';
import type { ByteString } from '../common/byte-string.ts';
import { toBytes } from './byte-path.ts';
import { isOnLocalFileSystem } from './local-file-systems.ts';
import { systemError } from './native-metadata.ts';

/** Whether `syncFileSystem` of this folder promises for all files what `fsync` promises for one. */
export function canSyncFileSystem(folder: ByteString): boolean {
  // Before Linux 5.8 syncfs(2) does not tell that something could not be written.
  const [major = 0, minor = 0] = release().split('.').map(Number);
  if (process.platform !== 'linux' || major < 5 || (major === 5 && minor < 8)) return false;
  // Of network and user-space file systems it promises less than `fsync`.
  return isOnLocalFileSystem(toBytes(folder));
}

/**
 * Resolves when all that was written to the file system before the call, by whomever, is on its disk: contents, metadata and
 * names. Off the main thread. Rejects with Node's kind of error.
 *
 * @param descriptor An open file or folder of it. Not one that only stands for its place (`O_PATH`).
 */
export function syncFileSystem(descriptor: number): Promise<void> {
  const koffi = createRequire(import.meta.url)('koffi') as typeof Koffi;
  const syncfs = koffi.load(null).func('int syncfs(int descriptor)');
  return new Promise((resolve, reject) => {
    syncfs.async(descriptor, (error: unknown, result: number) => {
      if (error !== null && error !== undefined) reject(error as Error);
      else if (result === -1) reject(systemError(koffi.errno(), 'syncfs', `/proc/self/fd/${descriptor}` as ByteString));
      else resolve();
    });
  });
}
