/** A storage that nobody changes through it. */
import { HoldfastError } from '../common/errors.ts';
import { passCounts, passRights } from './pass-folders.ts';
import type { Storage } from './storage.ts';

/**
 * Writing and removing are AccessDenied, before anything of them begins, but for names that `mayChange` lets through (the
 * locks of a repository's readers); reading is as it was. Of a local folder threads still read by themselves.
 */
export function readOnly(storage: Storage, mayChange: (name: string) => boolean = () => false): Storage {
  const demand = (verb: string, name: string): void => {
    if (mayChange(name)) return;
    throw new HoldfastError('AccessDenied', `${name} in ${storage.description} may only be read here, not ${verb}`, {
      hint: 'Open the place as one that may be written.',
    });
  };
  return {
    description: storage.description,
    capabilities: storage.capabilities,
    list: (prefix, call) => storage.list(prefix, call),
    read: (name, range, call) => storage.read(name, range, call),
    openRead: (name, call) => storage.openRead(name, call),
    async write(name, content, call) {
      demand('written', name);
      return storage.write(name, content, call);
    },
    async remove(name, call) {
      demand('removed', name);
      return storage.remove(name, call);
    },
    stat: (name, call) => storage.stat(name, call),
    ...passRights(storage),
    ...passCounts(storage),
    close: () => storage.close(),
  };
}
