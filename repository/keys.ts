/** The keys of a repository: files that hold its one master key, each under a password of its own. */
import { HoldfastError, IntegrityError, NotFoundError } from '../common/errors.ts';
import { sha256Hex } from './crypto.ts';
import { calibrateScrypt, createKeyFile, openKeyFile, parseKeyFile, type ScryptParameters } from './key-file.ts';
import { currentHolder } from './lock-file.ts';
import { KEY_PREFIX, listIds } from './object-names.ts';
import type { Repository } from './repository.ts';

export interface KeyDescription {
  id: string;
  /** Of what the key file says of itself, which nothing vouches for; absent when the file is damaged. */
  username?: string;
  hostname?: string;
  /** RFC 3339. */
  created?: string;
}

type Call = { signal?: AbortSignal };

/** Oldest first; damaged key files are among them, without a description. */
export async function listKeys(repository: Repository, call: Call = {}): Promise<KeyDescription[]> {
  const keys: { key: KeyDescription; modifiedAt: Date }[] = [];
  for await (const { id, modifiedAt } of listIds(repository.storage, KEY_PREFIX, call.signal))
    keys.push({ key: await describeKey(repository, id, call), modifiedAt });
  return keys.toSorted((a, b) => a.modifiedAt.getTime() - b.modifiedAt.getTime()).map(({ key }) => key);
}

async function describeKey(repository: Repository, id: string, call: Call): Promise<KeyDescription> {
  const content = await repository.storage.read(KEY_PREFIX + id, undefined, call);
  try {
    if (sha256Hex(content) !== id) return { id };
    const { username, hostname, created } = parseKeyFile(content, id);
    return { id, username, hostname, created };
  } catch (error) {
    if (error instanceof IntegrityError) return { id };
    throw error;
  }
}

export interface AddKeyOptions extends Call {
  /** Default: scrypt calibrated to half a second on this machine. */
  kdf?: ScryptParameters;
  now: Date;
}

/** Returns the id of the new key, which was read back and opened: whoever relies on it may lose the others. Throws Usage for an empty password. */
export async function addKey(repository: Repository, password: string, options: AddKeyOptions): Promise<string> {
  if (password === '') throw new HoldfastError('Usage', 'the new password is empty', { hint: 'give one that is not' });
  const { storage, key } = repository;
  const call = options.signal === undefined ? {} : { signal: options.signal };
  const { username, hostname } = currentHolder();
  const kdf = options.kdf ?? (await calibrateScrypt());
  const { id, content } = await createKeyFile(key, password, { kdf, username, hostname, now: options.now });
  await storage.write(KEY_PREFIX + id, content, call);
  const stored = await storage.read(KEY_PREFIX + id, undefined, call);
  const opened = await openKeyFile(parseKeyFile(stored, id), password, id);
  if (
    opened === undefined ||
    !opened.encrypt.equals(key.encrypt) ||
    !opened.macK.equals(key.macK) ||
    !opened.macR.equals(key.macR)
  )
    throw new IntegrityError(`the new key ${id} does not open the repository`, {
      hint: 'go on with the old password, and look at the storage',
    });
  return id;
}

/**
 * Removes a key; who has its password cannot open the repository any more, unless they kept the master key. The caller
 * holds an exclusive lock. Throws GuardRefused for the key that opened the repository, which is also the last one.
 *
 * @param inUse The key that must stay: the one that opened the repository, or its successor.
 */
export async function removeKey(
  repository: Repository,
  id: string,
  inUse: string | undefined,
  call: Call = {},
): Promise<void> {
  if (inUse === undefined || id === inUse)
    throw new HoldfastError('GuardRefused', `the key ${id.slice(0, 8)} is in use: it opened the repository just now`, {
      hint: 'open it with the password of another key, or change this one with "holdfast key passwd"',
    });
  // Somebody else may have removed it while this process waited for its lock: then this key may be the last.
  if ((await repository.storage.stat(KEY_PREFIX + inUse, call)) === undefined)
    throw new HoldfastError('GuardRefused', `the key in use, ${inUse.slice(0, 8)}, was removed meanwhile`, {
      hint: 'run "holdfast key list" with a password that still opens the repository',
    });
  await repository.storage.remove(KEY_PREFIX + id, call);
}

/** The key that a person means by an id or a unique prefix of one. Throws NotFound or Usage. */
export function selectKey(keys: readonly KeyDescription[], prefix: string): KeyDescription {
  const matching = /^[0-9a-f]{1,64}$/i.test(prefix) ? keys.filter(({ id }) => id.startsWith(prefix.toLowerCase())) : [];
  const [only] = matching;
  if (only === undefined)
    throw new NotFoundError(`no key has an id that begins with "${prefix}"`, {
      hint: 'run "holdfast key list" to see what there is',
    });
  if (matching.length > 1)
    throw new HoldfastError('Usage', `the ids of ${matching.length} keys begin with "${prefix}"`, {
      hint: 'type more digits',
    });
  return only;
}
