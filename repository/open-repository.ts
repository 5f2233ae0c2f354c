/** Opens a repository with a password. */
import { HoldfastError, IntegrityError } from '../common/errors.ts';
import type { CallOptions, ObjectEntry, Storage } from '../storage/storage.ts';
import { parseConfig } from './config.ts';
import { open, prepareKey, sha256Hex } from './crypto.ts';
import { searchKey } from './key-file.ts';
import type { LockTiming } from './lock-conflict.ts';
import { CONFIG_NAME, KEY_PREFIX, listIds } from './object-names.ts';
import type { MasterKey, OpenOptions, Repository, RepositoryConfig } from './repository.ts';
import { StoredRepository } from './stored-repository.ts';

/** What tests and benchmarks set besides. */
export interface OpenRepositoryOptions extends OpenOptions {
  /** Default: 16 MiB. */
  packSizeBytes?: number;
  lockTiming?: LockTiming;
}

const CONFIG_HINT =
  'Bring the file "config" back from a copy of the repository\'s folder, however old: it is written once. Nothing opens without it, but nothing else is lost.';

const LOST_KEY_HINT =
  "Bring the file back from a copy of the repository's folder: it is the only key, and nothing can be decrypted without it, whatever the password.";

const DAMAGED_KEY_HINT =
  'The password fits none of the other keys: if it is this one\'s, bring the file back from a copy, or open with the password of another key, remove this one, and add it anew ("holdfast key").';

/**
 * Errors: NoRepository when there is no config, WrongPassword when no key opens, IntegrityError when config or keys are
 * damaged, NotBuilt for an unknown format version. The repository owns the storage and closes it.
 */
export async function openRepository(
  storage: Storage,
  password: string,
  options: OpenRepositoryOptions = {},
): Promise<Repository> {
  const call = options.signal === undefined ? {} : { signal: options.signal };
  if ((await lookForConfig(storage, call)) === undefined) throw await noRepository(storage, call);
  const { id: keyId, key } = await findKey(storage, password, options);
  const config = await readConfig(storage, key, options.signal);
  return createStoredRepository(storage, config, key, { ...options, keyId });
}

async function lookForConfig(storage: Storage, call: CallOptions): Promise<ObjectEntry | undefined> {
  try {
    return await storage.stat(CONFIG_NAME, call);
  } catch (error) {
    if (!(error instanceof HoldfastError) || error.code !== 'AccessDenied') throw error;
    throw (await troubleOfListing(storage, call, 'AccessDenied')) ?? error;
  }
}

async function noRepository(storage: Storage, call: CallOptions): Promise<HoldfastError> {
  const cause = await troubleOfListing(storage, call, 'NotFound');
  return new HoldfastError(
    'NoRepository',
    `there is no repository at ${storage.description}${cause === undefined ? '' : `: ${cause.message}`}`,
    {
      hint: cause?.hint ?? 'Check the path, and of a disk that it is mounted; "holdfast init" creates a repository.',
      ...(cause === undefined ? {} : { cause }),
    },
  );
}

/** Services say why a list is refused, a bucket that does not exist or a wrong key, but nothing of an object: that answer has no body. */
async function troubleOfListing(
  storage: Storage,
  call: CallOptions,
  code: 'AccessDenied' | 'NotFound',
): Promise<HoldfastError | undefined> {
  try {
    for await (const _ of storage.list(KEY_PREFIX, call)) break;
    return undefined;
  } catch (error) {
    return error instanceof HoldfastError && error.code === code ? error : undefined;
  }
}

export function createStoredRepository(
  storage: Storage,
  config: RepositoryConfig,
  key: MasterKey,
  options: OpenRepositoryOptions & { keyId?: string },
): Repository {
  const { compression = 'auto', keyId, packSizeBytes, lockTiming } = options;
  return new StoredRepository(storage, config, key, {
    compression,
    keyId,
    ...(packSizeBytes === undefined ? {} : { packSizeBytes }),
    ...(lockTiming === undefined ? {} : { lockTiming }),
  });
}

/** The master key that the password opens; the newest key is tried first. Throws WrongPassword. */
export async function findKey(
  storage: Storage,
  password: string,
  { signal, processors }: Pick<OpenOptions, 'signal' | 'processors'> = {},
): Promise<{ id: string; key: MasterKey }> {
  const files: { id: string; modifiedAt: Date }[] = [];
  for await (const entry of listIds(storage, KEY_PREFIX, signal)) files.push(entry);
  files.sort((a, b) => b.modifiedAt.getTime() - a.modifiedAt.getTime());
  if (files.length === 0) {
    throw new IntegrityError(`the repository at ${storage.description} has no key file`, {
      hint: 'Restore the folder "keys" from a copy: without it nothing can be decrypted.',
    });
  }
  const read = async (id: string): Promise<Buffer> => {
    const content = await storage.read(KEY_PREFIX + id, undefined, signal === undefined ? {} : { signal });
    if (sha256Hex(content) !== id) throw new IntegrityError(`key file ${id} is damaged: its hash is not its name`);
    return content;
  };
  const ids = files.map(({ id }) => id);
  try {
    return await searchKey(ids, read, password, { where: storage.description, signal, processors });
  } catch (error) {
    throw withHint(error, ids.length === 1 ? LOST_KEY_HINT : DAMAGED_KEY_HINT);
  }
}

/** Throws IntegrityError when the key is another repository's, or the config is damaged. */
export async function readConfig(storage: Storage, key: MasterKey, signal?: AbortSignal): Promise<RepositoryConfig> {
  const stored = await storage.read(CONFIG_NAME, undefined, signal === undefined ? {} : { signal });
  try {
    return parseConfig(open(prepareKey(key), stored, `the config of ${storage.description}`), storage.description);
  } catch (error) {
    throw withHint(error, CONFIG_HINT);
  }
}

function withHint(error: unknown, hint: string): unknown {
  if (!(error instanceof IntegrityError)) return error;
  return new IntegrityError(error.message, { cause: error, context: error.context, hint });
}
