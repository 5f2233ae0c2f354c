/** What wrappers hand on of the part of the contract that only some storages have. */
import type { Storage, StorageCapabilities } from './storage.ts';

/** `probeRights` where the storage has it. */
export function passRights(storage: Storage): Pick<Storage, 'probeRights'> {
  if (storage.probeRights === undefined) return {};
  return { probeRights: async (call) => (await storage.probeRights?.(call)) ?? {} };
}

/** `makeFolders` where the storage has it: whoever leaves it out takes from an account that may only add its way to write. */
export function passFolders(storage: Storage): Pick<Storage, 'makeFolders'> {
  if (storage.makeFolders === undefined) return {};
  return { makeFolders: (folders, call) => storage.makeFolders?.(folders, call) ?? Promise.resolve() };
}

/** `counts` where the storage has it. */
export function passCounts(storage: Storage): Pick<Storage, 'counts'> {
  return storage.counts === undefined ? {} : { counts: () => storage.counts!() };
}

/** But for the folder: what goes there directly would pass the wrapper by. */
export function passCapabilities({ capabilities }: Storage): StorageCapabilities {
  const { localDirectory: _, ...passed } = capabilities;
  return passed;
}
