/** A storage that nobody changes through it. */
import { HoldfastError } from '../common/errors.ts';
import type { Storage } from './storage.ts';

/** Writing and removing are AccessDenied, before anything of them begins; reading is as it was. */
export function readOnly(storage: Storage): Storage {
  const refuse = async (verb: string, name: string): Promise<never> => {
    throw new HoldfastError('AccessDenied', `${name} in ${storage.description} may only be read here, not ${verb}`, {
      hint: 'Open the place as one that may be written.',
    });
  };
  return {
    description: storage.description,
    // Who could write to the folder directly would go round this.
    capabilities: { atomicWrites: storage.capabilities.atomicWrites },
    list: (prefix, call) => storage.list(prefix, call),
    read: (name, range, call) => storage.read(name, range, call),
    openRead: (name, call) => storage.openRead(name, call),
    write: (name) => refuse('written', name),
    remove: (name) => refuse('removed', name),
    stat: (name, call) => storage.stat(name, call),
    close: () => storage.close(),
  };
}
