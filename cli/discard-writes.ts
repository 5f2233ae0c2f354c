/** A storage for dry runs: it reads, and forgets what it is given to write. */
import type { Storage } from '../storage/storage.ts';

/** Worker threads must not write by themselves either: it does not tell where the files are. */
export function discardWrites(storage: Storage): Storage {
  const { localDirectory: _, ...capabilities } = storage.capabilities;
  return {
    description: `${storage.description} (dry run)`,
    capabilities,
    list: (prefix, options) => storage.list(prefix, options),
    read: (name, range, options) => storage.read(name, range, options),
    openRead: (name, options) => storage.openRead(name, options),
    stat: (name, options) => storage.stat(name, options),
    ...(storage.counts === undefined ? {} : { counts: () => storage.counts!() }),
    close: () => storage.close(),
    async write(_name, content) {
      if (content instanceof Uint8Array) return;
      for await (const _chunk of content);
    },
    async remove() {},
  };
}
