/** Ids of this machine's users and groups by their names, from wherever the system keeps them (files, LDAP, …). */
import { createRequire } from 'node:module';
import type Koffi from 'koffi';

export interface AccountIds {
  /** undefined: nobody of this name is known here. */
  userId(name: string): number | undefined;
  groupId(name: string): number | undefined;
}

/** Where `struct passwd` and `struct group` of 64-bit Linux have the id: behind two pointers, name and password. */
const ID_OFFSET = 16;

/** Each name is asked for once. */
export function loadAccountIds(): AccountIds {
  const koffi = createRequire(import.meta.url)('koffi') as typeof Koffi;
  const own = koffi.load(null);
  const lookup = (call: (name: string) => unknown): ((name: string) => number | undefined) => {
    const known = new Map<string, number | undefined>();
    return (name) => {
      if (known.has(name)) return known.get(name);
      // NUL would end the name early, and so name somebody else.
      const found = name === '' || name.includes('\0') ? null : call(name);
      const id = found === null ? undefined : (koffi.decode(found, ID_OFFSET, 'uint32_t') as number);
      known.set(name, id);
      return id;
    };
  };
  return {
    userId: lookup(own.func('void *getpwnam(const char *name)')),
    groupId: lookup(own.func('void *getgrnam(const char *name)')),
  };
}
