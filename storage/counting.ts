/** A storage that counts what is asked of it, by the classes of operations that providers bill. */
import type { Readable } from 'node:stream';
import { passCapabilities, passFolders, passRights } from './pass-folders.ts';
import { eachPiece, passPieces } from './pass-pieces.ts';
import type { Storage, StorageCounts } from './storage.ts';

/** Nothing yet. */
export function createCounts(): StorageCounts {
  return { writes: 0, lists: 0, reads: 0, stats: 0, removes: 0, bytesWritten: 0, bytesRead: 0 };
}

/** Failed calls count too, because they are billed. */
export function counting(storage: Storage): Storage & { counts(): StorageCounts } {
  const counts = createCounts();
  return {
    description: storage.description,
    capabilities: passCapabilities(storage),
    list(prefix, call) {
      counts.lists += 1;
      return storage.list(prefix, call);
    },
    async read(name, range, call) {
      counts.reads += 1;
      const content = await storage.read(name, range, call);
      counts.bytesRead += content.length;
      return content;
    },
    async openRead(name, call): Promise<Readable> {
      counts.reads += 1;
      const body = await storage.openRead(name, call);
      return passPieces(body, async (piece) => {
        counts.bytesRead += piece.length;
      });
    },
    async write(name, content, call) {
      counts.writes += 1;
      const count = async (piece: Uint8Array): Promise<void> => {
        counts.bytesWritten += piece.length;
      };
      if (content instanceof Uint8Array) {
        await count(content);
        return storage.write(name, content, call);
      }
      return storage.write(name, eachPiece(content, count), call);
    },
    async remove(name, call) {
      counts.removes += 1;
      return storage.remove(name, call);
    },
    ...passFolders(storage),
    ...passRights(storage),
    async stat(name, call) {
      counts.stats += 1;
      return storage.stat(name, call);
    },
    counts: () => ({ ...counts }),
    close: () => storage.close(),
  };
}
