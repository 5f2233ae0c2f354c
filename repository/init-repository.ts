/** Creates a repository: a key file, then the config, whose presence makes it one. */
import { HoldfastError, IntegrityError } from '../common/errors.ts';
import type { Storage } from '../storage/storage.ts';
import { createConfig } from './config.ts';
import { generateMasterKey, prepareKey, seal } from './crypto.ts';
import { calibrateScrypt, createKeyFile, type ScryptParameters } from './key-file.ts';
import { currentHolder } from './lock-file.ts';
import { CONFIG_NAME, KEY_PREFIX, listIds } from './object-names.ts';
import { createStoredRepository, findKey, readConfig, type OpenRepositoryOptions } from './open-repository.ts';
import type { MasterKey, Repository } from './repository.ts';

/** Of the layout: one for each first byte of a pack's id, as restic makes them. */
const FOLDERS: readonly string[] = [
  ...Array.from({ length: 256 }, (_, byte) => `data/${byte.toString(16).padStart(2, '0')}`),
  ...['index', 'keys', 'locks', 'snapshots'],
];

export interface InitRepositoryOptions extends OpenRepositoryOptions {
  /** Of the first key. Default: scrypt calibrated to half a second on this machine. */
  kdf?: ScryptParameters;
  /** Another repository's, so that both cut files in the same places. Default: a random one. */
  chunkerPolynomial?: string;
}

/**
 * Creates a repository of format version 2 and opens it. AlreadyExists when there is one. An init that was killed half
 * way is finished by another with the same password.
 */
export async function initRepository(
  storage: Storage,
  password: string,
  options: InitRepositoryOptions = {},
): Promise<Repository> {
  if (password === '') {
    throw new HoldfastError('Usage', 'a repository needs a password', {
      hint: 'Give a password file that is not empty.',
    });
  }
  const call = options.signal === undefined ? {} : { signal: options.signal };
  if ((await storage.stat(CONFIG_NAME, call)) !== undefined) throw alreadyExists(storage);
  // All that will ever be needed: a writer who may only add files makes no folders.
  await storage.makeFolders?.(FOLDERS, call);
  const { key, written } = await prepareFirstKey(storage, password, options);
  const config = createConfig(options.chunkerPolynomial);
  try {
    const sealed = seal(prepareKey(key), Buffer.from(JSON.stringify(config)));
    await storage.write(CONFIG_NAME, sealed, { ...call, existing: 'refuse' });
  } catch (error) {
    if (!(error instanceof HoldfastError) || error.code !== 'AlreadyExists') throw error;
    // Somebody else was faster. Our key is in the way, unless they found it and made it theirs.
    if (written !== undefined && !(await opensConfig(storage, key))) await storage.remove(written);
    throw alreadyExists(storage);
  }
  return createStoredRepository(storage, config, key, options);
}

/** The key of an unfinished init when the password opens it, else a new one. */
async function prepareFirstKey(
  storage: Storage,
  password: string,
  options: InitRepositoryOptions,
): Promise<{ key: MasterKey; written?: string }> {
  for await (const _ of listIds(storage, KEY_PREFIX, options.signal))
    return reuseKey(storage, password, options.signal);
  const key = generateMasterKey();
  const kdf = options.kdf ?? (await calibrateScrypt());
  const { username, hostname } = currentHolder();
  const { id, content } = await createKeyFile(key, password, { kdf, username, hostname, now: new Date() });
  await storage.write(KEY_PREFIX + id, content, options.signal === undefined ? {} : { signal: options.signal });
  return { key, written: KEY_PREFIX + id };
}

async function reuseKey(storage: Storage, password: string, signal?: AbortSignal): Promise<{ key: MasterKey }> {
  try {
    return { key: (await findKey(storage, password, signal === undefined ? {} : { signal })).key };
  } catch (cause) {
    if (!(cause instanceof HoldfastError) || cause.code !== 'WrongPassword') throw cause;
    throw new HoldfastError('AlreadyExists', `keys of an unfinished repository lie at ${storage.description}`, {
      hint: 'Use the password of the first attempt, or remove the folder "keys" if nothing was ever stored there.',
      cause,
    });
  }
}

async function opensConfig(storage: Storage, key: MasterKey): Promise<boolean> {
  try {
    await readConfig(storage, key);
    return true;
  } catch (error) {
    if (error instanceof IntegrityError) return false;
    throw error;
  }
}

function alreadyExists(storage: Storage): HoldfastError {
  return new HoldfastError('AlreadyExists', `there is already a repository at ${storage.description}`, {
    hint: 'Use it as it is, or choose another place.',
  });
}
