/** What every backend demands of its callers, and how its failures are told: around an implementation that need not care. */
import { HoldfastError, StorageError, throwIfAborted } from '../common/errors.ts';
import { checkObjectName } from './object-name.ts';
import { passCounts, passFolders, passRights } from './pass-folders.ts';
import { eachPiece, passPieces } from './pass-pieces.ts';
import type { CallOptions, Storage } from './storage.ts';

/**
 * Names that lead elsewhere are refused (Usage) before anything happens. An aborted call ends before it begins, with the next
 * piece of a stream, or with the next entry of a list (Interrupted). An error that is none of the contract's becomes a
 * StorageError, whose cause it is.
 */
export function guarded(storage: Storage): Storage {
  const see = (call: CallOptions | undefined) => async (): Promise<void> => throwIfAborted(call?.signal);
  async function begin<Result>(verb: string, name: string, call: CallOptions | undefined, act: () => Promise<Result>) {
    checkObjectName(name);
    throwIfAborted(call?.signal);
    return act().catch((error: unknown) => {
      if (error instanceof HoldfastError) throw error;
      throw new StorageError(`could not ${verb} ${name} in ${storage.description}`, { cause: error });
    });
  }
  return {
    description: storage.description,
    capabilities: storage.capabilities,
    async *list(prefix, call) {
      throwIfAborted(call?.signal);
      for await (const entry of storage.list(prefix, call)) {
        throwIfAborted(call?.signal);
        yield entry;
      }
    },
    read: (name, range, call) => begin('read', name, call, () => storage.read(name, range, call)),
    openRead: (name, call) =>
      begin('read', name, call, async () => passPieces(await storage.openRead(name, call), see(call))),
    write(name, content, call) {
      const pieces = content instanceof Uint8Array ? content : eachPiece(content, see(call));
      return begin('write', name, call, () => storage.write(name, pieces, call));
    },
    remove: (name, call) => begin('remove', name, call, () => storage.remove(name, call)),
    stat: (name, call) => begin('look for', name, call, () => storage.stat(name, call)),
    ...passFolders(storage),
    ...passRights(storage),
    ...passCounts(storage),
    close: () => storage.close(),
  };
}
